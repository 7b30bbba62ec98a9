import keras
import numpy as np
import pytest
from keras import ops

from keras_symdiff.diffusion.forward_process import add_noise, continuous_noise_level
from keras_symdiff.diffusion.noise_schedule import NoiseSchedule


def noised(*arrays):
    return ops.convert_to_numpy(add_noise(*map(ops.convert_to_tensor, arrays)))


def test_add_noise_scales_each_sample_by_its_level():
    random = np.random.default_rng(0)
    x_0, noise = random.standard_normal((2, 3, 5, 4), dtype=np.float32)
    level = np.array([[1.0], [0.6], [0.0]], dtype=np.float32)
    x_t = noised(x_0, level, noise)
    np.testing.assert_array_equal(x_t[0], x_0[0])
    np.testing.assert_allclose(x_t[1], 0.6 * x_0[1] + 0.8 * noise[1], atol=1e-6)
    np.testing.assert_array_equal(x_t[2], noise[2])
    np.testing.assert_array_equal(noised(x_0, np.float32(1.0), noise), x_0)


@pytest.mark.parametrize("t", [1, 500, 1000])
def test_add_noise_is_the_composition_of_the_forward_steps(t):
    # Walk x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) noise in float64 and compare mean and variance.
    schedule = NoiseSchedule.linear()
    mean, variance = 3.0, 0.0
    for beta in schedule.beta[1 : t + 1]:
        mean, variance = np.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
    noise = np.random.default_rng(t).standard_normal((1, 100_000, 1), dtype=np.float32)
    level = np.array([[schedule.noise_level[t]]], dtype=np.float32)
    x_t = noised(np.full_like(noise, 3.0), level, noise).astype(np.float64)
    stddev = np.sqrt(variance)
    assert x_t.mean() == pytest.approx(mean, abs=4 * stddev / np.sqrt(noise.size))
    # float32 holds the first level, 1 - 5e-7, to 6 % of its distance from 1.
    assert x_t.std() == pytest.approx(stddev, rel=0.05 if t == 1 else 0.01)


def test_continuous_noise_level_interpolates_between_neighbours():
    levels = NoiseSchedule.linear().noise_level
    # Compiled, as training runs it.
    model = keras.Sequential([keras.layers.Lambda(lambda uniform: continuous_noise_level(levels, uniform))])
    uniform = np.random.default_rng(0).random((20_000, 1), dtype=np.float32)
    drawn = model.predict_on_batch(uniform)
    assert drawn.shape == (20_000, 1)
    np.testing.assert_allclose(drawn, np.interp(uniform * 1000.0, np.arange(1001), levels), atol=1e-6)
    # The step is uniform, and the level uniform between its ends (the released code stays on the ends).
    coarse = NoiseSchedule.linear(20, 1e-3, 0.3).noise_level
    drawn = ops.convert_to_numpy(continuous_noise_level(coarse, uniform))
    step = np.searchsorted(-coarse, -drawn, side="right")
    assert set(np.unique(step)) == set(range(1, 21))
    share = (coarse[step - 1] - drawn) / (coarse[step - 1] - coarse[step])
    counts, _ = np.histogram(share, bins=10, range=(0, 1))
    np.testing.assert_allclose(counts, 2000, atol=5 * np.sqrt(2000))
    np.testing.assert_allclose(np.bincount(step[:, 0])[1:], 1000, atol=5 * np.sqrt(1000))


def test_continuous_noise_level_covers_the_schedule_to_its_ends():
    for num_steps in (1, 3, 1000):
        levels = NoiseSchedule.linear(num_steps, 1e-3, 0.01).noise_level
        ends = np.array([0.0, np.nextafter(np.float32(1), np.float32(0))], dtype=np.float32)
        drawn = ops.convert_to_numpy(continuous_noise_level(levels, ends))
        np.testing.assert_allclose(drawn, [1.0, levels[-1]], atol=1e-5)
