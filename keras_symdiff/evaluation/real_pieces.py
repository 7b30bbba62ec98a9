"""Real music to compare with."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Int

from keras_symdiff.constants import STEPS_PER_BAR
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.latents.piece_rows import piece_rows
from keras_symdiff.music.condition import HALVES_PER_PHRASE

_ALL: Any = None  # the default of what `__post_init__` works out


@dataclasses.dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces as a model sees them and as they sound.

    Args:
        scaled: float32 array (P, 32, D), scaled latents, or `None` where there are none to judge.
        tokens: int8 array (P, 32, 32).
        real_steps: of their phrases, see `Condition`. Defaults to all 16 of each half.
    """

    scaled: Any
    tokens: Int[np.ndarray, "P L 32"]
    real_steps: Int[np.ndarray, "P L 2"] = _ALL

    def __post_init__(self):
        if self.real_steps is None:
            full = np.full((*self.tokens.shape[:2], HALVES_PER_PHRASE), STEPS_PER_BAR)
            object.__setattr__(self, "real_steps", full)  # the dataclass is frozen


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
    """The pieces of a `LatentCorpus` at rows: scaled posterior means, and tokens and bars of the melodies."""
    scaled = transform.forward(latents.mean[latents.inverse[rows]]).astype(np.float32)
    corpus = latents.corpus
    return Pieces(scaled, corpus.tokens[rows], np.asarray(corpus.real_steps)[rows].astype(int))
