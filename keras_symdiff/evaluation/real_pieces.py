"""Real music to compare with."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Int

from keras_symdiff.constants import PIECE_PHRASES
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.music.corpus import Corpus


@dataclasses.dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces as a model sees them and as they sound.

    Args:
        scaled: float32 array (P, 32, D), scaled latents, or `None` where there are none to judge.
        tokens: int8 array (P, 32, 32).
    """

    scaled: Any
    tokens: Int[np.ndarray, "P L 32"]


def piece_rows(corpus: Corpus, most: int, seed: int = 0) -> Int[np.ndarray, "P 32"]:
    """Draws one piece of 32 phrases without a rest from each melody, from at most so many melodies.

    Windows of one melody overlap: more of them would count one tune many times.

    Args:
        corpus: `Corpus`.
        most: the greatest number of pieces.
        seed: int.

    Returns:
        Rows of `corpus.tokens`, in the order of the melodies.
    """
    stream = np.random.Generator(np.random.Philox(seed))
    starts = stream.permutation(corpus.windows())
    melodies, first = np.unique(np.searchsorted(corpus.offsets, starts, side="right"), return_index=True)
    chosen = np.sort(starts[first[stream.permutation(len(melodies))[:most]]])
    return chosen[:, None] + np.arange(PIECE_PHRASES)


def real_pieces(latents: LatentCorpus, transform: LatentTransform, most: int, seed: int = 0) -> Pieces:
    """The pieces that `piece_rows` draws.

    Args:
        latents: `LatentCorpus`.
        transform: `LatentTransform`.
        most: int, the greatest number of pieces.
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
