"""Solvers on Gaussian data, whose best denoiser and whose probability flow are known."""

import itertools

import numpy as np
import pytest
from keras import ops

from keras_symdiff.diffusion.ancestral import ancestral_sampling, reverse_steps
from keras_symdiff.diffusion.noise_schedule import NoiseSchedule
from keras_symdiff.diffusion.solvers import (
    ddim_steps,
    dpm_solver_steps,
    fill_up,
    heun_steps,
    solver_sampling,
    with_resampling,
)

SCHEDULE = NoiseSchedule.linear()
MEAN, STDDEV = 0.7, 0.3
TABLES = {
    "ddim": ddim_steps,
    "ddim, eta 0.5": lambda levels: ddim_steps(levels, 0.5),
    "ddim, eta 1": lambda levels: ddim_steps(levels, 1.0),
    "dpm-solver": dpm_solver_steps,
    "dpm-solver-sde": lambda levels: dpm_solver_steps(levels, stochastic=True),
    "heun": heun_steps,
}


def normal(seed, shape):
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def run(denoise, steps, x, **infilling):
    noise = normal(1, (len(x), len(steps), *x.shape[1:]))
    tensors = {name: ops.convert_to_tensor(value) for name, value in infilling.items()}
    inputs = map(ops.convert_to_tensor, (steps.astype(np.float32), x, noise, np.zeros_like(x)))
    return ops.convert_to_numpy(solver_sampling(denoise, *inputs, **tensors)[0]).astype(np.float64)


def denoise_gaussian(x, level):
    """The best prediction of the noise in N(MEAN, STDDEV^2) data."""
    level = level[:, :, None]
    noise_variance = (1 - level) * (1 + level)
    return ops.sqrt(noise_variance) * (x - level * MEAN) / (level**2 * STDDEV**2 + noise_variance)


def follow_flow(x):
    """Where the probability flow of N(MEAN, STDDEV^2) data takes states `x` of the noisiest level."""
    level = SCHEDULE.noise_level[-1]
    return MEAN + STDDEV * (x - level * MEAN) / np.sqrt(level**2 * STDDEV**2 + 1 - level**2)


@pytest.mark.parametrize(("name", "order"), [("ddim", 1), ("dpm-solver", 2), ("heun", 2)])
def test_order_of_convergence(name, order):
    x = normal(0, (1, 8, 8))
    sizes = np.array([16, 32, 64, 128])
    errors = [
        np.sqrt(np.mean((run(denoise_gaussian, TABLES[name](SCHEDULE.quadratic_levels(n)), x) - follow_flow(x)) ** 2))
        for n in sizes
    ]
    slope = -np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.25), errors
    assert errors[-1] < (0.005, 0.0005)[order - 1]


@pytest.mark.parametrize("name", TABLES)
def test_gaussian_data_come_out_with_their_mean_and_variance(name):
    steps = TABLES[name](SCHEDULE.quadratic_levels(50))
    x = run(denoise_gaussian, steps, normal(0, (1, 30, 1000)))
    assert x.mean() == pytest.approx(MEAN, abs=0.02)  # the start N(0, 1) is not quite q(x_N)
    # What the steps lose, or add, is of the first order for DDIM and of the second for the others.
    assert x.std() == pytest.approx(STDDEV, rel=0.1 if name.startswith("ddim") else 0.03)


@pytest.mark.parametrize("name", TABLES)
def test_a_denoiser_that_knows_the_data_returns_the_data(name):
    x_0 = ops.convert_to_tensor(normal(2, (2, 5, 3)))

    def denoise(x, level):
        level = level[:, :, None]
        return (x - level * x_0) / ops.sqrt((1 - level) * (1 + level))

    x = run(denoise, with_resampling(TABLES[name](SCHEDULE.quadratic_levels(7)), 2), normal(0, (2, 5, 3)))
    np.testing.assert_allclose(x, ops.convert_to_numpy(x_0), atol=1e-5)


