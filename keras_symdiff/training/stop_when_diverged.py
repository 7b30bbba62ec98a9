"""The end of a training that has diverged."""

from typing import Any

import keras
import numpy as np
from keras import ops

_ADVICE = "Nothing of this epoch was written; a lower learning rate may help"
_LOOK_EVERY = 100  # calls: to look at a loss is to wait for the device


class StopWhenDiverged(keras.callbacks.Callback):
    """Ends training with an error where loss or weights are not finite, before anything of the epoch is written.

    It belongs before callbacks that write, and `fit` of this package's models puts it there. Keras's `TerminateOnNaN`
    ends as if all were well, and waits for every step.

    Example:
        >>> model.fit(latents, callbacks=[StopWhenDiverged(), keras.callbacks.ModelCheckpoint("best.keras")])
    """

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch + 1
        self._losses = []  # of the batches that were not looked at yet: (index, mean loss of the epoch so far)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._losses.append((batch, logs["loss"]))
        if len(self._losses) == _LOOK_EVERY:
            self._look()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._look()
        wrong = [name for name in ("loss", "val_loss") if not np.isfinite(logs.get(name, 0.0))]
        wrong += [v.path for v in self.model.trainable_variables if not np.all(np.isfinite(ops.convert_to_numpy(v)))]
        if wrong:
            raise ValueError(
                f"The training diverged in the last step of epoch {self._epoch}: {wrong[0]} is not finite. {_ADVICE}"
            )

    def _look(self):
        for batch, loss in self._losses:
            if not np.isfinite(float(loss)):
                raise ValueError(
                    f"The training diverged: its loss is {float(loss)} since step {batch + 1} of epoch {self._epoch}. "
                    f"{_ADVICE}"
                )
        self._losses = []
