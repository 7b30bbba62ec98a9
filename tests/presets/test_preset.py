import hashlib
import io
import json
import shutil
import tracemalloc

import keras
import numpy as np
import pytest

from keras_symdiff import LatentDiffusion, MusicVAE, TransformerDenoiser
from keras_symdiff.presets.preset import preset_folder, read_config, read_weights, set_weights, write_part


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
    set_weights(loaded, read_weights(folder), folder)
    for expected, actual in zip(model().get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_half_precision_is_close_and_half_the_size(tmp_path):
    big = keras.Sequential([keras.Input((200,)), keras.layers.Dense(200)])
    for dtype in ("float32", "float16"):
        write_part(tmp_path / dtype, big, {}, dtype)
    sizes = [(tmp_path / dtype / "weights.npz").stat().st_size for dtype in ("float32", "float16")]
    assert sizes[1] < 0.55 * sizes[0]
    loaded = keras.Sequential([keras.Input((200,)), keras.layers.Dense(200)])
    set_weights(loaded, read_weights(tmp_path / "float16"), tmp_path / "float16")
    np.testing.assert_allclose(loaded.get_weights()[0], big.get_weights()[0], rtol=1e-3, atol=1e-6)
    assert loaded.weights[0].dtype == "float32"


def test_one_flipped_bit_is_refused_and_loads_nothing(folder):
    data = bytearray((folder / "weights.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "weights.npz").write_bytes(data)
    untouched = zeros()
    with pytest.raises(ValueError, match="is damaged: its SHA-256 is not the recorded"):
        set_weights(untouched, read_weights(folder), folder)
    assert not any(weights.any() for weights in untouched.get_weights())


def test_missing_files_and_other_models_are_refused(folder):
    with pytest.raises(ValueError, match="holds other shapes"):
        set_weights(keras.Sequential([keras.Input((3,)), keras.layers.Dense(5)]), read_weights(folder), folder)
    (folder / "weights.npz").unlink()
    with pytest.raises(ValueError, match=r"weights.npz: No such file"):
        set_weights(model(), read_weights(folder), folder)
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
    write_part(tmp_path / part, model(), {})
    card = json.loads((tmp_path / part / "config.json").read_text())
    (tmp_path / part / "config.json").write_text(json.dumps(card | {"config": config}))
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
    with pytest.raises(ValueError, match=r"Neither a folder nor a preset .* Received: 'no_such_preset'"):
        preset_folder("no_such_preset")


def rehashed(folder, arrays):
    """Gives a part of a preset other weights, with the right hash."""
    buffer = io.BytesIO()
    np.savez(buffer, *arrays)
    (folder / "weights.npz").write_bytes(buffer.getvalue())
    card = json.loads((folder / "config.json").read_text())
    card["weights_sha256"] = hashlib.sha256(buffer.getvalue()).hexdigest()
    (folder / "config.json").write_text(json.dumps(card))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_neither_read_nor_written(folder, wrong):
    weights = model().get_weights()
    weights[0][1, 2] = wrong
    rehashed(folder, weights)
    untouched = zeros()
    with pytest.raises(ValueError, match=r"The weights in .*weights.npz must be finite. Received: 1 of 12 numbers"):
        set_weights(untouched, read_weights(folder), folder)
    assert not any(weights.any() for weights in untouched.get_weights())
    untouched.set_weights(weights)
    with pytest.raises(ValueError, match=r"The weights of new must be finite"):
        write_part(folder / "new", untouched, {})
    assert not (folder / "new").exists()


def test_weights_beyond_half_precision_are_not_written_in_it(tmp_path):
    large = zeros()
    large.set_weights([np.full_like(w, 1e5) for w in large.get_weights()])
    write_part(tmp_path / "single", large, {})
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="must be finite"):
        write_part(tmp_path / "half", large, {}, "float16")


def test_weights_of_the_right_hash_that_are_no_archive(folder):
    rehashed(folder, [])
    with pytest.raises(ValueError, match="other shapes"):
        set_weights(zeros(), read_weights(folder), folder)
    data = b"no archive"
    (folder / "weights.npz").write_bytes(data)
    (folder / "config.json").write_text(json.dumps({"config": {}, "weights_sha256": hashlib.sha256(data).hexdigest()}))
    with pytest.raises(ValueError, match=r"weights.npz does not hold weights: File is not a zip file"):
        set_weights(zeros(), read_weights(folder), folder)


@pytest.mark.parametrize("config", [{"latent_dim": 10**9}, {"decoder_units": [8, 10**9]}, {"a": {"num_layers": 1e9}}])
def test_a_config_of_absurd_sizes_is_refused_before_anything_is_built(tmp_path, config):
    (tmp_path / "music_vae").mkdir()
    (tmp_path / "music_vae" / "config.json").write_text(json.dumps({"config": config}))
    with pytest.raises(ValueError, match=r"at most 16,384\. Received: a larger"):
        MusicVAE.from_preset(tmp_path)


def test_loading_draws_no_initial_weights(tmp_path, monkeypatch):
    sizes = {"embed_dim": 8, "num_layers": 1, "num_heads": 2, "mlp_dim": 8, "num_residual_blocks": 1, "residual_dim": 8}
    LatentDiffusion(TransformerDenoiser(channels=3, film_dim=8, **sizes)).save_preset(tmp_path / "run")
    for networks, units in (("lstm", (4, 4)), ("dense", (4,)), ("dense_lstm", (4, 4))):
        vae = MusicVAE(latent_dim=3, encoder_units=4, decoder_units=units, networks=networks)
        vae.save_preset(tmp_path / networks)

    def draw(*args, **kwargs):
        raise AssertionError("an initial weight was drawn")

    for initializer in ("VarianceScaling", "Orthogonal", "RandomUniform", "RandomNormal"):
        monkeypatch.setattr(getattr(keras.initializers, initializer), "__call__", draw)
    assert LatentDiffusion.from_preset(tmp_path / "run").network.channels == 3
    for networks in ("lstm", "dense", "dense_lstm"):
        assert MusicVAE.from_preset(tmp_path / networks).networks == networks
    with pytest.raises(AssertionError, match="was drawn"):
        TransformerDenoiser()


@pytest.mark.parametrize(
    ("shipped", "changes"),
    [
        (MusicVAE, {"encoder_units": 1 << 14}),
        (MusicVAE, {"decoder_units": [1 << 14] * 64}),
        (LatentDiffusion, {"denoiser": {"num_layers": 1 << 12, "mlp_dim": 1 << 14}}),
        (LatentDiffusion, {"denoiser": {"num_positions": 1 << 14, "embed_dim": 1 << 14, "mlp_dim": 1 << 14}}),
    ],
)
def test_a_config_of_more_weights_than_its_file_has_takes_no_memory(tmp_path, shipped, changes):
    part = shipped.preset_part
    shutil.copytree(preset_folder("lakh_small") / part, tmp_path / part)
    card = json.loads((tmp_path / part / "config.json").read_text())
    for name, value in changes.items():
        card["config"][name] = {**card["config"][name], **value} if isinstance(value, dict) else value
    (tmp_path / part / "config.json").write_text(json.dumps(card))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="as many weights as lie beside it"):
            shipped.from_preset(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2e8
    finally:
        tracemalloc.stop()
