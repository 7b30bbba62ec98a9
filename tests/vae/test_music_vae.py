from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from keras_symdiff import MusicVAE
from keras_symdiff.music.corpus import read_corpus

DATA = Path(__file__).parents[1] / "data"
TINY = {"latent_dim": 8, "encoder_units": 12, "decoder_units": (12, 10)}


def real_phrases(number):
    return read_corpus(DATA / "lakh").distinct()[0][:number]


@pytest.fixture(scope="module")
def vae():
    keras.utils.set_random_seed(0)
    vae = MusicVAE(**TINY)
    vae.decoder.logits.kernel.assign(20 * vae.decoder.logits.kernel)  # so that latents decode to different phrases
    return vae


def loss_of(vae, tokens, training=False):
    return float(ops.convert_to_numpy(vae.compute_loss(ops.convert_to_tensor(tokens), training=training)))


def terms_of(vae):
    """Cross entropy and KL of the last loss."""
    trackers = (vae.cross_entropy_tracker, vae.kl_tracker)
    values = [float(ops.convert_to_numpy(tracker.result())) for tracker in trackers]
    for tracker in trackers:
        tracker.reset_state()
    return values


def test_a_phrase_is_encoded_and_decoded_alike_in_any_company(vae):
    tokens = np.random.default_rng(0).integers(0, 90, (600, 32))
    mean, stddev = vae.encode(tokens)
    np.testing.assert_allclose(vae.encode(tokens[:1])[0], mean[:1], atol=1e-6)
    np.testing.assert_allclose(vae.encode(tokens[595:])[1], stddev[595:], atol=1e-6)
    latents = np.random.default_rng(1).standard_normal((270, 8)).astype("float32")
    decoded = vae.decode(latents, seed=3)
    assert decoded.dtype == np.int8
    assert len(np.unique(decoded, axis=0)) > 100
    for number in (1, 3, 100):  # phrase i has noise stream i, whatever its batch
        np.testing.assert_array_equal(vae.decode(latents[:number], seed=3), decoded[:number])
    changed = latents.copy()
    changed[:256] = 0.0
    np.testing.assert_array_equal(vae.decode(changed, seed=3)[256:], decoded[256:])


def test_decoding_follows_the_weights_however_they_change():
    vae, latents = MusicVAE(**TINY), np.random.default_rng(0).standard_normal((16, 8), np.float32)

    def decode_by_a_new_model():
        new = MusicVAE(**TINY)
        new.set_weights(vae.get_weights())
        return new.decode(latents)

    def train():
        vae.compile(keras.optimizers.Adam(0.1))
        vae.fit(real_phrases(32), batch_size=32, verbose=0)

    def assign():
        for weight in vae.decoder.weights:
            weight.assign(20 * weight)

    results = [vae.decode(latents)]
    for change in (assign, lambda: vae.set_weights([-weight for weight in vae.get_weights()]), train):
        change()
        results.append(vae.decode(latents))
        np.testing.assert_array_equal(results[-1], decode_by_a_new_model())
        assert (results[-1] != results[-2]).any()


def test_seed_and_temperature_decide(vae):
    latents = np.ones((4, 8))
    warm = vae.decode(latents, temperature=1.0, seed=0)
    np.testing.assert_array_equal(vae.decode(latents, temperature=1.0, seed=0), warm)
    assert (vae.decode(latents, temperature=1.0, seed=1) != warm).any()
    assert len(np.unique(warm, axis=0)) == 4  # equal latents, streams of their own
    assert len(np.unique(vae.decode(latents, temperature=1e-6), axis=0)) == 1


def test_nothing_in_gives_nothing_out(vae):
    assert vae.encode(np.zeros((0, 32), "int8"))[0].shape == (0, 8)
    assert vae.decode(np.zeros((0, 8))).shape == (0, 32)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (np.zeros((2, 31), int), r"\(N, 32\). Received: tokens of shape \(2, 31\)"),
        (np.zeros(32, int), r"shape \(32,\)"),
        (np.zeros((2, 32)), "type float64"),
        (np.full((1, 32), 90), r"\[0, 89\]. Received: tokens from 90 to 90"),
        (np.full((1, 32), -1), r"tokens from -1 to -1"),
    ],
)
def test_bad_tokens_are_refused(vae, tokens, message):
    with pytest.raises(ValueError, match=message):
        vae.encode(tokens)


