import csv
import hashlib
import json
import os

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


class OneWeight(keras.Model):
    def __init__(self):
        super().__init__()
        self.weight = self.add_weight(shape=(), initializer="ones", name="weight")
        self.built = True

    def call(self, x):
        return x

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(ops.square(ops.cast(x, "float32") - self.weight))


def small_run(folder, learning_rate=1e-3, batches=None, epochs=1):
    """Trains a weight."""
    model = OneWeight()
    model.compile(keras.optimizers.Adam(learning_rate))
    batches = SeededBatches(np.ones((8, 4)), batch_size=4, steps=3, seed=2) if batches is None else batches
    RunDirectory(folder, {}).fit(model, batches, epochs)


def test_a_checkpoint_of_another_hash_is_refused(tmp_path):
    small_run(tmp_path)
    small_run(tmp_path, epochs=2)
    hashes, checkpoint = tmp_path / "checkpoint.sha256", tmp_path / "checkpoint.weights.h5"
    assert hashlib.sha256(checkpoint.read_bytes()).hexdigest() == hashes.read_text().split()[0]
    data = bytearray(checkpoint.read_bytes())
    data[len(data) // 2] ^= 1
    checkpoint.write_bytes(data)
    with pytest.raises(ValueError, match=r"checkpoint.weights.h5 is damaged: checkpoint.sha256 does not hold its SHA"):
        small_run(tmp_path, epochs=3)
    data[len(data) // 2] ^= 1
    checkpoint.write_bytes(data)
    small_run(tmp_path, epochs=3)
    hashes.unlink()
    with pytest.raises(ValueError, match="is damaged"):
        small_run(tmp_path, epochs=4)


def test_a_kill_between_hash_and_checkpoint_leaves_a_run_that_goes_on(tmp_path, monkeypatch):
    small_run(tmp_path)

    class Killed(BaseException):
        pass

    replace = os.replace

    def kill(source, target):
        if str(target).endswith(".h5"):
            raise Killed
        replace(source, target)

    monkeypatch.setattr(os, "replace", kill)
    with pytest.raises(Killed):
        small_run(tmp_path, epochs=2)
    monkeypatch.undo()
    small_run(tmp_path, epochs=2)
    with open(tmp_path / "metrics.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]


class WrongLater(SeededBatches):
    """Batches of which one is NaN."""

    def __getitem__(self, index):
        (batch,) = super().__getitem__(index)
        return (batch * (np.nan if self.epoch * self.steps + index == self.wrong else 3.0),)


@pytest.mark.parametrize(("wrong", "said"), [(4, "step 2 of epoch 2"), (108, "step 6 of epoch 2")])
def test_a_training_that_diverges_says_since_when_and_writes_nothing_more(tmp_path, wrong, said):
    batches = WrongLater(np.ones((8, 4)), batch_size=4, steps=3 if wrong < 9 else 103, seed=2)
    batches.wrong = wrong
    small_run(tmp_path, batches=batches)
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(ValueError, match=f"^The training diverged: its loss is nan since {said}. Nothing of this"):
        small_run(tmp_path, batches=batches, epochs=2)
    # But for TensorBoard's events and the header that CSVLogger has written, all is as it was.
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_weights_that_diverge_in_the_last_step_are_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"diverged in the last step of epoch 1: .*weight is not finite"):
        small_run(tmp_path, learning_rate=np.inf, batches=SeededBatches(np.full((4, 4), 3.0), 4, steps=1))
    assert not (tmp_path / "checkpoint.weights.h5").exists()
