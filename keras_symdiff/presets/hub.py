"""Presets on the Hugging Face hub, `hf://user/name`."""

import functools
import hashlib
import json
import tempfile
from pathlib import Path

from keras_symdiff.files.read_json import read_json

HUB_PREFIX = "hf://"
_CHECKSUMS = "checksums.json"
_FILES = ["*.json", "*.npz"]
_CARD = """---
library_name: keras_symdiff
license: {licence}
tags:
- music
- midi
- diffusion
---

"""
_TEXT = """# {name}

A preset of [keras_symdiff](https://pypi.org/project/keras_symdiff/), which composes and infills melodies.

```python
import keras_symdiff

composer = keras_symdiff.Composer.from_preset("{handle}")
```
"""


@functools.cache
def download_preset(handle: str) -> Path:
    """Fetches a preset from the hub, once a process; what is in the hub's cache is not fetched again.

    Args:
        handle: `hf://user/name`, or `hf://user/name@revision` for a commit, branch or tag.

    Returns:
        Folder of the preset, in the cache of `huggingface_hub`.

    Raises:
        ValueError: if there is no such preset, or a file is not the one that was uploaded.
        ImportError: without the extra `hub`.
    """
    repository, revision = _repository(handle)
    hub = _huggingface_hub()
    try:
        folder = Path(hub.snapshot_download(repository, revision=revision, allow_patterns=_FILES))
    except (OSError, ValueError, hub.errors.HfHubHTTPError) as error:
        raise ValueError(f"The preset could not be fetched. Received: {handle} ({error})") from error
    try:
        checksums = read_json(folder / _CHECKSUMS)
        damaged = [name for name, sha256 in checksums.items() if _sha256(folder / name) != sha256]
    except (OSError, ValueError, AttributeError) as error:
        raise ValueError(f"Not a preset that `upload_preset` wrote. Received: {handle} ({error})") from error
    if damaged:
        raise ValueError(f"{handle} is damaged: the SHA-256 of {damaged[0]} is not the recorded one")
    return folder


def upload_preset(folder: str | Path, handle: str, licence: str) -> str:
    """Uploads a preset folder or run directory with a card and the hashes of its files.

    The user is the one whom `hf auth login` made known, or `HF_TOKEN`.

    Args:
        folder: what `Composer.from_preset` takes as a folder.
        handle: `hf://user/name`; the repository is made if it is not there.
        licence: of the weights, as the hub calls it, such as `"cc-by-4.0"`.

    Returns:
        Handle of what was uploaded, with its commit.

    Raises:
        ValueError: if the folder is no preset.
        ImportError: without the extra `hub`.
    """
    repository, _ = _repository(handle)
    folder, hub = Path(folder), _huggingface_hub()
    names = sorted(p.relative_to(folder).as_posix() for pattern in _FILES for p in folder.rglob(pattern))
    names = [name for name in names if name not in (_CHECKSUMS, "training.json")]
    if "latent_transform.json" not in names:
        raise ValueError(f"A preset has a latent_transform.json. Received: {folder}")
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8") if card.is_file() else _TEXT.format(name=repository, handle=handle)
    with tempfile.TemporaryDirectory() as own:
        own = Path(own)
        (own / "README.md").write_text(_CARD.format(licence=licence) + text, encoding="utf-8")
        checksums = {name: _sha256(folder / name) for name in names}
        (own / _CHECKSUMS).write_text(json.dumps(checksums, indent=1) + "\n", encoding="utf-8")
        paths = {name: folder / name for name in names} | {name: own / name for name in ("README.md", _CHECKSUMS)}
        api = hub.HfApi()
        api.create_repo(repository, exist_ok=True)
        commit = api.create_commit(
            repository,
            [hub.CommitOperationAdd(name, path) for name, path in paths.items()],
            commit_message="Upload a preset of keras_symdiff",
        )
    return f"{HUB_PREFIX}{repository}@{commit.oid}"


def _repository(handle):
    """Repository and revision of a handle."""
    repository, _, revision = handle.removeprefix(HUB_PREFIX).partition("@")
    if not handle.startswith(HUB_PREFIX) or len([part for part in repository.split("/") if part]) != 2:
        raise ValueError(f"A preset on the hub is named hf://user/name. Received: {handle}")
    return repository, revision or None


def _huggingface_hub():
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError("Presets on the hub need the extra hub: pip install 'keras_symdiff[hub]'") from error
    return huggingface_hub


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
