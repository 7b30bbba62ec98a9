"""Pieces that a generator makes, kept on disk as they are made."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_symdiff.constants import PHRASE_STEPS
from keras_symdiff.evaluation.real_pieces import Pieces
from keras_symdiff.files.read_npz import read_npz
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.vae.music_vae import MusicVAE
from keras_symdiff.write_atomically import write_atomically

BATCH = 50  # pieces that are made, and written, at once


def make_pieces(
    make: Callable[[range], np.ndarray],
    number: int,
    transform: LatentTransform,
    vae: MusicVAE,
    kept: tuple[Pieces, np.ndarray] | None,
    files: Path,
    progress: Callable[[int, int], None],
) -> Pieces:
    """Makes pieces in batches, each written to a file of its own, or read where it is there.

    Args:
        make: function of piece numbers that returns their scaled latents (B, L, D).
        number: how many pieces.
        transform: `LatentTransform`.
        vae: `MusicVAE`.
        kept: real pieces and a mask (L,), True for the phrases that are theirs; `None` if all are new.
        files: path that the names of the files begin with.
        progress: function of the pieces done and all pieces.

    Returns:
        `Pieces`.

    Raises:
        ValueError: if a latent is not finite.
    """
    parts = []
    for first in range(0, number, BATCH):
        path = Path(f"{files}_{first:04d}.npz")
        numbers = range(first, min(first + BATCH, number))
        if not path.exists():
            scaled = np.asarray(make(numbers), dtype=np.float32)  # (B, L, D)
            if not np.isfinite(scaled).all():
                raise ValueError(f"Latents must be finite. Received: others in {path.stem}, from an untrained model?")
            tokens = np.zeros((*scaled.shape[:2], PHRASE_STEPS), np.int8)
            phrases = np.arange(scaled.shape[1])
            if kept is not None:
                real, mask = kept
                scaled[:, mask] = real.scaled[numbers.start : numbers.stop, mask]
                tokens[:, mask] = real.tokens[numbers.start : numbers.stop, mask]
                phrases = np.flatnonzero(~mask)
            decoded = vae.decode(transform.inverse(scaled[:, phrases]).reshape(-1, vae.latent_dim))
            tokens[:, phrases] = decoded.reshape(len(scaled), len(phrases), -1)
            save_arrays(path, scaled=scaled, tokens=tokens)
        parts.append(Pieces(**read_npz(path, ["scaled", "tokens"])))
        progress(numbers.stop, number)
    return Pieces(*(np.concatenate([getattr(part, field) for part in parts]) for field in ("scaled", "tokens")))


def save_arrays(path: Path, **arrays: Any) -> None:
    """Writes arrays to an `.npz` file, at once or not at all."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomically(path, buffer.getvalue())