@pytest.mark.parametrize("name", TABLES)
def test_steps_can_be_taken_in_parts_that_are_filled_up(name):
    steps, x = TABLES[name](SCHEDULE.quadratic_levels(7)).astype(np.float32), normal(0, (2, 5, 3))
    whole, noise, before = run(denoise_gaussian, steps, x), normal(1, (2, len(steps), 5, 3)), np.zeros_like(x)
    filled = fill_up(steps, 5)
    assert len(filled) % 5 == 0
    noise = np.pad(noise, [(0, 0), (0, len(filled) - len(steps)), (0, 0), (0, 0)])
    for first in range(0, len(filled), 5):
        part = slice(first, first + 5)
        x, before = solver_sampling(
            denoise_gaussian, *map(ops.convert_to_tensor, (filled[part], x, noise[:, part], before))
        )
    np.testing.assert_allclose(ops.convert_to_numpy(x), whole, atol=1e-6)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_ddim_keeps_the_variance_of_the_noise_whatever_its_share(eta):
    levels = SCHEDULE.quadratic_levels(20)
    _, stddev, a, b, c, s, next_level = ddim_steps(levels, eta).T
    np.testing.assert_allclose((a * stddev) ** 2 + s**2, 1 - next_level**2, atol=1e-12)
    np.testing.assert_allclose(a * levels[:-1] + b, next_level, rtol=1e-12)
    assert not c.any()
    assert s.any() == (eta > 0)


def test_ddim_with_all_noise_on_all_levels_is_ancestral_sampling():
    steps, reverse = ddim_steps(SCHEDULE.noise_level[::-1], eta=1.0), reverse_steps(SCHEDULE)
    level, stddev, a, b, _, s, next_level = steps.T
    as_ancestral = np.stack([level, a + b / level, b * stddev / level / (a + b / level), s, next_level], axis=1)
    np.testing.assert_allclose(as_ancestral, reverse, rtol=1e-4, atol=1e-7)
    x, noise = normal(0, (1, 4, 4)), normal(1, (1, 1000, 4, 4))
    inputs = map(ops.convert_to_tensor, (reverse, x, noise))
    ancestral = ops.convert_to_numpy(ancestral_sampling(denoise_gaussian, *inputs))
    np.testing.assert_allclose(run(denoise_gaussian, steps, x), ancestral, atol=2e-4)


@pytest.mark.parametrize("stochastic", [False, True])
def test_dpm_solver_equals_the_published_update_in_numpy(stochastic):
    levels = SCHEDULE.quadratic_levels(9)
    x, noise = normal(0, (2, 5, 3)), normal(1, (2, 9, 5, 3))
    result = run(lambda x, level: ops.tanh(x) * level[:, :, None], dpm_solver_steps(levels, stochastic), x)
    x, before = x.astype(np.float64), None
    for i, (level, next_level) in enumerate(itertools.pairwise(levels)):
        stddev, next_stddev = np.sqrt(1 - level**2), np.sqrt(1 - next_level**2)
        predicted = (x - stddev * np.tanh(x) * level) / level
        if next_level == 1:
            x = predicted
            break
        h = np.log(next_level / next_stddev) - np.log(level / stddev)
        middle = predicted if before is None else predicted + (predicted - before) * h / h_before / 2  # noqa: F821
        x = next_stddev / stddev * np.exp(-h * stochastic) * x + next_level * -np.expm1(-h * (1 + stochastic)) * middle
        x = x + stochastic * next_stddev * np.sqrt(-np.expm1(-2 * h)) * noise[:, i]
        before, h_before = predicted, h  # noqa: F841
    np.testing.assert_allclose(result, x, atol=1e-4 * np.abs(x).max())


