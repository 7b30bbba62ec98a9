"""Real music to compare with."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Int

from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.latents.piece_rows import piece_rows


@dataclasses.dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces as a model sees them and as they sound.

    Args:
        scaled: float32 array (P, 32, D), scaled latents, or `None` where there are none to judge.
        tokens: int8 array (P, 32, 32).
    """

    scaled: Any
    tokens: Int[np.ndarray, "P L 32"]


def real_pieces(latents: LatentCorpus, transform: LatentTransform, most: int, seed: int = 0) -> Pieces:
    """The pieces that `piece_rows` draws.

    Args:
        latents: `LatentCorpus`.
        transform: `LatentTransform`.
        most: the greatest number of pieces.
        seed: int.

    Returns:
        `Pieces` of posterior means and the melodies' own tokens.

    Raises:
        ValueError: if fewer than two melodies have such a piece.
    """
    rows = piece_rows(latents.corpus, most, seed)
    if len(rows) < 2:
        raise ValueError(
            "There must be two melodies with 32 phrases (64 bars) in a row without a rest. "
            f"Received: {len(rows)} such melodies"
        )
    return pieces_at(latents, transform, rows)


def pieces_at(latents: LatentCorpus, transform: LatentTransform, rows: Int[np.ndarray, "P L"]) -> Pieces:
    """The pieces of a `LatentCorpus` at rows: scaled posterior means and the melodies' own tokens."""
    scaled = transform.forward(latents.mean[latents.inverse[rows]]).astype(np.float32)
    return Pieces(scaled, latents.corpus.tokens[rows])
