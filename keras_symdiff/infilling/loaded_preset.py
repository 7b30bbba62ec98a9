"""A preset with all that infilling takes from it."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_symdiff.diffusion.latent_diffusion import LatentDiffusion
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.presets.default import DEFAULT_PRESET
from keras_symdiff.presets.preset import preset_folder
from keras_symdiff.presets.training_phrases import read_training_phrases
from keras_symdiff.vae.music_vae import MusicVAE

_PARTS = ("music_vae", "latent_diffusion")


class LoadedPreset(NamedTuple):
    """The models of a preset, and what tells it from others.

    Args:
        name: str, a shipped preset's name or the absolute path of a folder.
        sha256: dict of each file that decides the music, by its path in the folder, to its hash.
        model: `LatentDiffusion`.
        transform: `LatentTransform`.
        vae: `MusicVAE`.
        training_phrases: uint32 array of hashes, or `None`; see `read_training_phrases`.
    """

    name: str
    sha256: dict
    model: LatentDiffusion
    transform: LatentTransform
    vae: MusicVAE
    training_phrases: np.ndarray | None

    @classmethod
    def load(cls, name_or_folder=DEFAULT_PRESET):
        """Loads a shipped preset by its name, or a preset folder or run directory by its path.

        Raises:
            ValueError: when there is none, or its files are damaged.
        """
        folder = preset_folder(name_or_folder)
        return cls(
            str(Path(name_or_folder).resolve()) if Path(name_or_folder).is_dir() else str(name_or_folder),
            hash_preset(folder),
            LatentDiffusion.from_preset(folder),
            LatentTransform.from_preset(folder),
            MusicVAE.from_preset(folder),
            read_training_phrases(folder),
        )


def hash_preset(name_or_folder):
    """Returns the SHA-256 of each file of a preset that decides the music, a dict by path; those there are."""
    folder = preset_folder(name_or_folder)
    files = [f"{part}/{name}" for part in _PARTS for name in ("config.json", "weights.npz")]
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in [*files, "latent_transform.json"]
        if (folder / name).is_file()
    }
