"""Trained parts of a model in a folder: how they are written, found, checked and read.

A preset and a run directory look alike:

    NAME/music_vae/{config.json, weights.npz}
    NAME/latent_diffusion/{config.json, weights.npz}  or  NAME/latent_mdn/..., the autoregressive baseline
    NAME/latent_transform.json
    NAME/training_phrases.npz, hashes of the phrases that were trained on; may be missing
    NAME/forms.npz, forms of training pieces (`music.form.FormTable`); may be missing
"""

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from keras_symdiff.check_finite import check_finite
from keras_symdiff.files.read_json import read_json
from keras_symdiff.files.read_npz import read_npz
from keras_symdiff.presets.hub import HUB_PREFIX, download_preset
from keras_symdiff.write_atomically import write_atomically

PRESETS = Path(__file__).parent
MOST_UNITS = 1 << 14  # above any size or count of a config, and too few to fill a machine's memory by one of them
FORMS_FILE = "forms.npz"
# The folders of the files that decide the music of infills; hashes of training phrases only tell novelty.
_DECISIVE = ("music_vae", "latent_diffusion")


def preset_folder(name_or_folder: str | os.PathLike) -> Path:
    """Finds a preset by name or a folder by path.

    Args:
        name_or_folder: name of a shipped preset, path of a preset or run directory, or `hf://user/name`.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        ValueError: when it is neither; the message lists the presets.
    """
    if not isinstance(name_or_folder, str | os.PathLike):
        raise ValueError(f"A preset is a name or a path. Received: {name_or_folder!r:.200}")
    if str(name_or_folder).startswith(HUB_PREFIX):
        return download_preset(str(name_or_folder))
    if str(name_or_folder) and Path(name_or_folder).is_dir():  # an empty path is not the working directory
        return Path(name_or_folder)
    names = sorted(path.parent.name for path in PRESETS.glob("*/latent_transform.json"))
    if str(name_or_folder) in names:
        return PRESETS / name_or_folder
    raise ValueError(f"Neither a folder nor a preset ({', '.join(names)}). Received: {str(name_or_folder)!r}")


def is_baseline(folder: Path) -> bool:
    """Whether a preset folder holds the autoregressive baseline and no diffusion model."""
    return (folder / "latent_mdn").is_dir() and not (folder / "latent_diffusion").is_dir()


def knows_one_key(folder: Path) -> bool:
    """Whether a preset's diffusion model was trained on music in C major and A minor only.

    Its config says so under `one_key`; where it does not, models that hear a condition were.
    """
    if is_baseline(folder):
        return False
    config = read_config(folder / "latent_diffusion")
    return bool(config.get("one_key", config["denoiser"].get("condition_dim") is not None))


def hash_preset(name_or_folder: str | Path) -> dict[str, str]:
    """Hashes the files of a preset that decide its music.

    Args:
        name_or_folder: as of `preset_folder`.

    Returns:
        SHA-256 of each file that is there, by its path in the folder.
    """
    folder = preset_folder(name_or_folder)
    files = [f"{part}/{name}" for part in _DECISIVE for name in ("config.json", "weights.npz")]
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in [*files, "latent_transform.json", FORMS_FILE]
        if (folder / name).is_file()
    }


def write_part(folder: Path, model: Any, config: dict[str, Any], dtype: str = "float32") -> None:
    """Writes the weights of one model, then its config with their hash.

    Args:
        folder: path, made if it is not there.
        model: Keras model whose `weights` are written, in their order.
        config: JSON-able dict that is enough to build the model again.
        dtype: type of floating-point numbers on disk, `"float32"` or `"float16"`.

    Raises:
        ValueError: when a weight is not finite; nothing is written.
    """
    folder = Path(folder)
    stored = [_as_stored(weights, dtype) for weights in model.get_weights()]
    for weights in stored:
        check_finite(f"The weights of {folder.name}", weights)
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, *stored)
    write_atomically(folder / "weights.npz", buffer.getvalue())
    card = {"config": config, "weights_sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
    write_atomically(folder / "config.json", (json.dumps(card, indent=1) + "\n").encode())


def read_config(folder: Path) -> Any:
    """Reads the config that `write_part` wrote.

    Raises:
        ValueError: when there is none.
    """
    try:
        config = read_json(Path(folder) / "config.json")["config"]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"Not a trained model (no readable config.json). Received: {folder} ({error})") from error
    too_large = [name for name, number in _numbers(config) if number > MOST_UNITS and name != "seed"]
    if too_large:
        raise ValueError(
            f"Sizes and counts of a model are at most {MOST_UNITS:,}. Received: a larger {too_large[0]} in {folder}"
        )
    return config


def read_weights(folder: Path) -> list[np.ndarray]:
    """Reads the weights that `write_part` wrote.

    Raises:
        ValueError: when the file is missing, does not have the recorded SHA-256, or holds something else, or a number
            that is not finite.
    """
    path = Path(folder) / "weights.npz"
    recorded = read_json(Path(folder) / "config.json").get("weights_sha256")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != recorded:
        raise ValueError(f"{path} is damaged: its SHA-256 is not the recorded {recorded}")
    try:
        archive = read_npz(data)
        weights = [archive[f"arr_{i}"] for i in range(len(archive))]
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path} does not hold weights: {error}") from error
    for array in weights:
        if array.dtype.kind not in "fiu":
            raise ValueError(f"{path} must hold numbers. Received: {array.dtype}")
        check_finite(f"The weights in {path}", array)
    return weights


def set_weights(model: Any, weights: list[np.ndarray], folder: Path) -> None:
    """Gives a model what `read_weights` read from a folder.

    Raises:
        ValueError: when they are another model's.
    """
    shapes, expected = [array.shape for array in weights], [tuple(w.shape) for w in model.weights]
    if shapes != expected:
        raise ValueError(
            f"{Path(folder) / 'weights.npz'} holds other shapes than its config's model. "
            f"Received: {shapes}, expected {expected}"
        )
    # Cast by NumPy: JAX would compile that for each shape.
    model.set_weights([array.astype(w.dtype) for array, w in zip(weights, model.weights, strict=True)])


def _numbers(value, name=""):
    """Pairs of the name and the value of each number in a config."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _numbers(child, key)
    elif isinstance(value, list):
        for child in value:
            yield from _numbers(child, name)
    elif isinstance(value, int | float):
        yield name, value


def _as_stored(weights, dtype):
    """Counters keep their type: a step count above 65,504 is infinite in float16."""
    return weights.astype(dtype) if np.issubdtype(weights.dtype, np.floating) else weights
