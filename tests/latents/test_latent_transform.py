import json
import os

import numpy as np
import pytest

from keras_symdiff.constants import MAGENTA_KEPT_DIMS
from keras_symdiff.latents.latent_transform import LatentTransform


@pytest.fixture
def posteriors():
    random = np.random.default_rng(0)
    mean = random.normal(random.uniform(-3, 3, 16), random.uniform(0.1, 2, 16), (5000, 16)).astype(np.float32)
    stddev = np.full((5000, 16), 1.0, dtype=np.float32)
    stddev[:, [2, 3, 11]] = 0.4
    stddev[:4000, 5] = 0.9  # its mean counts: 0.9 in most phrases, 2.0 in the rest
    stddev[4000:, 5] = 2.0
    return mean, stddev


def test_fit_keeps_the_dimensions_the_encoder_uses(posteriors):
    transform = LatentTransform.fit(*posteriors)
    assert transform.kept_dims.tolist() == [2, 3, 11]
    assert LatentTransform.fit(*posteriors, threshold=1.2).num_kept_dims == 16
    assert LatentTransform.fit(posteriors[0], kept_dims=[0, 15]).kept_dims.tolist() == [0, 15]


def test_published_dimensions_fit_the_published_checkpoint():
    transform = LatentTransform.fit(np.random.default_rng(0).normal(size=(10, 512)), kept_dims=MAGENTA_KEPT_DIMS)
    assert transform.forward(np.zeros((2, 32, 512))).shape == (2, 32, 42)


def test_training_split_fills_minus_one_to_one_per_dimension(posteriors):
    scaled = LatentTransform.fit(*posteriors).forward(posteriors[0])
    np.testing.assert_array_equal(scaled.min(axis=0), -1)
    np.testing.assert_array_equal(scaled.max(axis=0), 1)
    # Affine and nothing clipped: twice as far from the centre is twice as far.
    transform = LatentTransform([0], [2.0], [6.0], 1)
    np.testing.assert_allclose(transform.forward(np.array([[4.0], [6.0], [8.0]]))[:, 0], [0, 1, 2])


def test_inverse_of_forward_is_exact_on_kept_dimensions(posteriors):
    transform = LatentTransform.fit(*posteriors)
    unseen = np.random.default_rng(1).normal(0, 4, (100, 32, 16)).astype(np.float32)
    back = transform.inverse(transform.forward(unseen))
    assert back.dtype == np.float32
    assert back.shape == unseen.shape
    np.testing.assert_array_equal(back[..., transform.kept_dims], unseen[..., transform.kept_dims])
    # In float32, as the network works, it is exact to float32's spacing of the range.
    rounded = transform.inverse(transform.forward(unseen).astype(np.float32))
    np.testing.assert_allclose(rounded[..., transform.kept_dims], unseen[..., transform.kept_dims], atol=3e-6)


def test_other_dimensions_are_the_prior_mean_or_seeded_noise(posteriors):
    transform = LatentTransform.fit(*posteriors)
    dropped = np.setdiff1d(np.arange(16), transform.kept_dims)
    scaled = transform.forward(posteriors[0])
    assert not transform.inverse(scaled)[:, dropped].any()
    noisy = transform.inverse(scaled, fill_seed=3)
    np.testing.assert_array_equal(noisy, transform.inverse(scaled, fill_seed=3))
    np.testing.assert_array_equal(noisy[:, transform.kept_dims], posteriors[0][:, transform.kept_dims])
    assert noisy[:, dropped].std() == pytest.approx(1, abs=0.01)
    assert np.any(noisy != transform.inverse(scaled, fill_seed=4))


def test_a_dimension_without_a_range_is_centred():
    transform = LatentTransform.fit(np.full((4, 2), 1.5, dtype=np.float32), kept_dims=[0, 1])
    np.testing.assert_array_equal(transform.forward(np.array([[1.5, 2.0]])), [[0.0, 0.5]])
    np.testing.assert_array_equal(transform.inverse(np.array([[0.0, 0.5]])), [[1.5, 2.0]])


def test_save_and_load_are_exact_and_leave_nothing_else(posteriors, tmp_path):
    transform = LatentTransform.fit(*posteriors)
    path = tmp_path / "latent_transform.json"
    path.write_text("an older file")
    transform.save(path)
    assert os.listdir(tmp_path) == ["latent_transform.json"]
    loaded = LatentTransform.load(path)
    for name in ("kept_dims", "minimum", "maximum", "latent_dim"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(transform, name))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1, 2]",
        "{}",
        100_000 * "[",
        '{"kept_dims": [0], "minimum": [0], "maximum": [1], "latent_dim": 2, "extra": 1}',
    ]
    + [
        json.dumps({"kept_dims": kept, "minimum": low, "maximum": high, "latent_dim": dim})
        for kept, low, high, dim in [
            ([2], [0], [1], 2),
            ([0.5], [0], [1], 2),
            ([1, 0], [0, 0], [1, 1], 2),
            ([0], [0, 0], [1, 1], 2),
            ([0], [1], [0], 2),
            ([0], [float("nan")], [1], 2),
            ([0], ["low"], [1], 2),
            ([0], [0], [1], "two"),
            ([0], [0], [1], 2.0),
            ([0], [0], [1], True),
            ([0], [0], [1], 10**12),
            ([], [], [], 2),
        ]
    ],
)
def test_a_bad_file_is_named(text, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"must hold a LatentTransform's JSON\. Received: .*bad\.json"):
        LatentTransform.load(path)


def test_errors_name_what_was_received(posteriors):
    mean, stddev = posteriors
    transform = LatentTransform.fit(mean, stddev)
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 16\)\. Received: shape \(4, 3\)"):
        transform.forward(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 3\)\. Received: shape \(4, 16\)"):
        transform.inverse(np.zeros((4, 16)))
    with pytest.raises(ValueError, match="stddev of shape"):
        LatentTransform.fit(mean)
    with pytest.raises(ValueError, match="mean of shape"):
        LatentTransform.fit(mean[0], stddev[0])
    with pytest.raises(ValueError, match=r"least mean standard deviation 0\.4"):
        LatentTransform.fit(mean, stddev, threshold=0.1)
    with pytest.raises(ValueError, match="finite"):
        LatentTransform.fit(np.where(mean > 3, np.nan, mean), stddev)
    with pytest.raises(ValueError, match="`stddev` must be finite"):
        LatentTransform.fit(mean, np.where(mean > 3, np.nan, stddev))


def test_fitting_batches_in_one_pass_is_fitting_all_at_once(posteriors):
    mean, stddev = posteriors
    pieces = ((mean[rows], stddev[rows]) for rows in np.array_split(np.arange(len(mean)), 7))
    streamed, whole = LatentTransform.fit_batches(pieces), LatentTransform.fit(mean, stddev)
    for name in ("kept_dims", "minimum", "maximum", "latent_dim"):
        np.testing.assert_array_equal(getattr(streamed, name), getattr(whole, name))
    chosen = LatentTransform.fit_batches([(mean[:9], None), (mean[9:], None)], kept_dims=[4, 5])
    np.testing.assert_array_equal(chosen.maximum, mean[:, [4, 5]].max(axis=0))


def test_batches_that_do_not_belong_together_are_refused(posteriors):
    mean, stddev = posteriors
    with pytest.raises(ValueError, match="no batches"):
        LatentTransform.fit_batches([])
    with pytest.raises(ValueError, match=r"mean of shape \(5000, 3\)"):
        LatentTransform.fit_batches([(mean, stddev), (mean[:, :3], stddev[:, :3])])
