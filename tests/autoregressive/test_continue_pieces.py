import keras
import numpy as np
import pytest
from keras import ops

from keras_symdiff import LatentMDN, TransformerMDN
from keras_symdiff.autoregressive.continue_pieces import continue_pieces
from keras_symdiff.autoregressive.mixture import MIN_SCALE
from keras_symdiff.noise_streams import Purpose, noise_streams

LENGTH, CHANNELS, MIXTURES = 12, 5, 4
CLOSE = {"rtol": 1e-3, "atol": 2e-4}  # float32 rounding, fed back over 12 positions; the numbers reach 30


@pytest.fixture(scope="module")
def mdn():
    keras.utils.set_random_seed(0)
    mdn = TransformerMDN(
        num_positions=LENGTH, channels=CHANNELS, num_mixtures=MIXTURES, embed_dim=16, num_layers=2, num_heads=2,
        mlp_dim=24, residual_dim=24,
    )  # fmt: skip
    stream = np.random.default_rng(0)
    # Biases that are not zero and weights that matter.
    mdn.set_weights([weights + 0.3 * stream.standard_normal(weights.shape) for weights in mdn.get_weights()])
    return mdn


def draw_prefix(number, phrases):
    return np.random.default_rng(1).uniform(-1, 1, (number, phrases, CHANNELS)).astype("float32")


@pytest.mark.parametrize(("phrases", "temperature"), [(0, 1.0), (4, 0.7)])
def test_each_latent_is_drawn_given_the_ones_that_are_returned(mdn, phrases, temperature):
    """The released sampler redraws every position at the end: its result is not what it conditioned on."""
    prefix = draw_prefix(3, phrases)
    pieces = continue_pieces(LatentMDN(mdn), prefix, seed=3, temperature=temperature)
    np.testing.assert_array_equal(pieces[:, :phrases], prefix)
    mixture = [ops.convert_to_numpy(part) for part in mdn(pieces)]  # one pass over the whole result, without a cache
    for piece in range(3):
        means, log_scales, logits = (part[piece] for part in mixture)
        stream = noise_streams(3, [piece], Purpose.AUTOREGRESSIVE)[0]
        gumbel = stream.gumbel(size=(LENGTH, MIXTURES))
        normal = stream.standard_normal((LENGTH, CHANNELS), dtype=np.float32)
        rows, choice = np.arange(LENGTH), np.argmax(logits / temperature + gumbel, axis=-1)
        stddev = np.exp(log_scales[rows, choice]) + MIN_SCALE
        expected = means[rows, choice] + np.sqrt(temperature) * stddev * normal
        np.testing.assert_allclose(pieces[piece, phrases:], expected[phrases:], **CLOSE)


def test_a_piece_depends_on_seed_and_index_only(mdn):
    prefix = draw_prefix(5, 0)
    pieces = continue_pieces(mdn, prefix, seed=3)
    np.testing.assert_allclose(continue_pieces(mdn, prefix, seed=3, batch_size=2), pieces, **CLOSE)
    np.testing.assert_allclose(continue_pieces(mdn, prefix[:2], seed=3, first_piece=3), pieces[3:], **CLOSE)
    assert np.abs(continue_pieces(mdn, prefix, seed=4) - pieces).max() > 1
    assert np.abs(pieces[0] - pieces[1]).max() > 1


def test_a_whole_prefix_comes_back(mdn):
    prefix = draw_prefix(2, LENGTH)
    np.testing.assert_array_equal(continue_pieces(mdn, prefix), prefix)


@pytest.mark.parametrize("shape", [(0, 4, CHANNELS), (2, LENGTH + 1, CHANNELS), (2, 4, CHANNELS + 1), (2, CHANNELS)])
def test_a_prefix_of_another_shape_is_refused(mdn, shape):
    with pytest.raises(ValueError, match=r"Received: shape \("):
        continue_pieces(mdn, np.zeros(shape))


@pytest.mark.parametrize("option", [{"temperature": 0}, {"temperature": np.inf}, {"batch_size": 0}, {"seed": -1}])
def test_a_number_out_of_range_is_refused(mdn, option):
    ((name, value),) = option.items()
    with pytest.raises(ValueError, match=rf"Received:.*{name}={value}"):
        continue_pieces(mdn, draw_prefix(1, 0), **option)


def test_a_prefix_that_is_not_finite_is_refused(mdn):
    with pytest.raises(ValueError, match="NaN"):
        continue_pieces(mdn, np.full((1, 2, CHANNELS), np.nan))


def test_a_model_that_gives_nan_is_refused(mdn):
    broken = TransformerMDN.from_config(mdn.get_config())
    broken.set_weights([np.full_like(weights, np.nan) for weights in mdn.get_weights()])
    with pytest.raises(ValueError, match="Generated latents must be finite"):
        continue_pieces(broken, draw_prefix(2, 0))
