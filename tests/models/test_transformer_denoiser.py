import keras
import numpy as np
import pytest
from keras import ops

from keras_symdiff import TransformerDenoiser
from keras_symdiff.music.condition import CONDITION_DIM, Condition

SMALL = {"num_layers": 1, "num_heads": 2, "embed_dim": 16, "mlp_dim": 24, "residual_dim": 24, "film_dim": 20}


def draw_inputs(batch=3, length=32, channels=42):
    random = np.random.default_rng(0)
    x_t = random.standard_normal((batch, length, channels)).astype("float32")
    return [x_t, random.uniform(0.08, 1.0, (batch, 1)).astype("float32")]


def test_paper_size():
    assert TransformerDenoiser().count_params() == 25_579_946


def test_bfloat16_stays_near_float32():
    full = TransformerDenoiser()
    mixed = TransformerDenoiser(dtype="mixed_bfloat16")
    mixed.set_weights(full.get_weights())
    inputs = draw_inputs(batch=8)
    expected = full.predict_on_batch(inputs)
    actual = np.asarray(mixed.predict_on_batch(inputs), "float32")
    error = np.linalg.norm(actual - expected) / np.linalg.norm(expected)
    assert 1e-5 < error < 0.02  # zero would mean that nothing ran in bfloat16


def test_any_length_gives_what_a_fixed_length_gives():
    free = TransformerDenoiser(num_positions=None, **SMALL)
    for length in (7, 32):
        fixed = TransformerDenoiser(num_positions=length, **SMALL)
        fixed.set_weights(free.get_weights())
        inputs = draw_inputs(length=length)
        np.testing.assert_allclose(free.predict_on_batch(inputs), fixed.predict_on_batch(inputs), atol=1e-5)


def test_noise_level_reaches_its_own_sample_only():
    denoiser = TransformerDenoiser(**SMALL)
    x_t, noise_level = draw_inputs()
    changed = noise_level.copy()
    changed[1] *= 0.5
    difference = np.abs(ops.convert_to_numpy(denoiser([x_t, noise_level]) - denoiser([x_t, changed])))
    assert difference[1].max() > 1e-3
    assert difference[[0, 2]].max() < 1e-6


def test_phrases_may_have_levels_of_their_own():
    denoiser = TransformerDenoiser(**SMALL)
    x_t, of_piece = draw_inputs()
    of_phrases = np.repeat(of_piece, x_t.shape[1], axis=1)  # (B, L)
    expected = ops.convert_to_numpy(denoiser([x_t, of_piece]))
    np.testing.assert_allclose(ops.convert_to_numpy(denoiser([x_t, of_phrases])), expected, atol=1e-5)
    of_phrases[:, 2] = 1.0
    changed = np.abs(ops.convert_to_numpy(denoiser([x_t, of_phrases])) - expected).max(axis=-1)  # (B, L)
    assert (changed[:, 2] > 1e-3).all()
    assert np.delete(changed, 2, axis=1).max() < 1e-5  # without `copies` a level enters after the transformer


def draw_condition(lengths, length=32, features=5):
    condition = np.random.default_rng(1).uniform(0.1, 1.0, (len(lengths), length, features)).astype("float32")
    condition[:, :, 0] = 1.0
    return condition * (np.arange(length) < np.array(lengths)[:, None])[:, :, None]


@pytest.mark.parametrize("copies", [False, True])
def test_a_condition_reaches_the_noise_and_padding_nothing(copies):
    denoiser = TransformerDenoiser(condition_dim=5, copies=copies, **SMALL)
    x_t, level = draw_inputs()
    condition = draw_condition([8, 20, 32])
    expected = denoiser.predict_on_batch([x_t, level, condition])
    assert expected.shape == x_t.shape
    changed = condition.copy()
    changed[:, 3, 2] += 0.5
    difference = np.abs(denoiser.predict_on_batch([x_t, level, changed]) - expected).max(axis=-1)  # (B, L)
    assert (difference[:, 3] > 1e-3).all()  # its own phrase, by the residual blocks too
    assert (difference[:, 4] > 1e-6).all()  # the others by attention
    present = condition[:, :, 0] == 1
    spoiled = np.where(present[:, :, None], x_t, 3.0).astype("float32")
    np.testing.assert_allclose(
        denoiser.predict_on_batch([spoiled, level, condition])[present], expected[present], atol=1e-5
    )


