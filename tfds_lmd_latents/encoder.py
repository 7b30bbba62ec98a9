"""The MusicVAE that encodes a data set."""

import functools
import pathlib
from typing import Any

MAGENTA_ENCODER = "https://storage.googleapis.com/magentadata/models/music_vae/checkpoints/cat-mel_2bar_big.tar"


@functools.cache
def load_encoder(name: str) -> Any:
    """Loads a MusicVAE, once per process.

    Args:
        name: a checkpoint of Magenta (`.tar` or prefix; needs TensorFlow), a preset, or a run directory.

    Returns:
        A `MusicVAE`.

    Raises:
        ValueError: if it is none of them, or damaged.
    """
    from keras_symdiff import MusicVAE

    if pathlib.Path(name).is_file() or pathlib.Path(f"{name}.index").is_file():
        return MusicVAE.from_magenta_checkpoint(name)
    return MusicVAE.from_preset(name)


def latent_dim_of(name: str) -> int:
    """Size of the latents of a preset or run directory; of anything else, that of Magenta's published checkpoint."""
    from keras_symdiff.constants import LATENT_DIM
    from keras_symdiff.presets.preset import preset_folder, read_config

    try:
        folder = preset_folder(name)
    except ValueError:
        return LATENT_DIM
    return read_config(folder / "music_vae")["latent_dim"]
