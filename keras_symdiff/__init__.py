"""Diffusion models of melodies in Keras 3.

Public names load on first use, so that importing the package pulls in neither Keras nor a backend.
"""

import importlib

from keras_symdiff.version import __version__

_MODULES = {
    "FiLM": "layers.film",
    "FiLMResidualBlock": "layers.film_residual_block",
    "LatentDiffusion": "diffusion.latent_diffusion",
    "LatentMDN": "autoregressive.latent_mdn",
    "LatentTransform": "latents.latent_transform",
    "Melody": "music.melody",
    "MixtureDensity": "layers.mixture_density",
    "MusicVAE": "vae.music_vae",
    "NoiseLevelEncoding": "layers.noise_level_encoding",
    "NoiseSchedule": "diffusion.noise_schedule",
    "SinusoidalPositionEncoding": "layers.sinusoidal_position_encoding",
    "TransformerBlock": "layers.transformer_block",
    "TransformerDenoiser": "models.transformer_denoiser",
    "TransformerMDN": "models.transformer_mdn",
    "framewise_self_similarity": "metrics.framewise_self_similarity",
    "frechet_distance": "metrics.frechet_distance",
    "infill": "diffusion.generate",
    "maximum_mean_discrepancy": "metrics.maximum_mean_discrepancy",
    "overlapping_area": "metrics.overlapping_area",
    "read_melodies": "music.midi",
    "sample": "diffusion.generate",
    "write_midi": "music.midi",
}

__all__ = ["__version__", *sorted(_MODULES)]


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return __all__
