"""Slices of arrays, in order, for validation."""

from typing import Any

import keras

from keras_symdiff.training.processes import own_share


class FixedBatches(keras.utils.PyDataset):
    """Batches of arrays in their order.

    Args:
        *arrays: arrays, or tuples of arrays, of N rows: what a batch holds, the examples first.
        batch_size: int.
    """

    def __init__(self, *arrays: Any, batch_size: int):
        super().__init__()
        self.arrays = arrays
        self.batch_size = batch_size

    def __len__(self):
        first = self.arrays[0]
        return -(-len(first[0] if isinstance(first, tuple) else first) // self.batch_size)

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        batch = tuple(
            tuple(part[rows] for part in array) if isinstance(array, tuple) else array[rows] for array in self.arrays
        )
        return own_share(batch)
