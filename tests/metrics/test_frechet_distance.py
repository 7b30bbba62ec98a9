import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_symdiff.metrics.frechet_distance import (
    frechet_distance,
    frechet_distances,
    gaussian_frechet_distance,
)


def test_closed_form_of_commuting_gaussians():
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    covariances = [rotation @ np.diag(values) @ rotation.T for values in ([4.0, 1.0, 9.0], [1.0, 1.0, 0.0])]
    distance = gaussian_frechet_distance(np.zeros(3), covariances[0], np.array([1.0, 2, 2]), covariances[1])
    np.testing.assert_allclose(distance, 9 + (2 - 1) ** 2 + 0 + (3 - 0) ** 2, rtol=1e-12)


def test_against_the_general_matrix_root():
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(1)
    roots = rng.standard_normal((2, 6, 6))
    a, b = roots @ roots.transpose(0, 2, 1)
    expected = np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    np.testing.assert_allclose(gaussian_frechet_distance(np.zeros(6), a, np.zeros(6), b), expected, rtol=1e-9)


def test_a_shift_counts_by_its_square_and_a_scale_by_the_spread():
    x = np.random.default_rng(2).standard_normal((500, 4))
    shift = np.array([1.0, -2.0, 0.0, 0.5])
    np.testing.assert_allclose(frechet_distance(x, x + shift), 5.25, rtol=1e-12)
    centred = x - x.mean(axis=0)
    np.testing.assert_allclose(frechet_distance(centred, 3 * centred), 4 * centred.var(axis=0, ddof=1).sum())


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 12), m=st.integers(2, 12), dim=st.integers(1, 8))
def test_properties(seed, n, m, dim):
    # n and m below dim are common: covariances without full rank
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, dim)), 2 * rng.standard_normal((m, dim)) + 1
    distance = frechet_distance(x, y)
    assert distance >= 0
    assert frechet_distance(x, x[::-1]) < 1e-12
    np.testing.assert_allclose(frechet_distance(y, x), distance, rtol=1e-7, atol=1e-9)
    rotation = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    np.testing.assert_allclose(frechet_distance(x @ rotation, y @ rotation), distance, rtol=1e-7, atol=1e-9)


def test_without_full_rank():
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.standard_normal((5, 3)), np.zeros((5, 40))], axis=1)
    assert frechet_distance(x, x.copy()) < 1e-12
    y = np.roll(x, 20, axis=1)  # the spread lies in other dimensions: no overlap at all
    expected = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2) + 2 * x.var(axis=0, ddof=1).sum()
    np.testing.assert_allclose(frechet_distance(x, y), expected, rtol=1e-12)


def test_pieces_are_pooled_and_resampled_as_wholes():
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((6, 5, 3)) + 100, 2 * rng.standard_normal((4, 7, 3)) + 99
    x_weights, y_weights = np.array([[1, 1, 1, 1, 1, 1], [2, 0, 0, 3, 0, 1]]), np.array([[1, 1, 1, 1], [0, 1, 0, 3]])
    expected = [
        frechet_distance(np.repeat(x, v, axis=0).reshape(-1, 3), np.repeat(y, w, axis=0).reshape(-1, 3))
        for v, w in zip(x_weights, y_weights, strict=True)
    ]
    assert frechet_distance(x, y) == expected[0]
    np.testing.assert_allclose(frechet_distances(x, y, x_weights, y_weights), expected, rtol=1e-9)


def test_wrong_latents_are_refused():
    x = np.ones((4, 3))
    with pytest.raises(ValueError, match=r"y of shape \(4, 2\)"):
        frechet_distance(x, x[:, :2])
    with pytest.raises(ValueError, match=r"x of shape \(3,\)"):
        frechet_distance(x[0], x)
    with pytest.raises(ValueError, match=r"at least 2 latents\. Received: y of shape \(1, 3\)"):
        frechet_distance(x, x[:1])
    with pytest.raises(ValueError, match=r"finite\. Received: 3 other values in x"):
        frechet_distance(np.where(np.arange(4)[:, None] == 1, np.nan, x), x)
