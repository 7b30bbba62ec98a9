"""TensorFlow Datasets' `lmd_latents`: importing this package makes `tfds.load("lmd_latents")` work."""

from tfds_lmd_latents.lmd_latents.lmd_latents_dataset_builder import Builder, LmdLatentsConfig
from tfds_lmd_latents.pieces import Pieces, check_encoder, pieces_dataset, posteriors

__all__ = ["Builder", "LmdLatentsConfig", "Pieces", "check_encoder", "pieces_dataset", "posteriors"]
