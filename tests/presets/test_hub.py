import json
import os
import pathlib
import subprocess
import sys

import keras
import pytest
from hub_server import hub_server

pytest.importorskip("huggingface_hub")
if keras.backend.backend() != "jax":
    pytest.skip("the backend does not matter", allow_module_level=True)

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def hub(tmp_path):
    """The stand-in; the real client runs in processes of its own, which read their environment anew."""
    with hub_server() as server:
        server.environment = {
            **os.environ, "HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "cache"), "HF_TOKEN": "hf_token",
            "NO_PROXY": "127.0.0.1", "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
        }  # fmt: skip
        yield server


def run(hub, *command, **environment):
    return subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, env=hub.environment | environment
    )


def upload(hub, folder):
    result = run(hub, ROOT / "tools" / "publish_preset.py", folder, "hf://user/name", "cc-by-4.0")
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


FETCH = "import sys; from keras_symdiff.presets.preset import preset_folder; print(preset_folder(sys.argv[1]))"


def test_a_preset_goes_up_and_comes_down_as_it_was(hub, tiny_preset):
    handle = upload(hub, tiny_preset)
    (commit, files), = hub.commits["user/name"].items()  # fmt: skip
    assert handle == f"hf://user/name@{commit}"
    card = files["README.md"].decode()
    assert card.startswith("---\nlibrary_name: keras_symdiff\nlicense: cc-by-4.0\n")
    assert 'Composer.from_preset("hf://user/name")' in card
    result = run(hub, "-c", FETCH, "hf://user/name")
    assert result.returncode == 0, result.stderr
    folder = pathlib.Path(result.stdout.strip())
    for path in tiny_preset.rglob("*"):
        if path.is_file():
            assert (folder / path.relative_to(tiny_preset)).read_bytes() == path.read_bytes()
    assert not (folder / "README.md").exists()


def test_the_command_line_composes_with_it_from_the_cache_alone_too(hub, tiny_preset, tmp_path):
    upload(hub, tiny_preset)
    sample = ["-m", "keras_symdiff.cli", "sample", "-n", 1, "--quality", "draft", "--preset", "hf://user/name"]
    result = run(hub, "-c", FETCH, "hf://user/name")
    assert result.returncode == 0, result.stderr
    hub.requests.clear()
    main = "import sys; from keras_symdiff.cli.main import main; main()"
    result = run(hub, "-c", main, "--offline", *sample[2:], "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "sample_0_000.mid").exists()
    assert not hub.requests
    result = run(hub, "-c", main, "--offline", "sample", "--preset", "hf://user/other", "-o", tmp_path / "out")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(
        "Error: The preset could not be fetched. Received: hf://user/other"
    )


def test_a_revision_is_pinned_and_nothing_is_fetched_twice(hub, tiny_preset, tmp_path):
    first = upload(hub, tiny_preset)
    (commit,) = hub.commits["user/name"]
    changed = dict(hub.commits["user/name"][commit])
    transform = json.loads(changed["latent_transform.json"])
    transform["maximum"] = [3.0, 3.0, 3.0]
    changed["latent_transform.json"] = json.dumps(transform).encode()
    hub.commits["user/name"]["f" * 40] = changed  # without its checksum: somebody changed a file
    result = run(hub, "-c", FETCH, first)
    assert result.returncode == 0, result.stderr
    hub.requests.clear()
    result = run(hub, "-c", FETCH, first)
    assert result.returncode == 0, result.stderr
    assert not [request for request in hub.requests if request.startswith("GET") and "/resolve/" in request]
    result = run(hub, "-c", FETCH, "hf://user/name")
    assert result.returncode == 1
    assert "ValueError: hf://user/name is damaged: the SHA-256 of latent_transform.json" in result.stderr


@pytest.mark.parametrize(
    ("handle", "error"),
    [
        ("hf://user/nothing", "The preset could not be fetched. Received: hf://user/nothing"),
        ("hf://user", "A preset on the hub is named hf://user/name. Received: hf://user"),
    ],
)
def test_what_is_not_there_is_refused(hub, handle, error):
    result = run(hub, "-c", FETCH, handle)
    assert result.returncode == 1
    assert f"ValueError: {error}" in result.stderr
