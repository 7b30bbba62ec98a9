"""Tied phrases: those that a plan of repeats makes one are one at every step of a sampler."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from keras import ops

# A variation is tied to what it varies below this level, sqrt(alpha_bar), and free above it.
VARIATION_LEVEL = 0.9


def tie_matrix(
    repeats: Int[np.ndarray, "B L"], keep_mask: Bool[np.ndarray, "B L"] | None = None
) -> Float32[np.ndarray, "B L L"]:
    """Makes the matrix that puts each phrase in the place of all that are the same.

    Args:
        repeats: Index of the phrase that each one is; its own, or -1, where it is new.
        keep_mask: True where a phrase is given. Defaults to `None`: nothing is given.

    Returns:
        `(B, L, L)`, float32, whose rows sum to 1: the mean of equal phrases; the first given one, where one is given.

    Raises:
        ValueError: If a phrase is to be one that is itself another, or one that there is not.
    """
    repeats = np.asarray(repeats)
    places = np.arange(repeats.shape[1])
    if repeats.dtype.kind not in "iu" or repeats.min() < -1 or repeats.max() >= len(places):
        raise ValueError(f"`repeats` are indices of phrases, or -1. Received: repeats={repeats}")
    root = np.where(repeats < 0, places, repeats)  # (B, L)
    if np.any(np.take_along_axis(root, root, axis=1) != root):
        raise ValueError(f"What a phrase repeats is new. Received: repeats={repeats}")
    equal = root[:, :, None] == root[:, None]  # (B, L, L)
    if keep_mask is not None:
        given = equal & keep_mask[:, None]
        first = (places == given.argmax(axis=-1)[:, :, None]) & given
        equal = np.where(given.any(axis=-1, keepdims=True), first, equal)
    return (equal / equal.sum(axis=-1, keepdims=True)).astype(np.float32)


def tie(
    epsilon: Float[Any, "B L D"],
    x: Float[Any, "B L D"],
    level: Float[Any, "B 1"],
    ties: Float[Any, "B 2 L L"],
    given: Float[Any, "B L D"] | None = None,
    keep_mask: Bool[Any, "B L"] | None = None,
) -> Float[Any, "B L D"]:
    """Makes the predicted noise that of phrases which are the same.

    The clean phrases that follow from the predicted noise are averaged, and the noise follows from their mean.

    Args:
        epsilon: Predicted noise in `x`.
        x: The state.
        level: Its noise level, in (0, 1).
        ties: `(B, 2, L, L)`. `tie_matrix` of the repeats, and of those with variations counted as repeats.
        given: Clean data. Defaults to `None`: nothing is given.
        keep_mask: True where `given` is what a phrase is.

    Returns:
        `(B, L, D)`: the predicted noise.
    """
    level = level[:, :, None]  # (B, 1, 1)
    stddev = ops.sqrt((1.0 - level) * (1.0 + level))
    clean = (x - stddev * epsilon) / level  # (B, L, D)
    if given is not None and keep_mask is not None:
        clean = ops.where(keep_mask[:, :, None], given, clean)
    clean = ops.matmul(ops.where(level < VARIATION_LEVEL, ties[:, 1], ties[:, 0]), clean)
    return (x - level * clean) / stddev
