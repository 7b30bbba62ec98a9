"""Fake denoisers, which know their data's distribution, through the whole loop."""

import numpy as np
import pytest
from keras import ops

from keras_symdiff.diffusion.ancestral import ancestral_sampling, reverse_steps
from keras_symdiff.diffusion.noise_schedule import NoiseSchedule

SHAPE = (2, 5, 3)  # (B, L, D)


def normal(seed, shape):
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def run(denoise, schedule, shape=SHAPE, count=None, **infilling):
    """Takes the first `count` steps (all by default) from noise of fixed seeds."""
    steps = reverse_steps(schedule)[:count]
    noise = normal(1, (shape[0], len(steps), *shape[1:]))
    tensors = {name: ops.convert_to_tensor(value) for name, value in infilling.items()}
    x = ancestral_sampling(denoise, *map(ops.convert_to_tensor, (steps, normal(0, shape), noise)), **tensors)
    return ops.convert_to_numpy(x)


def test_a_denoiser_that_knows_the_data_returns_the_data():
    x_0 = ops.convert_to_tensor(np.random.default_rng(2).uniform(-1, 1, SHAPE).astype(np.float32))

    def denoise(x, level):
        level = level[:, :, None]
        return (x - level * x_0) / ops.sqrt((1 - level) * (1 + level))

    np.testing.assert_allclose(run(denoise, NoiseSchedule.linear()), ops.convert_to_numpy(x_0), atol=2e-4)


def test_gaussian_data_come_out_with_their_mean_and_variance():
    # For N(m, s^2) data the best prediction of the noise is known; 30,000 numbers go through all 1000 steps.
    mean, stddev = 0.7, 0.3

    def denoise(x, level):
        level = level[:, :, None]
        noise_variance = (1 - level) * (1 + level)
        return ops.sqrt(noise_variance) * (x - level * mean) / (level**2 * stddev**2 + noise_variance)

    x = run(denoise, NoiseSchedule.linear(), shape=(1, 30, 1000)).astype(np.float64)
    # The start N(0, 1) is not quite q(x_N), and a finite number of steps loses a little variance.
    assert x.mean() == pytest.approx(mean, abs=0.01)
    assert x.std() == pytest.approx(stddev, rel=0.02)


def test_a_denoiser_that_sees_no_noise_only_rescales():
    schedule = NoiseSchedule.linear(100, 1e-4, 0.05)
    x = run(lambda x, level: ops.zeros_like(x), schedule, shape=(1, 30, 1000)).astype(np.float64)
    variance = 1.0
    for t in range(100, 0, -1):
        left = 1 - schedule.alpha_bar[t - 1]
        variance = variance / schedule.alpha[t] + schedule.beta[t] * left / (1 - schedule.alpha_bar[t])
    assert x.std() == pytest.approx(np.sqrt(variance), rel=0.02)


def test_loop_equals_algorithm_3_in_numpy():
    schedule = NoiseSchedule.linear()
    x, noise = normal(0, SHAPE).astype(np.float64), normal(1, (SHAPE[0], 1000, *SHAPE[1:]))
    alpha, alpha_bar = schedule.alpha, schedule.alpha_bar
    for i, t in enumerate(range(1000, 0, -1)):
        sigma = np.sqrt((1 - alpha_bar[t - 1]) / (1 - alpha_bar[t]) * schedule.beta[t])
        epsilon = np.tanh(x) * np.sqrt(alpha_bar[t])
        x = (x - (1 - alpha[t]) / np.sqrt(1 - alpha_bar[t]) * epsilon) / np.sqrt(alpha[t]) + sigma * noise[:, i]
    result = run(lambda x, level: ops.tanh(x) * level[:, :, None], schedule)
    np.testing.assert_allclose(result, x, atol=1e-4 * np.abs(x).max())


def test_given_part_is_noised_to_the_level_of_the_state_just_produced():
    schedule = NoiseSchedule.linear(10, 0.01, 0.5)  # neighbouring levels far apart
    given, given_noise = normal(3, SHAPE), normal(4, (SHAPE[0], 10, *SHAPE[1:]))
    keep_mask = np.array([[1, 0, 1, 0, 0], [0, 0, 0, 0, 1]], dtype=bool)
    for count in (1, 4, 9):
        infilling = {"given": given, "keep_mask": keep_mask, "given_noise": given_noise[:, :count]}
        x = run(lambda x, level: 0.5 * x, schedule, count=count, **infilling)
        level = schedule.noise_level[10 - count]
        expected = level * given + np.sqrt(1 - level**2) * given_noise[:, count - 1]
        np.testing.assert_allclose(x[keep_mask], expected[keep_mask], atol=1e-5)
        free = run(lambda x, level: 0.5 * x, schedule, count=count)
        np.testing.assert_allclose(x[~keep_mask], free[~keep_mask], atol=1e-6)  # this denoiser mixes no positions


def test_given_part_comes_back_bit_exact():
    given, given_noise = normal(3, SHAPE), normal(4, (SHAPE[0], 1000, *SHAPE[1:]))
    keep_mask = np.array([[1, 0, 1, 0, 0], [1, 1, 1, 1, 1]], dtype=bool)
    infilling = {"given": given, "keep_mask": keep_mask, "given_noise": given_noise}
    x = run(lambda x, level: 0.1 * x, NoiseSchedule.linear(), **infilling)
    np.testing.assert_array_equal(x[keep_mask], given[keep_mask])
    assert not np.any(x[~keep_mask] == given[~keep_mask])
