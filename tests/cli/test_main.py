import os
import signal
import subprocess
import sys

import keras
import pytest

from keras_symdiff.cli.main import _COMMANDS
from keras_symdiff.version import __version__

SYMDIFF = [sys.executable, "-c", "from keras_symdiff.cli.main import main; main()"]
# Runs `symdiff` and then says which heavy modules that has imported.
PROBE = """
import sys
from keras_symdiff.cli.main import main
sys.argv[0] = "symdiff"
main()
print([name for name in ("keras", "numpy", "matplotlib", "symusic") if name in sys.modules])
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], [], *([name, "--help"] for name in _COMMANDS)])
def test_help_imports_nothing_heavy(arguments):
    result = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True)
    assert result.stdout.endswith("[]\n")
    assert result.stdout.startswith(f"symdiff, version {__version__}" if "--version" in arguments else "Usage: symdiff")


@pytest.mark.parametrize("name", ["numpy", "theano"])
def test_other_backends_are_refused(cli, monkeypatch, tmp_path, name):
    monkeypatch.setenv("KERAS_BACKEND", name)
    code, _, err = cli("sample", "-o", tmp_path / "out")
    assert (code, err) == (1, f"Error: KERAS_BACKEND must be one of jax, tensorflow, torch. Received: {name}\n")


def test_the_backend_is_named(cli, tiny_preset, tmp_path):
    _, _, err = cli("sample", "-o", tmp_path, "-n", 1, "--steps", 1, "--preset", tiny_preset)
    assert err.splitlines()[0] == f"Keras {keras.__version__} on {keras.backend.backend()}"


def test_an_interrupt_ends_with_one_line(tmp_path):
    pipe = tmp_path / "slow.mid"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [*SYMDIFF, "inspect", pipe],
        stderr=subprocess.PIPE,
        text=True,
        # A test run that a shell put into the background hands down an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with open(pipe, "wb"):  # returns when the other side has opened it; now it waits for bytes
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err.strip()) == (130, "Interrupted.")
