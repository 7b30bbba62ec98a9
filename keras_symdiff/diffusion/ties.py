"""Tied phrases: at every step of a sampler repeats are one, and variations are drawn to what they vary."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from keras import ops

# Of a variation, the share that is what it varies; docs/results/attempts.md, "Forms that know variations".
VARIATION_SHARE = 0.2


def tie_matrix(
    repeats: Int[np.ndarray, "B L"],
    varies: Int[np.ndarray, "B L"] | None = None,
    keep_mask: Bool[np.ndarray, "B L"] | None = None,
) -> Float32[np.ndarray, "B L L"]:
    """Makes the matrix that ties each phrase to those that it repeats or varies.

    Args:
        repeats: Index of the phrase that each one is; its own, or -1, where it is new.
        varies: Index of the phrase that each one is a variation of; its own, or -1, where it is of none. What repeats a
            variation varies the same. Defaults to `None`: nothing is a variation.
        keep_mask: True where a phrase is given. Defaults to `None`: nothing is given.

    Returns:
        `(B, L, L)`, float32, whose rows sum to 1: the mean of equal phrases; the first given one, where one is given.
        Of what varies another and repeats nothing given, `VARIATION_SHARE` is the first given phrase of its variations,
        or, where none is given, the phrase that they vary.

    Raises:
        ValueError: If a phrase is to be one that is itself another, or one that there is not.
    """
    root = _roots("repeats", repeats)  # (B, L)
    equal, given = _alike(root, keep_mask)
    ties = equal / equal.sum(axis=-1, keepdims=True)
    if varies is not None:
        root = np.take_along_axis(_roots("varies", varies), root, axis=1)
        alike, given_variation = _alike(root, keep_mask)
        places = np.arange(root.shape[1])
        varied = np.where(given_variation[:, :, None], alike, places == root[:, :, None])  # (B, L, L)
        share = np.where(given, 0.0, VARIATION_SHARE)[:, :, None]
        ties = (1 - share) * ties + share * (varied @ ties)
    return ties.astype(np.float32)


def tie(
    epsilon: Float[Any, "B L D"],
    x: Float[Any, "B L D"],
    level: Float[Any, "B 1"],
    ties: Float[Any, "B L L"],
    given: Float[Any, "B L D"] | None = None,
    keep_mask: Bool[Any, "B L"] | None = None,
) -> Float[Any, "B L D"]:
    """Ties the clean phrases that follow from the predicted noise, and returns the noise that follows from them.

    Args:
        epsilon: Predicted noise in `x`.
        x: The state.
        level: Its noise level, in (0, 1).
        ties: What `tie_matrix` returns.
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
    return (x - level * ops.matmul(ties, clean)) / stddev


def _roots(name, plan):
    """A plan (B, L) in which what is new is what it is itself."""
    plan = np.asarray(plan)
    places = np.arange(plan.shape[1])
    if plan.dtype.kind not in "iu" or plan.min() < -1 or plan.max() >= len(places):
        raise ValueError(f"`{name}` are indices of phrases, or -1. Received: {name}={plan}")
    root = np.where(plan < 0, places, plan)
    if np.any(np.take_along_axis(root, root, axis=1) != root):
        raise ValueError(f"What a phrase repeats or varies is new. Received: {name}={plan}")
    return root


def _alike(root, keep_mask):
    """Which phrases (B, L, L) are of the group of each one, the first given one alone where one is; where one is."""
    alike = root[:, :, None] == root[:, None]
    given = alike & (False if keep_mask is None else keep_mask[:, None])
    first = np.arange(root.shape[1]) == given.argmax(axis=-1)[:, :, None]
    return np.where(given.any(axis=-1, keepdims=True), given & first, alike), given.any(axis=-1)
