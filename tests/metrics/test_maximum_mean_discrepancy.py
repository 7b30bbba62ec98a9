import sys

import numpy as np
import pytest

from keras_symdiff.metrics.maximum_mean_discrepancy import (
    maximum_mean_discrepancies,
    maximum_mean_discrepancy,
)

module = sys.modules[maximum_mean_discrepancy.__module__]  # its function hides its name in the package


def polynomial(a, b):
    return (a @ b) ** 2


def naive(x, y, kernel):
    """The estimate by its definition, over pieces (P, L, D)."""

    def mean(first, second):
        return np.mean([kernel(a, b) for a in first for b in second])

    def within(pieces):
        return np.mean([mean(a, b) for i, a in enumerate(pieces) for j, b in enumerate(pieces) if i != j])

    return within(x) + within(y) - 2 * np.mean([mean(a, b) for a in x for b in y])


def rbf_of(x, y):
    pooled = np.concatenate([x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])])
    distances = [np.linalg.norm(a - b) for i, a in enumerate(pooled) for b in pooled[:i]]
    scale = 2 * np.median(distances) ** 2
    return lambda a, b: np.exp(-np.sum((a - b) ** 2) / scale)


@pytest.mark.parametrize("shape", [(5, 3, 2), (9, 1, 4), (4, 4, 9), (60, 1, 2)])
def test_both_kernels_are_the_naive_double_loop(shape):
    # polynomial: by second moments where the latents are many, by pairs where their dimensions are
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(shape) + 0.3, rng.standard_normal((4, *shape[1:]))
    np.testing.assert_allclose(maximum_mean_discrepancy(x, y), naive(x, y, polynomial), rtol=1e-9)
    np.testing.assert_allclose(maximum_mean_discrepancy(x, y, kernel="rbf"), naive(x, y, rbf_of(x, y)), rtol=1e-9)
    np.testing.assert_allclose(maximum_mean_discrepancy(y, x, kernel="rbf"), naive(x, y, rbf_of(x, y)), rtol=1e-9)


def test_polynomial_closed_form():
    # second moments of the two sets, without the pairs of a latent with itself
    x, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[2.0, 0.0], [2.0, 0.0]])
    assert maximum_mean_discrepancy(x, y) == 0 + 16 - 2 * (4 + 0 + 4 + 0) / 4


@pytest.mark.parametrize("kernel", ["polynomial", "rbf"])
def test_equal_distributions_give_zero_on_average_and_others_do_not(kernel):
    rng = np.random.default_rng(1)

    def pieces(num, shift=0.0):  # phrases of a piece resemble each other
        return 0.5 * rng.standard_normal((num, 1, 3)) + 0.5 * rng.standard_normal((num, 8, 3)) + 0.3 + shift

    same = np.array([maximum_mean_discrepancy(pieces(12), pieces(9), kernel) for _ in range(200)])
    assert abs(same.mean()) < 3 * same.std() / np.sqrt(200)
    assert same.min() < 0
    other = np.array([maximum_mean_discrepancy(pieces(60), pieces(60, shift=0.5), kernel) for _ in range(20)])
    assert other.min() > 0


def test_rbf_sees_what_the_second_moments_do_not():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2000, 1))
    y = rng.choice([-1.0, 1.0], (2000, 1))
    assert abs(maximum_mean_discrepancy(x, y)) < 0.02
    assert maximum_mean_discrepancy(x, y, kernel="rbf") > 0.02


@pytest.mark.parametrize("kernel", ["polynomial", "rbf"])
def test_resampled_pieces_are_weighted_and_copies_are_not_paired(kernel):
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((40, 6, 3)), rng.standard_normal((30, 6, 3)) + 0.2
    x_weights, y_weights = np.ones((3, 40)), np.ones((3, 30))
    x_weights[1], y_weights[1] = 2, 5
    x_weights[2, :3], y_weights[2, :2] = [0, 2, 1], [2, 0]
    values = maximum_mean_discrepancies(x, y, x_weights, y_weights, kernel)
    np.testing.assert_allclose(values[:2], maximum_mean_discrepancy(x, y, kernel), rtol=1e-9)
    assert values[2] != values[0]
    # by definition: the mean over drawn pairs of different pieces
    if kernel == "polynomial":
        means = np.einsum("pli,plj->pij", x, x) / 6, np.einsum("pli,plj->pij", y, y) / 6
        pair = [
            np.einsum("pij,qij,p,q->pq", a, a, w, w) for a, w in zip(means, (x_weights[2], y_weights[2]), strict=True)
        ]
        within = sum(
            (k.sum() - np.trace(k)) / (w.sum() ** 2 - (w**2).sum())
            for k, w in zip(pair, (x_weights[2], y_weights[2]), strict=True)
        )
        between = np.einsum("pij,qij,p,q->", *means, x_weights[2], y_weights[2]) / (40 * 30)
        np.testing.assert_allclose(values[2], within - 2 * between, rtol=1e-9)


