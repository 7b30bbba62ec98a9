import json

import keras
import numpy as np
import pytest

from keras_symdiff import LatentDiffusion, MusicVAE, TransformerDenoiser
from keras_symdiff.presets.preset import load_weights, preset_folder, read_config, write_part


def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])


def zeros():
    blank = model()
    blank.set_weights([np.zeros_like(w) for w in blank.get_weights()])
    return blank


@pytest.fixture
def folder(tmp_path):
    write_part(tmp_path, model(), {"units": 4})
    return tmp_path


def test_weights_and_config_come_back(folder):
    assert read_config(folder) == {"units": 4}
    loaded = zeros()
    load_weights(folder, loaded)
    for expected, actual in zip(model().get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_half_precision_is_close_and_half_the_size(tmp_path):
    big = keras.Sequential([keras.Input((200,)), keras.layers.Dense(200)])
    for dtype in ("float32", "float16"):
        write_part(tmp_path / dtype, big, {}, dtype)
    sizes = [(tmp_path / dtype / "weights.npz").stat().st_size for dtype in ("float32", "float16")]
    assert sizes[1] < 0.55 * sizes[0]
    loaded = keras.Sequential([keras.Input((200,)), keras.layers.Dense(200)])
    load_weights(tmp_path / "float16", loaded)
    np.testing.assert_allclose(loaded.get_weights()[0], big.get_weights()[0], rtol=1e-3, atol=1e-6)
    assert loaded.weights[0].dtype == "float32"


def test_one_flipped_bit_is_refused_and_loads_nothing(folder):
    data = bytearray((folder / "weights.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "weights.npz").write_bytes(data)
    untouched = zeros()
    with pytest.raises(ValueError, match="is damaged: its SHA-256 is not the recorded"):
        load_weights(folder, untouched)
    assert not any(weights.any() for weights in untouched.get_weights())


def test_missing_files_and_other_models_are_refused(folder):
    with pytest.raises(ValueError, match="holds other shapes"):
        load_weights(folder, keras.Sequential([keras.Input((3,)), keras.layers.Dense(5)]))
    (folder / "weights.npz").unlink()
    with pytest.raises(ValueError, match=r"weights.npz: No such file"):
        load_weights(folder, model())
    for text in ("", "[1]", '{"layers": 3}'):
        (folder / "config.json").write_text(text)
        with pytest.raises(ValueError, match=r"no readable config.json"):
            read_config(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ValueError, match=r"no readable config.json"):
        read_config(folder)


@pytest.mark.parametrize(("model_class", "part"), [(MusicVAE, "music_vae"), (LatentDiffusion, "latent_diffusion")])
@pytest.mark.parametrize("config", [{"colour": "red"}, [1, 2], {"denoiser": {"colour": "red"}, "schedule": {}}])
def test_foreign_configs_are_refused(tmp_path, model_class, part, config):
    (tmp_path / part).mkdir()
    (tmp_path / part / "config.json").write_text(json.dumps({"config": config}))
    with pytest.raises(ValueError, match=r"Not the config of|Unrecognized keyword"):
        model_class.from_preset(tmp_path)


def test_a_denoiser_comes_back(tmp_path):
    denoiser = TransformerDenoiser(
        channels=3, embed_dim=8, num_layers=1, num_heads=2, mlp_dim=8, num_residual_blocks=1, residual_dim=8, film_dim=8
    )
    LatentDiffusion(denoiser).save_preset(tmp_path)
    loaded = LatentDiffusion.from_preset(tmp_path)
    for expected, actual in zip(denoiser.get_weights(), loaded.denoiser.get_weights(), strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert loaded.schedule.num_steps == 1000
    assert LatentDiffusion.from_preset(tmp_path, given_share=0.5).given_share == 0.5
    with pytest.raises(ValueError, match="Received: given_shares"):
        LatentDiffusion.from_preset(tmp_path, given_shares=0.5)


def test_what_is_neither_folder_nor_preset_is_refused(tmp_path):
    assert preset_folder(tmp_path) == tmp_path
    with pytest.raises(ValueError, match=r"Neither a folder nor a preset .* Received: no_such_preset"):
        preset_folder("no_such_preset")
