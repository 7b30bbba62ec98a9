"""Every keyed random stream of the package: NumPy generators, one per sample.

Keras's generators give other numbers on each backend and tie a sample's noise to its place in the batch. A stream here
is a function of (seed, purpose, index) only: the same music on every backend, at any batch size.
"""

import enum
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float32

# Pieces of a seed that a window of a long piece has for itself: windows of one noise would compose alike.
PIECES_PER_WINDOW = 1 << 16


class Purpose(enum.IntEnum):
    """What a stream is for. A number never changes: the music of a seed depends on it."""

    REVERSE = 0  # x_N, then the noise of steps N, N - 1, ..., 1
    FORWARD = 1  # the noise of given phrases after steps N, N - 1, ..., 1: the reverse noise is the same without it
    AUTOREGRESSIVE = 2  # the draws of TransformerMDN at positions 0, 1, ..., L - 1
    NULL = 3  # what the evaluation's nulls shuffle and mix
    PRIOR = 4  # the evaluation's latents that are independent of each other
    DECODING = 5  # the draws of a phrase's tokens
    ORDER = 6  # the order of a pass over the training data
    AUGMENTATION = 7  # changes of a training batch
    CROPS = 8  # the songs and places that a training batch is cut from
    FORM = 9  # the form of a new piece, or of a take
    COMPLETING = 220  # latents tried for a phrase that is given in part


def noise_streams(seed: int, indices: Iterable[int], purpose: Purpose) -> list[np.random.Generator]:
    """Returns one independent generator per sample.

    Args:
        seed: Integer >= 0.
        indices: Integers >= 0, the index of each sample among all that are made from `seed`.
        purpose: What the numbers are for.

    Returns:
        One generator for each of `indices`.

    Example:
        >>> streams = noise_streams(seed=3, indices=range(8), purpose=Purpose.REVERSE)
        >>> draw(streams, (32, 42)).shape
        (8, 32, 42)
    """
    return [
        np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(int(index), int(purpose)))))
        for index in indices
    ]


def draw(streams: Sequence[np.random.Generator], shape: tuple[int, ...]) -> Float32[np.ndarray, "B ..."]:
    """Draws the next N(0, 1) numbers of every stream.

    Drawing twice and drawing both at once give the same numbers.

    Args:
        streams: B generators.
        shape: Shape of one sample's draw.

    Returns:
        float32 array of shape `(B, *shape)`.
    """
    return np.stack([stream.standard_normal(shape, dtype=np.float32) for stream in streams])
