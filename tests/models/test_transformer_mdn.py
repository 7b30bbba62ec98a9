import keras
import numpy as np
import pytest
from keras import ops

from keras_symdiff import TransformerMDN

SMALL = {"num_mixtures": 3, "num_layers": 1, "num_heads": 2, "embed_dim": 16, "mlp_dim": 24, "residual_dim": 24}


def draw_latents(length=32):
    return np.random.default_rng(0).standard_normal((2, length, 42)).astype("float32")


def to_numpy(mixture):
    return [ops.convert_to_numpy(x) for x in mixture]


def test_paper_size():
    assert TransformerMDN().count_params() == 38_050_484


def test_a_prediction_sees_earlier_latents_only():
    mdn = TransformerMDN(**SMALL)
    latents = draw_latents()
    changed = latents.copy()
    changed[:, 10] += 1.0
    for x, y in zip(to_numpy(mdn(latents)), to_numpy(mdn(changed)), strict=True):
        difference = np.abs(x - y).reshape(2, 32, -1).max(axis=(0, 2))
        assert difference[:11].max() < 1e-5
        assert difference[11] > 1e-3


def test_any_length():
    mdn = TransformerMDN(num_positions=None, **SMALL)
    latents = draw_latents()
    for whole, part in zip(to_numpy(mdn(latents)), to_numpy(mdn(latents[:, :5])), strict=True):
        np.testing.assert_allclose(whole[:, :5], part, atol=1e-5)


def test_config_round_trip():
    mdn = TransformerMDN(num_positions=None, channels=5, num_residual_blocks=1, dtype="mixed_bfloat16", **SMALL)
    config = mdn.get_config()
    copy = TransformerMDN.from_config(config)
    assert copy.get_config() == config
    assert copy.dtype_policy.name == "mixed_bfloat16"
    assert [w.shape for w in copy.weights] == [w.shape for w in mdn.weights]


def test_unknown_config_key_is_refused():
    with pytest.raises(TypeError, match="num_blocks"):
        TransformerMDN.from_config({**TransformerMDN(**SMALL).get_config(), "num_blocks": 2})


def test_save_and_load(tmp_path):
    mdn = TransformerMDN(**SMALL)
    latents = draw_latents()
    mdn.save(tmp_path / "mdn.keras")
    revived = keras.saving.load_model(tmp_path / "mdn.keras")
    assert type(revived) is TransformerMDN
    for x, y in zip(to_numpy(mdn(latents)), to_numpy(revived(latents)), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)
