import numpy as np

from keras_symdiff.noise_streams import Purpose, draw, noise_streams


def test_a_sample_keeps_its_noise_whatever_the_batch_and_the_chunks():
    whole = draw(noise_streams(3, range(8), Purpose.REVERSE), (20, 5, 3))
    assert whole.dtype == np.float32
    streams = noise_streams(3, [5, 6], Purpose.REVERSE)
    chunks = [draw(streams, (size, 5, 3)) for size in (1, 12, 7)]
    np.testing.assert_array_equal(np.concatenate(chunks, axis=1), whole[5:7])


def test_streams_of_seeds_samples_and_purposes_are_unrelated():
    keys = [(seed, index, purpose) for seed in (0, 1, 2**40) for index in (0, 1) for purpose in Purpose]
    draws = np.stack([draw(noise_streams(seed, [index], purpose), (10_000,))[0] for seed, index, purpose in keys])
    correlation = np.corrcoef(draws) - np.eye(len(keys))
    assert np.abs(correlation).max() < 5 / np.sqrt(10_000)
    np.testing.assert_allclose(draws.mean(axis=1), 0, atol=5 / np.sqrt(10_000))
    np.testing.assert_allclose(draws.std(axis=1), 1, atol=5 / np.sqrt(20_000))
