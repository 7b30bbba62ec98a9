"""Percentile intervals by resampling pieces.

The overlaps of one piece hang together, so chance is a matter of which *pieces* were drawn: they are resampled whole.
A resample is not a list of pieces but how often each piece counts, and a figure is computed from sums over pieces: one
matrix product for all resamples.
"""

import warnings

import numpy as np


def resampled_counts(num_pieces, num_resamples=1000, seed=0):
    """Draws as many pieces as there are, with replacement, many times.

    Sets that were drawn apart (a model's pieces, the training pieces) need different seeds. Sets that belong together
    piece by piece (two fills of the same gaps) share one, and their difference is then that of pairs.

    Args:
        num_pieces: int >= 1, P.
        num_resamples: int >= 1, R. Defaults to `1000`.
        seed: int >= 0. Defaults to `0`.

    Returns:
        Int64 array (R, P), how often each piece was drawn; each row adds up to P.

    Raises:
        ValueError: if `num_pieces` or `num_resamples` is below 1.

    Example:
    ```python
    model = overlap_moments(model_overlaps, weights=resampled_counts(1000, seed=1))
    train = overlap_moments(train_overlaps, weights=resampled_counts(952, seed=2))
    consistency, variance = map(interval, relative_similarity(model, train))

    counts = resampled_counts(len(repeats), seed=3)
    repeat_rate = interval((counts @ repeats) / (counts @ phrases))  # of numbers a piece, (P,)

    counts = resampled_counts(num_songs, seed=4)[:, song]  # infills of one song (P,) stay together
    ```
    """
    if num_pieces < 1 or num_resamples < 1:
        raise ValueError(
            "There must be at least one piece and one resample. "
            f"Received: num_pieces={num_pieces}, num_resamples={num_resamples}"
        )
    stream = np.random.default_rng(seed)
    return stream.multinomial(num_pieces, np.full(num_pieces, 1 / num_pieces), size=num_resamples)


def interval(values, level=0.95):
    """Percentile interval of a resampled figure.

    Args:
        values: float array (R,) or (R, ...), the figure of each resample. Resamples without a value (NaN) are skipped.
        level: float in (0, 1), the share of resamples inside. Defaults to `0.95`.

    Returns:
        Tuple of:
        - low: float64, scalar or (...); NaN if no resample has a value.
        - high: float64, likewise.

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
