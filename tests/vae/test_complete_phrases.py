import keras
import numpy as np
import pytest

from keras_symdiff import MusicVAE
from keras_symdiff.vae.complete_phrases import complete_phrases

SIZES = {
    "lstm": {"latent_dim": 8, "encoder_units": 12, "decoder_units": (12, 10)},
    "dense": {"networks": "dense", "latent_dim": 8, "encoder_units": 64, "decoder_units": (64, 64)},
}


def scales(number):
    """Phrases of quarter notes that go up in semitones from a pitch of their own: a half tells the rest."""
    tokens = np.zeros((number, 32), "int8")
    tokens[:, ::4] = np.arange(30, 30 + number)[:, None] + np.arange(8)
    return tokens


@pytest.fixture(scope="module", params=list(SIZES))
def vae(request):
    keras.utils.set_random_seed(0)
    vae = MusicVAE(**SIZES[request.param], kl_weight=0.01, kl_rate=0.0)
    vae.compile(keras.optimizers.Adam(1e-2))
    vae.fit(np.repeat(scales(16), 8, axis=0), batch_size=128, epochs=120, verbose=0)
    return vae


def halves(tokens, kept):
    forced = np.full(tokens.shape, -1)
    forced[:, kept] = tokens[:, kept]
    return forced


@pytest.mark.parametrize("kept", [slice(0, 16), slice(12, 32), slice(5, 9)])
def test_given_tokens_come_back_exactly_whatever_they_are(vae, kept):
    dice = np.random.default_rng(0)
    forced = halves(dice.integers(0, 90, (5, 32)), kept)
    latents = dice.standard_normal((5, 8)).astype("float32")
    for temperature in (1e-3, 2.0):
        tokens = complete_phrases(vae, latents, forced, temperature, seed=1)
        np.testing.assert_array_equal(tokens[:, kept], forced[:, kept])
        assert tokens.dtype == np.int8
    np.testing.assert_array_equal(complete_phrases(vae, latents[:2], forced[:2], 2.0, seed=1), tokens[:2])


@pytest.mark.parametrize("vae", ["dense"], indirect=True)  # an LSTM this small learns too slowly
def test_the_rest_fits_what_is_given(vae):
    """Latents of other phrases: what comes before the given half, which decoding does not hear, is made to fit it."""
    tokens, forced = scales(16), halves(scales(16), slice(16, 32))
    other, _ = vae.encode(np.roll(tokens, 3, axis=0))
    simple, completed = vae.decode(other, forced=forced), complete_phrases(vae, other, forced)
    distance = [np.abs(line[:, :16:4].astype(int) - tokens[:, :16:4]).mean() for line in (simple, completed)]
    assert distance[1] < distance[0]


def test_free_phrases_are_decoded_as_ever(vae):
    latents = np.random.default_rng(1).standard_normal((6, 8)).astype("float32")
    forced = np.full((6, 32), -1)
    np.testing.assert_array_equal(complete_phrases(vae, latents, forced, 1.0, 3), vae.decode(latents, 1.0, 3))
    forced[2, :8] = 41  # and a neighbour that is given in part changes nothing
    found = complete_phrases(vae, latents, forced, 1.0, 3)
    others = [0, 1, 3, 4, 5]
    np.testing.assert_array_equal(found[others], vae.decode(latents, 1.0, 3)[others])
