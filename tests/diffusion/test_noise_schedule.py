import json

import numpy as np
import pytest

from keras_symdiff.diffusion.noise_schedule import NoiseSchedule


def test_paper_schedule():
    schedule = NoiseSchedule.linear()
    assert schedule.num_steps == 1000
    assert schedule.beta[1] == 1e-6
    assert schedule.beta[1000] == 0.01
    assert schedule.alpha_bar[0] == schedule.noise_level[0] == 1.0
    assert schedule.noise_level[1000] == pytest.approx(0.08138, abs=5e-6)
    for array in (schedule.beta, schedule.alpha, schedule.alpha_bar, schedule.noise_level, schedule.posterior_stddev):
        assert array.shape == (1001,)
        assert array.dtype == np.float64
        assert not array.flags.writeable


def test_posterior_stddev_is_that_of_bayes_rule():
    # q(x_{t-1} | x_t, x_0) is the product of two Gaussians in x_{t-1}: precisions add.
    schedule = NoiseSchedule.linear(50, 1e-3, 0.2)
    t = np.arange(2, 51)
    precision = schedule.alpha[t] / schedule.beta[t] + 1 / (1 - schedule.alpha_bar[t - 1])
    np.testing.assert_allclose(schedule.posterior_stddev[t], precision**-0.5, rtol=1e-10)
    assert schedule.posterior_stddev[1] == 0.0


@pytest.mark.parametrize(
    "schedule", [NoiseSchedule.linear(), NoiseSchedule.linear(1), NoiseSchedule([0, 0.1, 0.5, 0.2])]
)
def test_config_round_trip_is_exact(schedule):
    config = json.loads(json.dumps(schedule.get_config()))
    np.testing.assert_array_equal(NoiseSchedule.from_config(config).beta, schedule.beta)


def test_linear_config_is_readable():
    assert NoiseSchedule.linear().get_config() == {"num_steps": 1000, "beta_start": 1e-6, "beta_end": 0.01}


@pytest.mark.parametrize("beta", [[0.0], [0.1, 0.2], [0, 1.0], [0, -0.1], [0, np.nan], [[0, 0.1]]])
def test_rejects_bad_variances(beta):
    with pytest.raises(ValueError, match="Received: beta="):
        NoiseSchedule(beta)


def test_rejects_bad_arguments():
    with pytest.raises(ValueError, match="num_steps=0"):
        NoiseSchedule.linear(0)
    with pytest.raises(ValueError, match=r"num_steps=2\.5"):
        NoiseSchedule.linear(2.5)
    with pytest.raises(ValueError, match="Received: keys="):
        NoiseSchedule.from_config({"num_steps": 10})


@pytest.mark.parametrize("num_steps", [1, 7, 250, 999])
def test_a_respaced_schedule_passes_through_levels_of_the_old_one(num_steps):
    schedule = NoiseSchedule.linear()
    fewer = schedule.respaced(num_steps)
    assert fewer.num_steps == num_steps
    distances = np.abs(fewer.noise_level[:, None] - schedule.noise_level)
    assert distances.min(axis=1).max() < 1e-12
    assert fewer.noise_level[-1] == pytest.approx(schedule.noise_level[-1], rel=1e-12)
    gaps = np.diff(distances.argmin(axis=1))
    assert gaps.max() - gaps.min() <= 1


def test_respacing_to_all_steps_changes_nothing_and_to_more_is_refused():
    schedule = NoiseSchedule.linear(20)
    assert schedule.respaced(20) is schedule
    for num_steps in (0, 21, 2.5):
        with pytest.raises(ValueError, match=rf"\[1, 20\]. Received: num_steps={num_steps}"):
            schedule.respaced(num_steps)


@pytest.mark.parametrize("num_steps", [1, 10, 25, 1000])
def test_quadratic_levels_grow_from_the_noisiest_to_1(num_steps):
    schedule = NoiseSchedule.linear()
    levels = schedule.quadratic_levels(num_steps)
    assert levels.shape == (num_steps + 1,)
    assert levels[0] == schedule.noise_level[-1]
    assert levels[-1] == 1.0
    assert np.all(np.diff(levels) > 0)
    if num_steps == 10:
        np.testing.assert_allclose(levels, schedule.noise_level[10 * np.arange(10, -1, -1) ** 2], rtol=1e-12)


def test_more_quadratic_levels_than_steps_are_refused():
    for num_steps in (0, 21, 2.5):
        with pytest.raises(ValueError, match=rf"\[1, 20\]. Received: num_steps={num_steps}"):
            NoiseSchedule.linear(20).quadratic_levels(num_steps)
