import keras
import numpy as np
import pytest
from keras import ops

from keras_symdiff import MusicVAE
from keras_symdiff.vae.train import train_vae

SIZES = {"networks": "dense", "latent_dim": 8, "encoder_units": 64, "decoder_units": (64, 64)}
DENSE_LSTM = {"networks": "dense_lstm", "decoder_units": (64, 48)}


def phrases(number):
    stream = np.random.default_rng(0)
    tokens = np.zeros((number, 32), "int8")
    tokens[:, ::4] = stream.integers(40, 60, (number, 8))
    return tokens


def make_vae(**options):
    keras.utils.set_random_seed(0)
    return MusicVAE(**SIZES | options)


@pytest.mark.parametrize("networks", [{}, DENSE_LSTM])
def test_learns_phrases_by_heart_and_gives_them_back_as_a_preset(tmp_path, networks):
    vae, tokens = make_vae(kl_weight=0.001, kl_rate=0.0, **networks), phrases(16)
    vae.compile(keras.optimizers.Adam(3e-3))
    history = vae.fit(
        np.repeat(tokens, 8, axis=0), batch_size=64, epochs=80 if vae.networks == "dense" else 160, verbose=0
    ).history
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    mean, stddev = vae.encode(tokens)
    assert mean.shape == stddev.shape == (16, 8)
    decoded = vae.decode(mean)
    assert (decoded == tokens).mean() > 0.97
    vae.save_preset(tmp_path)
    loaded = MusicVAE.from_preset(tmp_path)
    assert loaded.get_config()["networks"] == vae.networks
    np.testing.assert_allclose(loaded.encode(tokens)[0], mean, atol=1e-5)
    np.testing.assert_array_equal(loaded.decode(mean), decoded)


def test_a_phrase_is_decoded_alike_in_any_company_and_at_a_temperature_by_its_seed():
    vae = make_vae()
    latents = np.random.default_rng(1).standard_normal((5, 8))
    together = vae.decode(latents, temperature=1.0, seed=3)
    np.testing.assert_array_equal(together[:2], vae.decode(latents[:2], temperature=1.0, seed=3))
    assert (together != vae.decode(latents, temperature=1.0, seed=4)).any()


def test_a_step_hears_the_bar_before_it_and_nothing_after():
    vae = make_vae()
    latents, tokens = np.zeros((2, 8), "float32"), np.repeat(phrases(1), 2, axis=0)
    tokens[1, 8] += 1

    def logits(visible):
        return ops.convert_to_numpy(vae.decoder.teacher_forced(latents, tokens, visible))

    visible = np.ones((2, 32), "float32")
    differs = np.abs(np.diff(logits(visible), axis=0)[0]).max(axis=-1) > 1e-6
    np.testing.assert_array_equal(np.flatnonzero(differs), np.arange(9, 25))
    visible[:, 8] = 0
    np.testing.assert_allclose(*logits(visible), atol=1e-6)


@pytest.mark.parametrize("networks", [{}, DENSE_LSTM])
def test_decoding_is_the_likeliest_token_after_those_before_it(networks):
    vae = make_vae(**networks)
    latents = np.random.default_rng(2).standard_normal((3, 8)).astype("float32")
    decoded = vae.decode(latents, temperature=1e-9)
    logits = ops.convert_to_numpy(vae.decoder.teacher_forced(latents, decoded.astype("int32"), np.ones((3, 32))))
    np.testing.assert_array_equal(logits.argmax(axis=-1), decoded)


@pytest.mark.parametrize(
    "options", [{"networks": "gru"}, {"decoder_units": (64, 32)}, DENSE_LSTM | {"decoder_units": (32, 64)}]
)
def test_other_networks_and_blocks_of_unequal_units_are_refused(options):
    with pytest.raises(ValueError, match=r"Received: (networks=gru|encoder_units=64, decoder_units=)"):
        MusicVAE(**SIZES | options)


def test_a_decoder_is_trained_further_for_noisy_latents_of_the_same_encoder(tmp_path):
    make_vae().save_preset(tmp_path / "first")
    vae, tokens = MusicVAE.from_preset(tmp_path / "first", decoder_noise=3.0), phrases(32)
    mean, stddev = vae.encode(tokens)
    noisy = mean + 2 * stddev * np.random.default_rng(1).standard_normal(mean.shape)
    before = (vae.decode(noisy) == tokens).mean()
    train_vae(vae, tokens, tokens, tmp_path / "run", {}, epochs=1, steps=60, batch_size=32, learning_rate=3e-3)
    trained = MusicVAE.from_preset(tmp_path / "run")
    assert trained.fingerprint() == MusicVAE.from_preset(tmp_path / "first").fingerprint()
    assert (trained.decode(noisy) == tokens).mean() > before + 0.1
    assert trained.decoder_noise == 3.0
