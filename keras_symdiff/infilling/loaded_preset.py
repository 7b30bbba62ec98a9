"""What infilling needs of a loaded preset."""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.music.form import FormTable
from keras_symdiff.vae.music_vae import MusicVAE


@runtime_checkable
class LoadedPreset(Protocol):
    """The models of a preset, and what tells it from others. `keras_symdiff.Composer` is one.

    Args:
        name: a shipped preset's name, or the absolute path of a folder.
        sha256: hash of each file that decides the music, by its path in the folder.
        model: `LatentDiffusion`.
        transform: `LatentTransform`.
        vae: `MusicVAE`.
        hears: whether the model hears a condition.
        one_key: whether the model knows music in C major and A minor only.
        forms: table from which the forms of new music are drawn, or `None`.
        training_phrases: uint32 array of hashes, or `None`; see `read_training_phrases`.
    """

    name: str
    sha256: dict[str, str]
    model: Any
    transform: LatentTransform
    vae: MusicVAE
    one_key: bool
    forms: FormTable | None
    training_phrases: np.ndarray | None

    @property
    def hears(self) -> bool: ...
