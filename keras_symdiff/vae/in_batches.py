"""Batches of few sizes."""

from collections.abc import Callable

import numpy as np
from keras import ops


def in_batches(
    predict: Callable, batch_size: int, array: np.ndarray, progress: Callable[[int, int], None] | None = None
) -> list[np.ndarray]:
    """Applies a compiled function in batches of few sizes, so that it is compiled rarely.

    Args:
        predict: Function of a batch and the index of its first row that returns a sequence of arrays, one row each.
        batch_size: Greatest number of rows of a batch; a smaller one is filled up to a power of two.
        array: Two axes, one example per row.
        progress: Function of the number of rows done and of all rows.

    Returns:
        The arrays, with one row per row of `array`.
    """
    results = []
    for first in range(0, max(len(array), 1), batch_size):
        batch = array[first : first + batch_size]
        size = len(batch)
        padding = min(batch_size, 1 << max(size - 1, 0).bit_length()) - size
        batch = np.pad(batch, [(0, padding), (0, 0)])
        results.append([ops.convert_to_numpy(result)[:size] for result in predict(batch, first)])
        if progress is not None:
            progress(first + size, len(array))
    return [np.concatenate(parts) for parts in zip(*results, strict=True)]
