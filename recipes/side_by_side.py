"""Training processes that share one device."""

import os
import subprocess
import tarfile
import time


def run_side_by_side(commands, runs, output, seconds, packed):
    """Runs commands at once, and packs the folder of each run when it has ended.

    Args:
        commands: dict of name to list of str; command NAME works in the folder `runs / NAME`.
        runs: path.
        output: path, where NAME.tar and NAME.log are written.
        seconds: after which what still runs is ended.
        packed: function of a path below `runs / NAME` that says whether it goes into NAME.tar.
    """
    output.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "PYTHONUNBUFFERED": "1",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # each would take three quarters of the memory
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    started = {}
    for name, command in commands.items():
        (runs / name).mkdir(parents=True, exist_ok=True)
        with open(runs / name / "log.txt", "w", encoding="utf-8") as log:
            started[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + seconds
    while any(process.poll() is None for process in started.values()) and time.monotonic() < deadline:
        time.sleep(0.5)
    for process in started.values():
        if process.poll() is None:
            process.terminate()
    for name, process in started.items():
        code = process.wait()
        lines = (runs / name / "log.txt").read_text(errors="replace").splitlines()
        print(f"== {name}: exit {code}", *lines[-3:], sep="\n", flush=True)
        with tarfile.open(output / f"{name}.tar", "w") as archive:
            for path in sorted((runs / name).rglob("*")):
                if path.is_file() and packed(path):
                    archive.add(path, path.relative_to(runs))
