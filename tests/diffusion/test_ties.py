import numpy as np
import pytest
from keras import ops

from keras_symdiff.diffusion.ties import VARIATION_SHARE, tie, tie_matrix

PLAN = np.array([[0, 1, 0, 1, -1, 0]])


def test_a_matrix_means_equal_phrases_and_leaves_new_ones():
    third, half = 1 / 3, 1 / 2
    expected = [
        [third, 0, third, 0, 0, third],
        [0, half, 0, half, 0, 0],
        [third, 0, third, 0, 0, third],
        [0, half, 0, half, 0, 0],
        [0, 0, 0, 0, 1, 0],
        [third, 0, third, 0, 0, third],
    ]
    np.testing.assert_allclose(tie_matrix(PLAN)[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(tie_matrix(np.full((2, 5), -1)), np.eye(5)[None].repeat(2, axis=0))


def test_a_tie_to_a_given_phrase_means_that_phrase_and_of_several_the_first():
    given = np.array([[False, False, True, False, False, True]])
    matrix = tie_matrix(PLAN, keep_mask=given)[0]
    np.testing.assert_array_equal(matrix[[0, 2, 5]], np.eye(6)[[2, 2, 2]])
    np.testing.assert_allclose(matrix[1], tie_matrix(PLAN)[0, 1])


def test_a_variation_is_a_share_of_what_it_varies():
    """Phrase 4 varies 1, which 3 repeats; 0, 2 and 5 vary nothing."""
    matrix = tie_matrix(PLAN, np.array([[0, 1, 0, 1, 1, 0]]))[0]
    np.testing.assert_array_equal(matrix[[0, 1, 2, 3, 5]], tie_matrix(PLAN)[0, [0, 1, 2, 3, 5]])
    expected = VARIATION_SHARE * np.array([0, 0.5, 0, 0.5, 0, 0]) + (1 - VARIATION_SHARE) * np.eye(6)[4]
    np.testing.assert_allclose(matrix[4], expected, rtol=1e-6)


def test_variations_are_of_a_given_phrase_where_one_is_given_and_repeats_of_it_stay():
    varies = np.array([[0, 0, 0, 0, -1, 0]])  # all but phrase 4 are variations of 0, which 2 and 5 repeat
    given = np.array([[False, False, False, True, False, False]])
    matrix = tie_matrix(PLAN, varies, given)[0]
    np.testing.assert_array_equal(matrix[[1, 3, 4]], np.eye(6)[[3, 3, 4]])
    for phrase in (0, 2, 5):
        assert matrix[phrase, 3] == pytest.approx(VARIATION_SHARE)
        np.testing.assert_array_equal(matrix[phrase], matrix[0])
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("plan", [[[0, 0, 1]], [[0, 3, 0]], [[0, -2, 0]], [[0.0, 1.0, 2.0]]])
def test_what_is_no_plan_is_refused(plan):
    with pytest.raises(ValueError, match="Received: repeats="):
        tie_matrix(np.array(plan))
    with pytest.raises(ValueError, match="Received: varies="):
        tie_matrix(np.array([[0, 1, 2]]), np.array(plan))


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def run(epsilon, x, level, *others):
    arrays = [ops.convert_to_tensor(array) for array in (epsilon, x, np.full((1, 1), level, "float32"), *others)]
    return ops.convert_to_numpy(tie(*arrays))


@pytest.mark.parametrize("level", [0.1, 0.85, 0.95, 0.999])
def test_clean_phrases_that_follow_from_the_noise_are_the_means(level):
    x, epsilon = draw(1, 6, 4), draw(1, 6, 4, seed=1)
    stddev = np.sqrt(1 - level**2)
    tied = run(epsilon, x, level, tie_matrix(PLAN))
    clean = (x - stddev * epsilon) / level
    plan = np.array([0, 1, 0, 1, 4, 0])
    expected = np.stack([clean[0, plan == root].mean(axis=0) for root in plan])
    np.testing.assert_allclose((x - stddev * tied)[0] / level, expected, rtol=1e-3, atol=1e-4)


def test_of_the_true_noise_of_equal_phrases_ties_change_nothing():
    clean = draw(1, 6, 4)
    clean[:, [2, 5]], clean[:, 3] = clean[:, :1], clean[:, 1]
    noise = draw(1, 6, 4, seed=1)
    x = 0.6 * clean + 0.8 * noise
    np.testing.assert_allclose(run(noise, x, 0.6, tie_matrix(PLAN)), noise, atol=1e-5)


def test_given_phrases_are_what_they_are_tied_to():
    x, epsilon, given = draw(1, 6, 4), draw(1, 6, 4, seed=1), draw(1, 6, 4, seed=2)
    keep_mask = np.array([[False, False, True, False, False, False]])
    tied = run(epsilon, x, 0.6, tie_matrix(PLAN, keep_mask=keep_mask), given, keep_mask)
    np.testing.assert_allclose(((x - 0.8 * tied) / 0.6)[0, [0, 2, 5]], given[0, [2, 2, 2]], rtol=1e-4, atol=1e-5)
