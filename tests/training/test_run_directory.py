import csv
import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_symdiff.training.run_directory import RunDirectory
from keras_symdiff.training.seeded_batches import SeededBatches


class BatchSums(keras.Model):
    """Keeps the sum of every batch that a step saw, weighted so that order matters."""

    def __init__(self):
        super().__init__()
        self.weight = self.add_weight(shape=(), initializer="ones", name="weight")
        self.step = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="step")
        self.seen = self.add_weight(shape=(9,), initializer="zeros", trainable=False, name="seen")
        self.built = True

    def call(self, x):
        return x

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        total = ops.sum(ops.cast(x, "float32") * ops.arange(1.0, 5.0))
        self.seen.assign(self.seen + ops.one_hot(self.step, 9) * total)
        self.step.assign_add(1)
        return self.weight * total


def test_other_options_are_refused_by_name(tmp_path):
    RunDirectory(tmp_path / "run", {"seed": 1, "batch_size": 8, "paths": ("a", "b")})
    RunDirectory(tmp_path / "run", {"batch_size": 8, "seed": 1, "paths": ["a", "b"]})
    with pytest.raises(ValueError, match=r"other options \(batch_size: 8 there, 9 now, size: None there, small now\)"):
        RunDirectory(tmp_path / "run", {"seed": 1, "batch_size": 9, "paths": ["a", "b"], "size": "small"})
    assert json.loads((tmp_path / "run" / "training.json").read_text())["batch_size"] == 8


def test_fit_sees_every_batch_in_order_and_goes_on_in_the_next_epoch(tmp_path):
    batches = SeededBatches(np.arange(10), batch_size=4, steps=3, seed=2)
    expected = []
    for batches.epoch in range(3):
        expected += [batches[index][0] @ np.arange(1, 5) for index in range(3)]
    batches.epoch = 0
    written = []
    for epochs in (1, 3, 3):  # the second call resumes, the third finds nothing left to do
        model = BatchSums()
        model.compile(keras.optimizers.SGD(0.0))
        check = keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda step, logs: written.append((tmp_path / "training.json").exists())
        )
        RunDirectory(tmp_path, {"seed": 2}).fit(model, batches, epochs, callbacks=[check])
    np.testing.assert_array_equal(ops.convert_to_numpy(model.seen), expected)
    assert written == [True] * 9
    with open(tmp_path / "metrics.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2"]
