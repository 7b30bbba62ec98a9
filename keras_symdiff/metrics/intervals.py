"""Percentile intervals by resampling pieces.

The overlaps of one piece hang together, so chance is a matter of which *pieces* were drawn: they are resampled whole.
A resample is not a list of pieces but how often each piece counts, and a figure is computed from sums over pieces: one
matrix product for all resamples.
"""

import warnings

import numpy as np
from jaxtyping import Float, Int


def resampled_counts(num_pieces: int, num_resamples: int = 1000, seed: int = 0) -> Int[np.ndarray, "R P"]:
    """Draws as many pieces as there are, with replacement, many times.

    Sets that were drawn apart (a model's pieces, the training pieces) need different seeds. Sets that belong together
    piece by piece (two fills of the same gaps) share one, and their difference is then that of pairs.

    Args:
        num_pieces: how many there are, P >= 1.
        num_resamples: how often to draw them, R >= 1. Defaults to `1000`.
        seed: at least 0. Defaults to `0`.

    Returns:
        How often each piece was drawn; each row adds up to P.

    Raises:
        ValueError: if `num_pieces` or `num_resamples` is below 1.

    Example:
    ```python
    overlaps = framewise_self_similarity(tokens).pitch
    model = overlap_moments(overlaps[:5], weights=resampled_counts(5, seed=1))
    train = overlap_moments(overlaps[5:], weights=resampled_counts(3, seed=2))
    consistency, variance = map(interval, relative_similarity(model, train))

    song = np.array([0, 0, 1, 1, 1, 2, 3, 3])  # of each piece
    counts = resampled_counts(4, seed=4)[:, song]  # infills of one song stay together
    ```
    """
    if num_pieces < 1 or num_resamples < 1:
        raise ValueError(
            "There must be at least one piece and one resample. "
            f"Received: num_pieces={num_pieces}, num_resamples={num_resamples}"
        )
    stream = np.random.default_rng(seed)
    return stream.multinomial(num_pieces, np.full(num_pieces, 1 / num_pieces), size=num_resamples)


def interval(
    values: Float[np.ndarray, " R *N"], level: float = 0.95
) -> tuple[float | Float[np.ndarray, "*N"], float | Float[np.ndarray, "*N"]]:
    """Percentile interval of a resampled figure.

    Args:
        values: the figure, or several, of each resample. Resamples without a value (NaN) are skipped.
        level: the share of resamples inside, in (0, 1). Defaults to `0.95`.

    Returns:
        Tuple of:
        - the lower end; NaN if no resample has a value.
        - the upper end, likewise.

    Raises:
        ValueError: if `level` lies outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"The level must lie in (0, 1). Received: level={level}")
    values = np.asarray(values, np.float64)
    tails = [(1 - level) / 2, (1 + level) / 2]
    with warnings.catch_warnings():  # of a figure without values: the NaN says it
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nanquantile(values, tails, axis=0)
    return low, high
