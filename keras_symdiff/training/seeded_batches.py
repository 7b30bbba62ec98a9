"""Batches that are a function of (seed, epoch, step)."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_symdiff.noise_streams import Purpose, noise_streams
from keras_symdiff.training.processes import own_share


class SeededBatches(keras.utils.PyDataset):
    """Shuffled batches for `fit`, equal whether training ran through or was killed and resumed.

    Epochs have a fixed number of steps and read on in an endless row of shuffled passes over the data, so that an
    epoch of 4000 steps may hold a part of a pass or many. Of several processes each reads its share of a batch. `fit`
    of the package's models tells the batches which epoch it is in; that of another Keras model needs `shuffle=False,
    callbacks=[batches.follow_epochs()]`.

    Args:
        array: NumPy array, one example a row, or a tuple of arrays that share their rows.
        batch_size: rows per batch.
        steps: batches per epoch. Defaults to one pass, rounded up.
        seed: for the order and for `augment`.
        augment: callable `(batch, numpy.random.Generator) -> batch`, or `None`.
        shuffle: whether a pass is shuffled, or in the order of the rows.

    Example:
    ```python
    batches = SeededBatches(latents, batch_size=4, steps=10)
    (batch,) = batches[0]  # (4, 32, 42)
    ```
    """

    def __init__(
        self,
        array: Any,
        batch_size: int,
        steps: int | None = None,
        seed: int = 0,
        augment: Callable | None = None,
        shuffle: bool = True,
    ):
        super().__init__()
        self.arrays = array if isinstance(array, tuple) else (array,)
        self.num_rows = len(self.arrays[0])
        if self.num_rows == 0:
            raise ValueError("Training needs at least one example. Received: an empty array")
        self.batch_size = batch_size
        self.steps = steps or -(-self.num_rows // batch_size)
        self.seed = seed
        self.augment = augment
        self.shuffle = shuffle
        self.epoch = 0
        self._known: Any = None, None  # number of a pass and its order

    def follow_epochs(self) -> keras.callbacks.Callback:
        """A callback that tells the batches which epoch `fit` is in, after a resume too."""
        return keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: setattr(self, "epoch", epoch))

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        step = self.epoch * self.steps + index
        rows = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        batch = np.concatenate(
            [
                self._permutation(number)[rows[rows // self.num_rows == number] % self.num_rows]
                for number in np.unique(rows // self.num_rows)
            ]
        )
        parts = [array[batch] for array in self.arrays]
        batch = tuple(parts) if len(parts) > 1 else parts[0]
        if self.augment is not None:
            batch = self.augment(batch, noise_streams(self.seed, [step], Purpose.AUGMENTATION)[0])
        return (own_share(batch),)

    def _permutation(self, number):
        known = self._known  # read once: TensorFlow may ask from two threads, where an epoch follows another
        if known[0] != number:
            (stream,) = noise_streams(self.seed, [number], Purpose.ORDER)
            rows = np.arange(self.num_rows)
            known = self._known = number, stream.permutation(rows) if self.shuffle else rows
        return known[1]