def test_bad_latents_and_temperatures_are_refused(vae):
    with pytest.raises(ValueError, match=r"8 dimensions. Received: latents of shape \(2, 7\)"):
        vae.decode(np.zeros((2, 7)))
    with pytest.raises(ValueError, match=r"Latents must be finite\. Received: 1 of 16"):
        vae.decode(np.where(np.arange(16) == 3, np.nan, 0.0).reshape(2, 8))
    for temperature in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="temperature is positive"):
            vae.decode(np.zeros((2, 8)), temperature=temperature)


@pytest.mark.parametrize(
    "sizes", [TINY, {"networks": "dense", "latent_dim": 8, "encoder_units": 8, "decoder_units": (8,)}]
)
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_weights_that_are_not_finite_give_neither_latents_nor_tokens(sizes, wrong):
    vae, tokens = MusicVAE(**sizes), real_phrases(3)
    logits, mean = vae.decoder.logits.bias, vae.encoder.get_layer("mean").bias
    logits.assign(np.where(np.arange(90) == 40, wrong, 0.0))
    with pytest.raises(ValueError, match=r"Logits must be finite\. Received: 3 of 3 phrases"):
        vae.decode(np.zeros((3, 8)))
    mean.assign(np.where(np.arange(8) == 4, wrong, 0.0))
    with pytest.raises(ValueError, match=r"Posterior means must be finite\. Received: 3 of 24"):
        vae.encode(tokens)


@pytest.mark.parametrize("name", ["kl_rate", "token_dropout"])
def test_shares_are_shares(name):
    with pytest.raises(ValueError, match=rf"`{name}` must be in \[0, 1\]. Received: {name}=2"):
        MusicVAE(**TINY, **{name: 2})


def test_kl_weight_grows_and_free_bits_cost_nothing():
    vae = MusicVAE(**TINY, kl_weight=0.4, kl_rate=0.9)
    tokens = real_phrases(8)
    for steps in (0, 1, 10):
        vae.steps.assign(steps)
        loss = loss_of(vae, tokens)
        cross_entropy, kl = terms_of(vae)
        assert loss == pytest.approx(cross_entropy + 0.4 * (1 - 0.9**steps) * kl, rel=1e-5)
    mean, stddev = vae.encode(tokens)
    assert kl == pytest.approx((0.5 * (mean**2 + stddev**2 - 1) - np.log(stddev)).sum(axis=1).mean(), rel=1e-4)
    vae.free_bits = 0.5 * kl / np.log(2)
    free_loss = loss_of(vae, tokens)
    terms_of(vae)
    assert loss - free_loss == pytest.approx(0.4 * (1 - 0.9**10) * 0.5 * kl, rel=2e-2)
    vae.free_bits = 1000.0
    assert loss_of(vae, tokens) == pytest.approx(terms_of(vae)[0], rel=1e-6)
    assert int(vae.steps) == 10  # only training counts


def test_dropout_hides_previous_tokens_in_training_only():
    vae = MusicVAE(**TINY, token_dropout=1.0)
    tokens = real_phrases(8)
    latents = ops.zeros((8, 8))
    hidden = vae.decoder.teacher_forced(latents, tokens, ops.zeros((8, 32)))
    np.testing.assert_allclose(ops.convert_to_numpy(hidden), np.tile(ops.convert_to_numpy(hidden)[:1], (8, 1, 1)))
    seen = ops.convert_to_numpy(vae.decoder.teacher_forced(latents, tokens, ops.ones((8, 32))))
    assert np.abs(seen - seen[:1]).max() > 1e-3
    np.testing.assert_allclose(seen[:, 0], np.tile(seen[:1, 0], (8, 1)), atol=1e-6)  # nothing stands before step 0
    loss_of(vae, tokens, training=True)
    dropped = terms_of(vae)[0]
    loss_of(vae, tokens)
    assert terms_of(vae)[0] != pytest.approx(dropped, rel=1e-6)
    assert int(vae.steps) == 1


def test_training_on_real_phrases_lowers_the_loss():
    keras.utils.set_random_seed(0)
    vae = MusicVAE(latent_dim=8, encoder_units=24, decoder_units=(32,))
    vae.compile(keras.optimizers.Adam(1e-2, global_clipnorm=1.0))
    tokens = real_phrases(32).astype("int32")
    losses = vae.fit(tokens, batch_size=len(tokens), epochs=60, verbose=0).history["loss"]
    assert losses[0] > 130  # 32 ln 90 = 144 nats: nothing known
    assert losses[-1] < 60


