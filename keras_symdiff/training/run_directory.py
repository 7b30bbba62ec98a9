"""A folder that holds one training run and from which it goes on after a kill."""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from keras_symdiff.training.processes import folder_to_write
from keras_symdiff.training.record_options import record_options
from keras_symdiff.training.seeded_batches import SeededBatches
from keras_symdiff.training.stop_when_diverged import StopWhenDiverged
from keras_symdiff.write_atomically import write_atomically

_CHECKPOINT, _HASHES = "checkpoint.weights.h5", "checkpoint.sha256"


class RunDirectory:
    """The folder of one training run.

    `training.json` holds the resolved options, written before the first step; `metrics.csv` and `tensorboard/` the
    logs; `checkpoint.weights.h5` weights, optimizer, moving averages and noise after the last whole epoch, and
    `checkpoint.sha256` its hash. Of several processes, which share the folder, all read it and the first one writes.

    Args:
        path: folder, made if it is not there.
        options: JSON-able dict of everything that decides the run's result, but for `epochs`.

    Raises:
        ValueError: when the folder holds a run with other options.
    """

    def __init__(self, path: str | Path, options: dict[str, Any]):
        self.shared, self.path = Path(path), folder_to_write(path)
        self.path.mkdir(parents=True, exist_ok=True)
        # Equal options on another backend are another run: its noise is another.
        record_options(self.path / "training.json", options | {"backend": keras.backend.backend()})

    def fit(
        self, model: keras.Model, batches: SeededBatches, epochs: int, callbacks: Sequence = (), **kwargs: Any
    ) -> None:
        """Calls `model.fit`, going on after the last whole epoch that the folder holds.

        Args:
            model: compiled Keras model.
            batches: `SeededBatches`.
            epochs: epochs of the whole run.
            callbacks: further Keras callbacks.
            **kwargs: see `keras.Model.fit`.

        Raises:
            ValueError: when the checkpoint is damaged, or the training diverges; see `StopWhenDiverged`.
        """
        checkpoint, hashes = (self.path / name for name in (_CHECKPOINT, _HASHES))
        model.optimizer.build(model.trainable_variables)
        self._load(model)

        # Not keras.callbacks.BackupAndRestore: it overwrites in place and keeps the epoch in a second file, so that a
        # kill between the two would repeat an epoch. One file, renamed; the epoch is the optimizer's step count.
        def save(epoch, logs):
            temporary = self.path / "unfinished.weights.h5"
            try:
                model.save_weights(temporary)
            except RuntimeError as error:  # what h5py makes of a full disk
                raise OSError(f"{temporary}: {error}") from error
            # Both hashes, so that a kill before the renaming leaves one that fits.
            present = [_sha256(path) for path in (temporary, checkpoint) if path.exists()]
            write_atomically(hashes, "".join(f"{digest}\n" for digest in present).encode())
            os.replace(temporary, checkpoint)

        done = int(model.optimizer.iterations) // len(batches)
        logs = [keras.callbacks.CSVLogger(self.path / "metrics.csv", append=done > 0)]
        # Keras's callback writes with TensorFlow, on any backend.
        if all(importlib.util.find_spec(name) for name in ("tensorflow", "tensorboard")):
            import tensorflow as tf

            if keras.backend.backend() != "tensorflow":
                tf.config.set_visible_devices([], "GPU")  # it would take the memory that the backend needs
            logs.append(keras.callbacks.TensorBoard(self.path / "tensorboard", write_graph=False))
        model.fit(
            batches,
            epochs=epochs,
            verbose=1 if sys.stdout.isatty() else 2,  # a bar a step on a terminal, a line an epoch in a log
            shuffle=False,  # Keras would mix an epoch's batches by Python's global `random`, which no checkpoint holds
            initial_epoch=done,
            callbacks=[
                batches.follow_epochs(),
                StopWhenDiverged(),
                *callbacks,
                keras.callbacks.LambdaCallback(on_epoch_end=save),
                *logs,
            ],
            **kwargs,
        )

    def _load(self, model):
        """Gives the model what the last whole epoch left, if there was one."""
        checkpoint, hashes = (self.shared / name for name in (_CHECKPOINT, _HASHES))
        if checkpoint.exists():
            recorded = hashes.read_text(errors="replace").split() if hashes.exists() else []
            if _sha256(checkpoint) not in recorded:
                raise ValueError(
                    f"{checkpoint} is damaged: {hashes.name} does not hold its SHA-256. Remove it to begin anew"
                )
            model.load_weights(checkpoint)


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
