import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

from keras_symdiff import LatentMDN, TransformerMDN
from keras_symdiff.autoregressive.mixture import MIN_SCALE

TINY = {
    "num_positions": 6,
    "channels": 3,
    "num_mixtures": 2,
    "embed_dim": 16,
    "num_layers": 1,
    "num_heads": 2,
    "mlp_dim": 32,
    "num_residual_blocks": 1,
    "residual_dim": 32,
}


def make_model(seed=0, **mdn):
    keras.utils.set_random_seed(0)
    return LatentMDN(TransformerMDN(**TINY, **mdn), seed=seed)


def test_loss_is_the_negative_log_likelihood_of_each_latent_given_those_before():
    model = make_model()
    x = np.random.default_rng(0).uniform(-1, 1, (4, 6, 3)).astype("float32")
    total = 0.0
    for position in range(6):
        # What the network says about a position must not have seen it: later latents are zeroed.
        seen = np.where(np.arange(6)[:, None] < position, x, 0).astype("float32")
        means, log_scales, logits = (ops.convert_to_numpy(part)[:, position] for part in model.mdn(seen))
        densities = stats.norm(means, np.exp(log_scales) + MIN_SCALE).pdf(x[:, position, None]).prod(-1)
        weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        total -= np.log((weights * densities).sum(-1)).mean()
    loss = float(ops.convert_to_numpy(model.compute_loss(ops.convert_to_tensor(x))))
    assert loss == pytest.approx(total / 6, rel=1e-4)


def test_learns_to_copy_and_stays_finite_at_the_floor():
    """Equal phrases are the case whose likelihood has no bound without a floor of the scales."""
    model = make_model()
    model.compile(keras.optimizers.Adam(3e-3, global_clipnorm=1.0))
    first = np.random.default_rng(0).uniform(-1, 1, (256, 1, 3)).astype("float32")
    losses = model.fit(np.repeat(first, 6, axis=1), epochs=60, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[0] > 2
    assert np.mean(losses[-5:]) < 0  # a density above 1: it has found out that phrases repeat


def test_bfloat16_trains_as_float32():
    losses = {}
    x = np.random.default_rng(0).uniform(-1, 1, (256, 6, 3)).astype("float32")
    for policy in ("float32", "mixed_bfloat16"):
        model = make_model(dtype=policy)
        model.compile()
        losses[policy] = model.fit(x, epochs=4, validation_data=x[:50], verbose=0).history["val_loss"]
    np.testing.assert_allclose(losses["mixed_bfloat16"], losses["float32"], rtol=0.02)


def test_config_round_trip():
    model = make_model(seed=3)
    again = LatentMDN.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    assert again.mdn.count_params() == model.mdn.count_params()