def test_preset_gives_the_model_back(vae, tmp_path):
    vae.steps.assign(70_001)  # past float16
    tokens = real_phrases(4)
    vae.save_preset(tmp_path / "full")
    vae.save_preset(tmp_path / "half", dtype="float16")
    full, half = MusicVAE.from_preset(tmp_path / "full"), MusicVAE.from_preset(tmp_path / "half")
    np.testing.assert_array_equal(full.encode(tokens)[0], vae.encode(tokens)[0])
    np.testing.assert_array_equal(full.decode(np.eye(8)), vae.decode(np.eye(8)))
    np.testing.assert_allclose(half.encode(tokens)[0], vae.encode(tokens)[0], atol=5e-3)
    assert int(full.steps) == int(half.steps) == 70_001
    assert vae.fingerprint() == full.fingerprint() == half.fingerprint()
    assert MusicVAE(**TINY).fingerprint() != vae.fingerprint()


def test_config_round_trip():
    vae = MusicVAE(**TINY, kl_weight=0.1, kl_rate=0.5, free_bits=2.0, token_dropout=0.25, seed=5)
    assert MusicVAE.from_config(vae.get_config()).get_config() == vae.get_config()


def test_the_decoder_goes_on_from_forced_tokens(vae):
    latents = np.random.default_rng(2).standard_normal((40, 8)).astype("float32")
    free = vae.decode(latents)
    forced = np.full((40, 32), -1)
    forced[:, :10] = np.random.default_rng(3).integers(0, 90, (40, 10))
    decoded = vae.decode(latents, forced=forced)
    np.testing.assert_array_equal(decoded[:, :10], forced[:, :10])
    assert (decoded[:, 10:] != free[:, 10:]).any()
    np.testing.assert_array_equal(vae.decode(latents, forced=np.where(np.arange(32) < 10, free, -1)), free)
    # The free tokens are those that the true ones before them make the most likely.
    likelihood = vae.log_likelihood(latents, decoded)
    assert likelihood.shape == (40, 32)
    other = decoded.copy()
    other[:, 31] = (decoded[:, 31] + 1) % 90
    assert (vae.log_likelihood(latents, other)[:, 31] < likelihood[:, 31]).all()
    np.testing.assert_allclose(vae.log_likelihood(latents, other)[:, :31], likelihood[:, :31], atol=1e-4)


def test_a_bias_is_added_to_the_logits(vae):
    latents = np.random.default_rng(2).standard_normal((70, 8)).astype("float32")  # 70: one batch, padded
    free = vae.decode(latents)
    bias = np.zeros((70, 32, 90))
    np.testing.assert_array_equal(vae.decode(latents, bias=bias), free)
    bias[:, 5:, free[0, 5]] = -1e4  # one token is forbidden from step 5 on
    decoded = vae.decode(latents, bias=bias)
    np.testing.assert_array_equal(decoded[:, :5], free[:, :5])
    assert not (decoded[:, 5:] == free[0, 5]).any()
    # A small bias decides where the difference of two logits is smaller: those at step 0 hear no token.
    tokens = np.zeros((70, 32), "int32")
    logits = np.asarray(ops.convert_to_numpy(vae.decoder.teacher_forced(latents, tokens, np.ones((70, 32)))))[:, 0]
    nudge = np.random.default_rng(4).standard_normal((70, 90))
    bias = np.zeros((70, 32, 90))
    bias[:, 0] = nudge
    np.testing.assert_array_equal(
        vae.decode(latents, temperature=1e-6, bias=bias)[:, 0], (logits + nudge).argmax(axis=-1)
    )
    forced = np.where(np.arange(32) < 5, free, -1)
    np.testing.assert_array_equal(
        vae.decode(latents, forced=forced, bias=-1e4 * (np.arange(90) == 0) + bias)[:, :5], free[:, :5]
    )


@pytest.mark.parametrize("bias", [np.zeros((2, 32)), np.full((2, 32, 90), np.nan), np.zeros((1, 32, 90))])
def test_a_bad_bias_is_refused(vae, bias):
    with pytest.raises(ValueError, match="A bias is finite and of shape"):
        vae.decode(np.zeros((2, 8)), bias=bias)


@pytest.mark.parametrize(
    ("forced", "message"),
    [
        (np.zeros((2, 31), int), r"shape \(2, 32\). Received: forced of shape \(2, 31\)"),
        (np.zeros((2, 32)), "type float64"),
        (np.full((2, 32), 90), r"-1..89. Received: values 90..90"),
    ],
)
def test_bad_forced_tokens_are_refused(vae, forced, message):
    with pytest.raises(ValueError, match=message):
        vae.decode(np.zeros((2, 8)), forced=forced)
