import numpy as np
import pytest

from keras_symdiff.training.seeded_batches import SeededBatches


def read(batches, epochs):
    rows = []
    for batches.epoch in range(epochs):
        rows += [batches[index][0] for index in range(len(batches))]
    return rows


def noisy(batch, stream):
    return batch + stream.random(len(batch))


def test_every_pass_has_every_example_once_and_reads_on_across_epochs_and_batches():
    batches = SeededBatches(np.arange(10), batch_size=4, steps=3, seed=7)
    rows = np.concatenate(read(batches, epochs=5))  # 60 rows: 6 passes, epochs of 12 and batches of 4 in between
    passes = rows.reshape(6, 10)
    np.testing.assert_array_equal(np.sort(passes, axis=1), np.tile(np.arange(10), (6, 1)))
    assert len({tuple(order) for order in passes}) == 6


def test_a_batch_larger_than_the_data_holds_several_passes():
    (batch,) = SeededBatches(np.arange(3), batch_size=7)[0]
    np.testing.assert_array_equal(np.sort(batch[:6].reshape(2, 3), axis=1), [[0, 1, 2]] * 2)
    assert batch.shape == (7,)


def test_batches_depend_on_seed_epoch_and_step_only():
    expected = read(SeededBatches(np.arange(50.0), 8, 4, seed=3, augment=noisy), epochs=3)
    batches = SeededBatches(np.arange(50.0), 8, 4, seed=3, augment=noisy)
    for number in np.random.default_rng(0).permutation(12):
        batches.epoch, index = divmod(int(number), 4)
        np.testing.assert_array_equal(batches[index][0], expected[number])
    other = read(SeededBatches(np.arange(50.0), 8, 4, seed=4, augment=noisy), epochs=3)
    assert not any(np.array_equal(a, b) for a, b in zip(expected, other, strict=True))
    assert len({batch.tobytes() for batch in expected}) == 12


def test_an_epoch_is_one_pass_rounded_up_unless_told():
    assert len(SeededBatches(np.arange(10), 4)) == 3
    with pytest.raises(ValueError, match="at least one example"):
        SeededBatches(np.zeros((0, 32)), 4)


def test_rows_keep_their_order_where_they_are_not_shuffled():
    rows = np.concatenate(read(SeededBatches(np.arange(10), batch_size=4, steps=5, shuffle=False), epochs=2))
    np.testing.assert_array_equal(rows, np.tile(np.arange(10), 4))
