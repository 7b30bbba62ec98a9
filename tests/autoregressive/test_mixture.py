import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

from keras_symdiff.autoregressive.mixture import MIN_SCALE, draw_from_mixture, mixture_log_likelihood

B, L, K, C = 2, 3, 4, 5


def draw_mixture(stream):
    return [stream.standard_normal(shape).astype("float32") for shape in ((B, L, K, C), (B, L, K, C), (B, L, K))]


def test_likelihood_is_scipys():
    stream = np.random.default_rng(0)
    means, log_scales, logits = draw_mixture(stream)
    x = stream.standard_normal((B, L, C)).astype("float32")
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    densities = stats.norm(means, np.exp(log_scales) + MIN_SCALE).pdf(x[:, :, None]).prod(-1)
    expected = np.log((weights * densities).sum(-1))
    result = ops.convert_to_numpy(mixture_log_likelihood(x, means, log_scales, logits))
    np.testing.assert_allclose(result, expected, rtol=1e-4)


def test_likelihood_is_that_of_a_density():
    """One channel: the density integrates to 1."""
    stream = np.random.default_rng(1)
    means, log_scales, logits = draw_mixture(stream)
    x = np.linspace(-40, 40, 200_001)
    mixture = [np.broadcast_to(part[:1, :1, ..., :1], (1, len(x), K, 1)) for part in (means, log_scales)]
    weights = np.broadcast_to(logits[:1, :1], (1, len(x), K))
    density = np.exp(
        ops.convert_to_numpy(mixture_log_likelihood(x[None, :, None].astype("float32"), *mixture, weights))
    )
    assert np.trapezoid(density[0], x) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("log_scale", [-1e4, -100.0, 80.0])
@pytest.mark.parametrize("distance", [0.0, 4.0])
def test_likelihood_stays_finite_at_extreme_scales(log_scale, distance):
    """Also in half precision, and where every Gaussian is far away."""
    means = np.zeros((1, 1, K, 64), "float32")
    likelihood = mixture_log_likelihood(
        np.full((1, 1, 64), distance, "float32"),
        ops.cast(means, "bfloat16"),
        ops.cast(means + log_scale, "bfloat16"),
        ops.cast(means[..., 0], "bfloat16"),
    )
    assert keras.backend.standardize_dtype(likelihood.dtype) == "float32"
    assert np.isfinite(ops.convert_to_numpy(likelihood)).all()


@pytest.mark.parametrize("temperature", [1.0, 0.25])
def test_draws_have_the_mixtures_moments(temperature):
    stream, number = np.random.default_rng(2), 40_000
    means, log_scales = np.array([[[-2.0], [1.0]]], "float32"), np.log(np.array([[[0.5], [1.5]]], "float32"))
    logits = np.log(np.array([[0.3, 0.7]], "float32"))
    drawn = ops.convert_to_numpy(
        draw_from_mixture(
            *(np.repeat(part, number, 0) for part in (means, log_scales, logits)),
            stream.gumbel(size=(number, 2)).astype("float32"),
            stream.standard_normal((number, 1)).astype("float32"),
            temperature,
        )
    )
    weights = np.array([0.3, 0.7]) ** (1 / temperature)
    weights /= weights.sum()
    variances = temperature * (np.array([0.5, 1.5]) + MIN_SCALE) ** 2
    mean = weights @ [-2.0, 1.0]
    assert drawn.mean() == pytest.approx(mean, abs=0.03)
    assert drawn.var() == pytest.approx(weights @ (variances + np.array([-2.0, 1.0]) ** 2) - mean**2, rel=0.03)
