import keras
import numpy as np
import pytest
from keras import ops

from keras_symdiff.diffusion.generate import infill, sample
from keras_symdiff.diffusion.guidance import ALWAYS_TOLD, GUIDED_LEVELS, Guidance
from keras_symdiff.diffusion.noise_schedule import NoiseSchedule
from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.models.transformer_denoiser import TransformerDenoiser
from keras_symdiff.music.condition import CONDITION_DIM, PARTS

LENGTH, CHANNELS = 6, 4
SCHEDULE = NoiseSchedule.linear(20, 1e-3, 0.3)


@pytest.fixture(scope="module")
def denoiser():
    keras.utils.set_random_seed(0)
    return TransformerDenoiser(None, CHANNELS, 16, 2, 2, 32, 1, 32, 16, 16)


def draw(length=LENGTH):
    return np.random.default_rng(0).standard_normal((2, length, CHANNELS)).astype("float32")


def predict(network, x, level):
    return ops.convert_to_numpy(network([ops.convert_to_tensor(x), ops.full((len(x), 1), level)]))


def test_alone_a_phrase_is_what_it_is_as_a_piece_of_one(denoiser):
    guidance, x = Guidance(denoiser, 1.0), draw()
    alone = predict(guidance.alone, x, 0.8)
    np.testing.assert_allclose(alone[:, :1], predict(denoiser, x[:, :1], 0.8), atol=1e-5)
    changed = x.copy()
    changed[:, 1:] *= -1.0
    np.testing.assert_allclose(predict(guidance.alone, changed, 0.8)[:, 0], alone[:, 0], atol=1e-6)
    assert np.abs(predict(denoiser, x, 0.8) - alone).max() > 0.01


def test_levels_of_the_interval_are_guided_and_no_others(denoiser):
    x, (lowest, highest) = draw(), GUIDED_LEVELS
    guidance = Guidance(denoiser, 2.0)
    for level in (0.1, lowest - 0.01, lowest + 0.01, highest - 0.01, highest + 0.01, 1.0):
        expected = predict(denoiser, x, level)
        if lowest <= level <= highest:
            expected = 3.0 * expected - 2.0 * predict(guidance.alone, x, level)
        np.testing.assert_allclose(predict(guidance, x, level), expected, atol=1e-5)


def test_guided_music_is_other_music_and_not_of_its_batch(denoiser):
    options = {"seed": 7, "schedule": SCHEDULE}
    guided = options | {"sampler": Sampler("dpm-solver-sde", 8, guidance=1.0)}
    latents, keep_mask = draw(32), np.ones((2, 32), bool)
    keep_mask[:, 8:20] = False
    for make in (lambda **how: sample(denoiser, 2, **how), lambda **how: infill(denoiser, latents, keep_mask, **how)):
        pieces = make(**guided)
        np.testing.assert_allclose(make(batch_size=1, **guided), pieces, rtol=1e-4, atol=1e-4)
        assert np.abs(make(sampler=Sampler("dpm-solver-sde", 8), **options) - pieces).max() > 0.01
    np.testing.assert_array_equal(pieces[keep_mask], latents[keep_mask])


def test_a_network_without_attention_is_refused():
    x = keras.Input((LENGTH, CHANNELS))
    with pytest.raises(ValueError, match="is for a `TransformerDenoiser`"):
        Guidance(keras.Model(x, keras.layers.Dense(CHANNELS)(x)), 1.0)


def test_what_guidance_hides_is_the_harmony():
    told = {name: ALWAYS_TOLD[part] for name, part in PARTS.items()}
    assert [name for name, values in told.items() if not values.all()] == ["chroma"]
    assert not told["chroma"].any()


@pytest.mark.parametrize("context", [0.0, 2.0])
@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0])
def test_a_condition_is_followed_by_its_scale_beside_the_context(context, scale):
    keras.utils.set_random_seed(1)
    denoiser = TransformerDenoiser(None, CHANNELS, 16, 2, 2, 32, 1, 32, 16, 16, condition_dim=CONDITION_DIM)
    guidance, x = Guidance(denoiser, context), draw()
    condition = np.random.default_rng(1).random((2, LENGTH, CONDITION_DIM)).astype("float32")
    condition[:, :, 0] = 1.0

    def predict(network, condition):
        level = np.full((2, 1), 0.8, "float32")
        return ops.convert_to_numpy(network([ops.convert_to_tensor(part) for part in (x, level, condition)]))

    told, untold = predict(denoiser, condition), predict(denoiser, condition * ALWAYS_TOLD)
    assert np.abs(told - untold).max() > 0.01
    expected = untold + scale * (told - untold)
    if context:
        expected = expected + context * (told - predict(guidance.alone, condition))

    def scaled(inputs):
        return guidance(inputs, condition_scale=ops.convert_to_tensor([scale]))

    np.testing.assert_allclose(predict(scaled, condition), expected, atol=1e-5)
