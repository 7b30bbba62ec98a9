import itertools
import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given
from scipy import integrate

from keras_symdiff.metrics.overlapping_area import overlapping_area

CASES_OF_THE_RELEASE = [  # printed by utils/metrics.py of the release, commit 84128ca: two means, two variances, area
    (60, 80, 4, 4, 1.0),
    (60, 62, 4, 4.5, 0.626845343089271),
    (66, 61.5, 9.25, 2.75, 0.317059040821695),
    (60, 60, 9, 1, 0.757836082736456),
    (0, 64, 0, 6.5, 0.5),  # an empty frame beside music
    (64, 0, 6.5, 0, 0.5),
    (0, 0, 0, 0, 1.0),
    (60, 67, 0, 0, 1.0),  # two held notes, a fifth apart
    (0.25, 0.5, 0.015625, 0.0625, 0.459468109037281),
    (0.375, 0.375, 0.03125, 0.015625, 0.916971720294373),
    (-3, 2, 1.5, 8, 0.195552142525395),
]

means = st.floats(-100, 100)
variances = st.floats(1e-6, 1e4)


def crossings(mean_a, mean_b, variance_a, variance_b):
    """Where the log densities are equal: the roots of a textbook quadratic, only to tell quad where the kinks are."""
    quadratic = 1 / variance_b - 1 / variance_a
    linear = 2 * (mean_a / variance_a - mean_b / variance_b)
    constant = mean_b**2 / variance_b - mean_a**2 / variance_a + np.log(variance_b / variance_a)
    return np.roots([quadratic, linear, constant]).real


def integrated(mean_a, mean_b, variance_a, variance_b):
    """The area under the lower density by numerical integration, piece by piece."""
    gaussians = [(mean_a, np.sqrt(variance_a)), (mean_b, np.sqrt(variance_b))]
    marks = [mean + k * stddev for mean, stddev in gaussians for k in (-40, -12, -6, -3, -1, 0, 1, 3, 6, 12, 40)]
    marks = np.unique([*marks, *crossings(mean_a, mean_b, variance_a, variance_b)])
    densities = [
        lambda x, m=m, s=s: math.exp(-(((x - m) / s) ** 2) / 2) / (s * math.sqrt(2 * math.pi)) for m, s in gaussians
    ]
    return sum(
        integrate.quad(lambda x: min(p(x) for p in densities), a, b, epsabs=1e-13)[0]
        for a, b in itertools.pairwise(marks)
    )


@pytest.mark.parametrize(
    "case",
    [
        (60, 62, 4, 4),
        (60, 80, 4, 4),
        (60, 60, 4, 4),
        (60, 60, 4, 4 + 1e-9),  # nearly equal variances, one mean
        (60, 61, 4, 4 * (1 + 1e-12)),
        (60, 61, 1 / 12, 1 / 12 + 1e-7),
        (60, 60, 1 / 12, 30),
        (60, 63, 1 / 12, 30),
        (3, -2, 1e-8, 50),  # hugely different variances
        (0, 0, 1e-12, 1e4),
        (0, 5, 100, 1e-4),
        (0.1, 0.2, 0.3, 0.7),
    ],
)
def test_agrees_with_numerical_integration_on_hard_cases(case):
    assert overlapping_area(*case) == pytest.approx(integrated(*case), abs=1e-9)


def test_agrees_with_numerical_integration_on_random_cases():
    rng = np.random.default_rng(0)
    mean_a, mean_b = rng.normal(60, 6, (2, 40))
    variance_a, variance_b = np.exp(rng.uniform(np.log(1 / 12), np.log(200), (2, 40)))
    expected = [integrated(*case) for case in zip(mean_a, mean_b, variance_a, variance_b, strict=True)]
    np.testing.assert_allclose(overlapping_area(mean_a, mean_b, variance_a, variance_b), expected, atol=1e-9, rtol=0)


def test_variance_zero_is_a_point():
    area = overlapping_area([60, 60, 60, 60], [60, 61, 60, 61], [0, 0, 0, 4], [0, 0, 4, 0])
    np.testing.assert_array_equal(area, [1, 0, 0, 0])


@pytest.mark.parametrize(
    ("case", "area"),
    [
        ((0, 0, 5e-324, 1e300), 0),
        ((0, 0, 1e300, 1e300), 1),
        ((0, 0, 1e-300, 1e-300), 1),
        ((0, 5e-324, 1, 1), 1),
        ((0, 1e300, 1e-300, 1e-300), 0),
        ((60, 60, np.nextafter(4, 5), 4), 1),
    ],
)
def test_stays_finite_at_the_ends_of_float64(case, area):
    assert overlapping_area(*case) == pytest.approx(area, abs=1e-15)


@given(means, means, variances, variances)
@example(60, 60, 4, np.nextafter(4, 5))
@example(0, 100, 1e-6, 1e4)
def test_is_symmetric_and_in_range(mean_a, mean_b, variance_a, variance_b):
    area = overlapping_area(mean_a, mean_b, variance_a, variance_b)
    assert 0 <= area <= 1
    assert area == overlapping_area(mean_b, mean_a, variance_b, variance_a)
    assert area == overlapping_area(-mean_a, -mean_b, variance_a, variance_b)
    assert overlapping_area(mean_a, mean_a, variance_a, variance_a) == 1


@given(means, means, st.floats(1e-2, 1e4), st.floats(1e-2, 1e4), st.floats(-100, 100), st.floats(0.01, 100))
def test_does_not_change_with_origin_and_unit(mean_a, mean_b, variance_a, variance_b, shift, scale):
    moved = overlapping_area(
        (mean_a + shift) * scale, (mean_b + shift) * scale, variance_a * scale**2, variance_b * scale**2
    )
    assert moved == pytest.approx(float(overlapping_area(mean_a, mean_b, variance_a, variance_b)), abs=1e-9)


@given(st.floats(0, 100), st.floats(0, 100), variances, variances)
def test_falls_with_distance(near, further, variance_a, variance_b):
    assert (
        overlapping_area(0, near + further, variance_a, variance_b)
        <= overlapping_area(0, near, variance_a, variance_b) + 1e-12
    )


@pytest.mark.filterwarnings("error")
def test_arguments_broadcast_and_unknowns_stay_unknown():
    area = overlapping_area(np.zeros((3, 1)), [0, 1], 1, [1, np.nan])
    assert area.shape == (3, 2)
    assert area.dtype == np.float64
    np.testing.assert_array_equal(np.isnan(area), [[False, True]] * 3)
    assert np.isnan(overlapping_area(np.nan, 0, 0, 0))


def test_the_papers_formula_is_blind_to_distance():
    assert overlapping_area(60, 80, 4, 4, variant="paper") == pytest.approx(1.0, abs=1e-9)
    assert overlapping_area(60, 80, 4, 4) == pytest.approx(5.733e-7, rel=1e-4)


def test_the_papers_formula_is_the_released_one():
    cases = np.array(CASES_OF_THE_RELEASE)
    area = overlapping_area(*cases[:, :4].T, variant="paper")
    np.testing.assert_allclose(area, cases[:, 4], rtol=1e-9, atol=1e-12)


def test_errors_name_the_rule():
    with pytest.raises(ValueError, match=r"negative\. Received: variance_b down to -1"):
        overlapping_area(0, 0, 1, [1, -1])
    with pytest.raises(ValueError, match=r"\['exact', 'paper'\]. Received: variant='exakt'"):
        overlapping_area(0, 0, 1, 1, variant="exakt")
