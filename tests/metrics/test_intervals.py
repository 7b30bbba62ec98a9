import numpy as np
import pytest

from keras_symdiff.metrics.framewise_self_similarity import overlap_moments, relative_similarity
from keras_symdiff.metrics.intervals import interval, resampled_counts


def test_a_resample_draws_as_many_pieces_as_there_are():
    counts = resampled_counts(40, num_resamples=500, seed=3)
    assert counts.shape == (500, 40)
    assert (counts.sum(1) == 40).all()
    np.testing.assert_allclose(counts.mean(0), 1, atol=0.25)
    assert counts.var() == pytest.approx(1 - 1 / 40, abs=0.1)  # multinomial, so almost Poisson


def test_the_seed_decides():
    np.testing.assert_array_equal(resampled_counts(30, 10, seed=1), resampled_counts(30, 10, seed=1))
    assert (resampled_counts(30, 10, seed=1) != resampled_counts(30, 10, seed=2)).any()


def test_the_interval_of_a_mean_has_the_known_width():
    values = np.random.default_rng(0).normal(5, 2, 400)
    counts = resampled_counts(400, num_resamples=4000, seed=0)
    low, high = interval(counts @ values / 400)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    narrow = interval(counts @ values / 400, level=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_intervals_cover_the_truth():
    # ratio of sums: the rate of all phrases, from pieces of unequal numbers of phrases
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(200):
        phrases = rng.integers(5, 30, 150)
        repeats = rng.binomial(phrases, 0.3)
        counts = resampled_counts(150, num_resamples=300, seed=trial)
        low, high = interval((counts @ repeats) / (counts @ phrases))
        covered += low <= 0.3 <= high
    assert 0.89 <= covered / 200 <= 0.99


def test_model_and_reference_are_both_resampled():
    rng = np.random.default_rng(2)
    model, train = rng.beta(8, 2, (2, 300, 30))
    model_moments = overlap_moments(model, resampled_counts(300, seed=1))
    train_moments = overlap_moments(train, resampled_counts(300, seed=2))
    fixed = relative_similarity(model_moments, overlap_moments(train))[1]
    both = relative_similarity(model_moments, train_moments)[1]
    assert both.shape == (1000,)
    assert np.diff(interval(both)) > np.diff(interval(fixed))


def test_pieces_of_a_song_stay_together():
    song = np.repeat(np.arange(20), 5)
    counts = resampled_counts(20, seed=0)[:, song]
    assert counts.shape == (1000, 100)
    assert (counts.reshape(1000, 20, 5) == counts.reshape(1000, 20, 5)[:, :, :1]).all()


@pytest.mark.filterwarnings("error")
def test_resamples_without_a_value_are_skipped():
    values = np.column_stack([np.arange(101.0), np.full(101, np.nan)])
    values[0, 0] = np.nan
    low, high = interval(values, level=0.8)
    np.testing.assert_allclose((low[0], high[0]), np.quantile(np.arange(1, 101), [0.1, 0.9]))
    assert np.isnan(low[1])
    assert np.isnan(high[1])


def test_errors_name_the_rule():
    with pytest.raises(ValueError, match="Received: num_pieces=0"):
        resampled_counts(0)
    with pytest.raises(ValueError, match="num_resamples=0"):
        resampled_counts(3, num_resamples=0)
    with pytest.raises(ValueError, match="Received: level=95"):
        interval(np.arange(3), level=95)