def test_heun_equals_the_published_update_in_numpy():
    levels = SCHEDULE.quadratic_levels(9)
    x = normal(0, (2, 5, 3))
    result = run(lambda x, level: ops.tanh(x) * level[:, :, None], heun_steps(levels), x)
    sigmas = np.sqrt(1 - levels**2) / levels
    y = x / levels[0]  # Karras et al. leave the data unscaled
    for i, (sigma, next_sigma) in enumerate(itertools.pairwise(sigmas)):
        slope = np.tanh(y * levels[i]) * levels[i]
        euler = y + (next_sigma - sigma) * slope
        if next_sigma > 0:
            slope = (slope + np.tanh(euler * levels[i + 1]) * levels[i + 1]) / 2
        y = y + (next_sigma - sigma) * slope
    np.testing.assert_allclose(result, y, atol=1e-4 * np.abs(y).max())


@pytest.mark.parametrize("name", TABLES)
def test_given_part_is_at_the_level_of_the_state_and_comes_back_bit_exact(name):
    steps = with_resampling(TABLES[name](SCHEDULE.quadratic_levels(6)), 2)
    x, given = normal(0, (2, 5, 3)), normal(3, (2, 5, 3))
    keep_mask = np.array([[1, 0, 1, 0, 0], [1, 1, 1, 1, 1]], dtype=bool)
    for count in (1, 2, len(steps) - 1, len(steps)):
        given_noise = normal(4, (2, count, 5, 3))
        infilling = {"given": given, "keep_mask": keep_mask, "given_noise": given_noise}
        result = run(lambda x, level: 0.1 * x, steps[:count], x, **infilling)
        level = steps[count - 1, -1]
        expected = level * given + np.sqrt(1 - level**2) * given_noise[:, -1]
        np.testing.assert_allclose(result[keep_mask], expected[keep_mask], atol=1e-5)
    np.testing.assert_array_equal(result[keep_mask].astype(np.float32), given[keep_mask])


def infill_correlated(steps, correlation=0.8, variance=0.25, given=0.5):
    """Mean and deviation, over the true ones, of the second of two correlated numbers infilled beside the first."""
    shape = (20, 2, 200)  # 4,000 pairs
    eigenvalues = variance * (1 + correlation), variance * (1 - correlation)

    def denoise(x, level):
        level = level[:, :, None]
        noise_variance = (1 - level) * (1 + level)
        mean = ops.mean(x, axis=1, keepdims=True)
        parts = zip((mean, x - mean), eigenvalues, strict=True)
        return ops.sqrt(noise_variance) * sum(part / (level**2 * value + noise_variance) for part, value in parts)

    infilling = {
        "given": np.full(shape, given, np.float32),
        "keep_mask": np.tile([[True, False]], (shape[0], 1)),
        "given_noise": normal(5, (shape[0], len(steps), *shape[1:])),
    }
    x = run(denoise, steps, normal(0, shape), **infilling)[:, 1]
    return x.mean() / (correlation * given), x.std() / np.sqrt(variance * (1 - correlation**2))


@pytest.mark.parametrize("name", TABLES)
def test_infilling_with_resampling_has_the_conditional_distribution(name):
    once = infill_correlated(TABLES[name](SCHEDULE.quadratic_levels(40)))
    often = infill_correlated(with_resampling(TABLES[name](SCHEDULE.quadratic_levels(40)), 10))
    # Putting the given part back, as the paper does, alone draws the rest too little towards it; resampling mends that.
    # The noise of a step is that for known data (Ho et al., section 3.2): 40 steps lose some variance by it.
    assert once[0] < 0.75
    np.testing.assert_allclose(often, 1.0, atol=0.15)


def test_resampling_repeats_every_step_but_the_last():
    levels = SCHEDULE.quadratic_levels(4)
    for table, rows in ((dpm_solver_steps(levels), 4), (heun_steps(levels), 7)):
        steps = with_resampling(table, 3)
        assert len(steps) == 3 * (rows - 1) + 1
        np.testing.assert_array_equal(with_resampling(table, 1), table)
        path = np.append(steps[:, 0], 1.0)
        np.testing.assert_array_equal(path[1:], steps[:, -1])  # each row starts where the one before ended
        ends, counts = np.unique(path, return_counts=True)
        np.testing.assert_allclose(ends, levels)
        assert counts.tolist() == [3, *(counts[1:-1]), 1]