def test_long_pieces_give_four_phrases_to_the_rbf_kernel():
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((5, 32, 3)), rng.standard_normal((5, 32, 3)) + 1
    first = np.arange(5)[:, None]
    chosen = (first, first % 8 + [0, 8, 16, 24])
    assert maximum_mean_discrepancy(x, y, "rbf") == maximum_mean_discrepancy(x[chosen], y[chosen], "rbf")


def test_of_many_pieces_each_meets_those_of_its_group(monkeypatch):
    monkeypatch.setattr(module, "_COMPARED", 4)
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((11, 2, 3)), rng.standard_normal((6, 2, 3)) + 0.5
    kernel = rbf_of(x, y)

    def mean(a, b, groups, same):
        pairs = [
            np.mean([kernel(u, v) for u in first for v in second])
            for i, first in enumerate(a)
            for j, second in enumerate(b)
            if i % groups == j % groups and not (same and i == j)
        ]
        return np.mean(pairs)

    expected = mean(x, x, 3, True) + mean(y, y, 2, True) - 2 * mean(x, y, 2, False)
    np.testing.assert_allclose(maximum_mean_discrepancy(x, y, "rbf"), expected, rtol=1e-9)
    np.testing.assert_allclose(maximum_mean_discrepancy(y, x, "rbf"), expected, rtol=1e-9)
    weights = np.full((2, 11), 2), np.full((2, 6), 3)
    np.testing.assert_allclose(maximum_mean_discrepancies(x, y, *weights, "rbf"), expected, rtol=1e-9)
    # Copies of two pieces that never meet are no pair.
    drawn = np.eye(11)[[0]] * 5 + np.eye(11)[[1]] * 6
    assert np.isnan(maximum_mean_discrepancies(x, y, drawn, np.ones((1, 6)), "rbf"))
    # All pairs of the other kernel count, whatever their number.
    np.testing.assert_allclose(maximum_mean_discrepancy(x, y), naive(x, y, polynomial), rtol=1e-9)


def test_many_pieces_scatter_around_what_all_pairs_give(monkeypatch):
    rng = np.random.default_rng(6)
    x, y = rng.standard_normal((600, 3)), rng.standard_normal((500, 3)) * 1.2
    whole = maximum_mean_discrepancy(x, y, "rbf")
    monkeypatch.setattr(module, "_COMPARED", 100)
    order = [(rng.permutation(600), rng.permutation(500)) for _ in range(60)]
    parts = np.array([maximum_mean_discrepancy(x[i], y[j], "rbf") for i, j in order])
    assert abs(parts.mean() - whole) < 4 * parts.std() / np.sqrt(60)
    assert parts.std() < whole


def test_sets_of_few_points_have_a_scale():
    x = np.zeros((6, 2))
    assert maximum_mean_discrepancy(x, x, "rbf") == 0
    y = x.copy()
    y[0] = 1
    assert np.isfinite(maximum_mean_discrepancy(x, y, "rbf"))


def test_wrong_arguments_are_refused():
    x = np.ones((4, 3))
    with pytest.raises(ValueError, match=r"one of polynomial, rbf\. Received: kernel='cosine'"):
        maximum_mean_discrepancy(x, x, kernel="cosine")
    with pytest.raises(ValueError, match=r"at least 2 pieces. Received: x of shape \(1, 4, 3\)"):
        maximum_mean_discrepancy(x[None], x)
    with pytest.raises(ValueError, match="finite"):
        maximum_mean_discrepancy(x * np.inf, x)