def test_what_a_plan_makes_different_is_not_copied():
    denoiser = TransformerDenoiser(condition_dim=CONDITION_DIM, copies=True, **SMALL)
    copied = keras.Model(denoiser.inputs, denoiser.get_layer("copy_attention").output)
    x_t, level = draw_inputs()
    x_t[:, 5] = x_t[:, 9] = x_t[:, 1]  # the first phrase's twins: one is planned, one is not
    tokens = np.arange(32)[:, None].repeat(32, axis=1)
    tokens[5] = tokens[1]
    planned = Condition.of(tokens)
    conditions = np.stack([condition.features() for condition in (planned, planned.hide("repeats"), planned)])
    number = ops.convert_to_numpy(copied([x_t, 0 * level + 0.99, conditions]))[:, :, -1]  # (B, L): log of 1 + copies
    np.testing.assert_allclose(number[0, [1, 5, 9]], [np.log(2), np.log(2), 0], atol=0.05)
    np.testing.assert_allclose(number[1, [1, 5, 9]], np.log(3), atol=0.05)


def test_a_padded_piece_is_what_the_short_piece_is():
    free = TransformerDenoiser(num_positions=None, condition_dim=5, **SMALL)
    x_t, level = draw_inputs()
    condition = draw_condition([8, 8, 8])
    padded = free.predict_on_batch([x_t, level, condition])[:, :8]
    np.testing.assert_allclose(padded, free.predict_on_batch([x_t[:, :8], level, condition[:, :8]]), atol=1e-5)


def test_a_condition_costs_its_columns_of_two_kernels_and_the_copied_input():
    plain, conditioned = (TransformerDenoiser(condition_dim=dim, copies=True, **SMALL) for dim in (None, 5))
    more = conditioned.count_params() - plain.count_params()
    assert more == 5 * (SMALL["embed_dim"] + SMALL["residual_dim"])


def test_config_round_trip():
    denoiser = TransformerDenoiser(
        num_positions=None,
        channels=5,
        num_residual_blocks=1,
        noise_embed_dim=12,
        condition_dim=7,
        dtype="mixed_bfloat16",
        **SMALL,
    )
    config = denoiser.get_config()
    copy = TransformerDenoiser.from_config(config)
    assert copy.get_config() == config
    assert copy.dtype_policy.name == "mixed_bfloat16"
    assert [w.shape for w in copy.weights] == [w.shape for w in denoiser.weights]


def test_unknown_config_key_is_refused():
    with pytest.raises(TypeError, match="num_blocks"):
        TransformerDenoiser.from_config({**TransformerDenoiser(**SMALL).get_config(), "num_blocks": 2})


def test_save_and_load(tmp_path):
    denoiser = TransformerDenoiser(**SMALL)
    inputs = draw_inputs()
    expected = ops.convert_to_numpy(denoiser(inputs))

    denoiser.save_weights(tmp_path / "denoiser.weights.h5")
    other = TransformerDenoiser(**SMALL)
    other.load_weights(tmp_path / "denoiser.weights.h5")
    np.testing.assert_allclose(ops.convert_to_numpy(other(inputs)), expected, atol=1e-6)

    denoiser.save(tmp_path / "denoiser.keras")
    revived = keras.saving.load_model(tmp_path / "denoiser.keras")
    assert type(revived) is TransformerDenoiser
    np.testing.assert_allclose(ops.convert_to_numpy(revived(inputs)), expected, atol=1e-6)
