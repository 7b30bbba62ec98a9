import numpy as np
import pytest

from keras_symdiff.evaluation.spherical_interpolation import spherical_interpolation


def test_points_of_a_quarter_circle_are_evenly_spaced():
    points = spherical_interpolation(np.eye(3)[:1], np.eye(3)[1:2], num_points=4)
    angles = np.deg2rad([0, 30, 60, 90])
    np.testing.assert_allclose(points[0], np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1), atol=1e-15)


def test_ends_are_bit_exact_and_the_norm_is_kept():
    rng = np.random.default_rng(0)
    start, end = rng.standard_normal((2, 100, 512)).astype(np.float32)
    points = spherical_interpolation(start, end, num_points=32)
    assert points.shape == (100, 32, 512)
    assert points.dtype == np.float64
    np.testing.assert_array_equal(points[:, 0], start)
    np.testing.assert_array_equal(points[:, -1], end)
    start, end = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (start, end))
    norms = np.linalg.norm(spherical_interpolation(start, end, num_points=5), axis=2)
    np.testing.assert_allclose(norms, 1, atol=1e-6)


def test_there_and_back_is_the_same_way():
    rng = np.random.default_rng(1)
    start, end = rng.standard_normal((2, 10, 8))
    there, back = spherical_interpolation(start, end, 7), spherical_interpolation(end, start, 7)
    np.testing.assert_allclose(there, back[:, ::-1], atol=1e-12)


@pytest.mark.parametrize(
    ("start", "end"),
    [([2, 4], [1, 2]), ([2, 4], [2, 4]), ([0, 0], [1, 2]), ([3, 1], [0, 0]), ([0, 0], [0, 0]), ([1, 2], [-2, -4])],
    ids=["parallel", "equal", "from zero", "to zero", "zeros", "opposite"],
)
def test_where_no_arc_is_defined_the_way_is_straight(start, end):
    start, end = np.array([start, [1, 0]], float), np.array([end, [0, 1]], float)
    points = spherical_interpolation(start, end, num_points=5)
    np.testing.assert_allclose(points[0], np.linspace(start[0], end[0], 5), atol=1e-12)
    np.testing.assert_allclose(points[1, 2], np.sqrt([0.5, 0.5]))  # its neighbour in the batch takes the arc


@pytest.mark.parametrize("near", [1e-9, 1e-7, 1e-5, 1e-3])
def test_nearly_parallel_and_nearly_opposite_stay_finite(near):
    start = np.array([[1.0, 0.0]])
    parallel = spherical_interpolation(start, np.array([[1.0, near]]), num_points=9)
    np.testing.assert_allclose(parallel, np.stack([np.ones(9), np.linspace(0, near, 9)], axis=-1)[None], atol=1e-6)
    opposite = spherical_interpolation(start, np.array([[-1.0, near]]), num_points=9)
    assert np.abs(opposite).max() < 1 + 1e-6


def test_wrong_shapes_and_too_few_points_are_refused():
    with pytest.raises(ValueError, match="num_points=1"):
        spherical_interpolation(np.ones((1, 2)), np.ones((1, 2)), num_points=1)
    with pytest.raises(ValueError, match=r"end of shape \(2, 2\)"):
        spherical_interpolation(np.ones((1, 2)), np.ones((2, 2)), num_points=3)
    with pytest.raises(ValueError, match=r"start of shape \(2,\)"):
        spherical_interpolation(np.ones(2), np.ones(2), num_points=3)
