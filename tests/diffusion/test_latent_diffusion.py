import keras
import numpy as np
import pytest
from keras import ops

from keras_symdiff import LatentDiffusion, NoiseSchedule, TransformerDenoiser
from keras_symdiff.music.condition import CONDITION_DIM

TINY = {
    "num_positions": 8,
    "channels": 3,
    "embed_dim": 16,
    "num_layers": 1,
    "num_heads": 2,
    "mlp_dim": 32,
    "num_residual_blocks": 1,
    "residual_dim": 32,
    "film_dim": 16,
}


def make_model(seed=0, **denoiser):
    keras.utils.set_random_seed(0)
    return LatentDiffusion(TransformerDenoiser(**TINY, **denoiser), seed=seed)


def pieces(number):
    return np.random.default_rng(0).uniform(-1, 1, (number, 8, 3)).astype("float32")


def conditions(number, length=8):
    """Conditions with nothing hidden, of pieces of 4 to `length` phrases."""
    stream = np.random.default_rng(1)
    condition = stream.uniform(0.1, 1.0, (number, length, CONDITION_DIM)).astype("float32")
    condition[:, :, 0] = 1.0
    return condition * (np.arange(length) < stream.integers(4, length + 1, (number, 1)))[:, :, None]


def as_number(tensor):
    return float(ops.convert_to_numpy(tensor))


class LevelsSeen(keras.layers.Layer):
    """A denoiser that predicts no noise and keeps the levels it was told."""

    def call(self, inputs, training=False):
        self.levels = ops.convert_to_numpy(inputs[1])
        return ops.zeros_like(inputs[0])


def test_loss_at_given_noise_is_the_papers():
    model = make_model()
    x, stream = pieces(5), np.random.default_rng(1)
    level = stream.uniform(0.1, 1.0, (5, 1)).astype("float32")
    noise = stream.standard_normal(x.shape).astype("float32")
    x_t = level[:, :, None] * x + np.sqrt(1 - level[:, :, None] ** 2) * noise
    predicted = ops.convert_to_numpy(model.denoiser([x_t, level]))
    loss = model.compute_loss(ops.convert_to_tensor(x), (ops.convert_to_tensor(level), ops.convert_to_tensor(noise)))
    assert as_number(loss) == pytest.approx(np.mean((noise - predicted) ** 2), rel=1e-4)


def test_training_draws_continuous_levels_over_the_whole_schedule():
    model = LatentDiffusion(LevelsSeen(), NoiseSchedule.linear(10, 1e-3, 0.3))
    model.compute_loss(ops.zeros((4000, 2, 1)))
    levels, steps = model.denoiser.levels[:, 0], model.schedule.noise_level[::-1]
    assert np.min(np.abs(levels[:, None] - steps), axis=1).max() > 1e-3  # between the steps, not on them
    assert len(np.unique(levels)) > 3900
    counts, _ = np.histogram(levels, bins=steps)
    assert counts.min() > 320  # 400 each: every step as likely
    assert counts.max() < 480
    first = levels
    model.compute_loss(ops.zeros((4000, 2, 1)))
    assert (model.denoiser.levels[:, 0] != first).any()


class Seen(LevelsSeen):
    def call(self, inputs, training=False):
        self.x_t = ops.convert_to_numpy(inputs[0])
        return super().call(inputs)


def test_a_share_of_training_pieces_has_runs_of_given_phrases():
    x = np.random.default_rng(2).uniform(-1, 1, (10_000, 32, 1)).astype("float32")
    model = LatentDiffusion(Seen(), given_share=0.5)
    loss = as_number(model.compute_loss(ops.convert_to_tensor(x)))
    given = model.denoiser.levels == 1
    assert 0.45 < given.any(axis=1).mean() < 0.51  # a few pieces have no run that begins
    assert 0.23 < given.mean() < 0.27
    np.testing.assert_array_equal((model.denoiser.x_t == x)[..., 0], given)
    runs = np.diff(given.astype(int), axis=1).clip(0).sum(axis=1) + given[:, 0]
    assert {1, 2, 3} <= set(runs)
    assert given.all(axis=1).mean() < 0.05
    assert loss == pytest.approx(1, abs=0.02)  # of missing phrases: no noise was predicted


def test_the_loss_is_of_missing_phrases_only():
    class WrongWhereGiven(LevelsSeen):
        def call(self, inputs, training=False):
            return 1e3 * ops.cast(inputs[1] == 1, "float32")[:, :, None] + super().call(inputs)

    model = LatentDiffusion(WrongWhereGiven(), given_share=1.0)
    assert as_number(model.compute_loss(ops.zeros((500, 32, 1)))) == pytest.approx(1, abs=0.05)


def test_given_share_is_a_share():
    with pytest.raises(ValueError, match=r"given_share=1\.5"):
        LatentDiffusion(LevelsSeen(), given_share=1.5)


def test_validation_noise_is_fixed_at_any_batch_size():
    model = make_model()
    model.compile()
    losses = []
    for batch_size in (256, 256, 7):
        batches = model.validation_batches(pieces(20))
        batches.batch_size = batch_size
        losses.append(model.evaluate(batches, verbose=0))
    assert losses[0] == losses[1]
    assert losses[2] == pytest.approx(losses[0], rel=1e-5)


def test_overfits_eight_pieces():
    model = make_model()
    model.compile(keras.optimizers.Adam(1e-2, global_clipnorm=1.0))
    x = np.repeat(np.sign(pieces(8)), 8, axis=0)
    losses = model.fit(x, epochs=120, verbose=0).history["loss"]
    assert losses[0] > 0.8
    assert np.mean(losses[-20:]) < 0.45


def test_a_fit_that_diverges_says_since_when_and_leaves_a_model_that_can_be_loaded_again():
    model = make_model()
    weights = model.get_weights()
    model.compile(keras.optimizers.SGD(np.inf))
    with pytest.raises(ValueError, match="its loss is nan since step 2 of epoch 1"):
        model.fit(pieces(12), batch_size=4, epochs=3, verbose=0)
    model.set_weights(weights)
    model.compile(keras.optimizers.SGD(1e-3))
    assert np.isfinite(model.fit(pieces(12), batch_size=4, verbose=0).history["loss"]).all()


def test_validates_and_ends_with_the_moving_average(tmp_path):
    model = make_model()
    optimizer = keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=None)
    model.compile(optimizer)
    trained, averages = [], []

    def remember(epoch, logs):
        trained.append(model.denoiser.get_weights())
        averages.append([ops.convert_to_numpy(average) for average in optimizer._model_variables_moving_average])

    callbacks = [keras.callbacks.SwapEMAWeights(), keras.callbacks.LambdaCallback(on_epoch_end=remember)]
    history = model.fit(
        pieces(64), batch_size=8, epochs=1, validation_data=pieces(20), verbose=0, callbacks=callbacks
    ).history
    assert max(np.abs(a - b).max() for a, b in zip(trained[-1], averages[-1], strict=True)) > 1e-2
    for average, final in zip(averages[-1], model.denoiser.get_weights(), strict=True):
        np.testing.assert_allclose(final, average, atol=1e-6)
    loss = model.evaluate(model.validation_batches(pieces(20)), verbose=0)
    assert history["val_loss"][-1] == pytest.approx(loss, rel=1e-5)
    model.save_preset(tmp_path)
    loaded = LatentDiffusion.from_preset(tmp_path)
    for average, weights in zip(averages[-1], loaded.denoiser.get_weights(), strict=True):
        np.testing.assert_allclose(weights, average, atol=1e-6)


def test_weights_files_hold_the_state_of_the_noise(tmp_path):
    model = make_model(seed=4)
    x = ops.convert_to_tensor(pieces(4))
    as_number(model.compute_loss(x))
    model.save_weights(tmp_path / "model.weights.h5")
    expected = [as_number(model.compute_loss(x)) for _ in range(2)]
    other = make_model(seed=5)
    other.load_weights(tmp_path / "model.weights.h5")
    assert [as_number(other.compute_loss(x)) for _ in range(2)] == pytest.approx(expected, rel=1e-6)
    assert expected[0] != expected[1]


def test_config_round_trip():
    model = LatentDiffusion(TransformerDenoiser(**TINY), NoiseSchedule.linear(50), seed=3)
    again = LatentDiffusion.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    assert again.denoiser.count_params() == model.denoiser.count_params()
    assert (again.schedule.num_steps, again.seed) == (50, 3)


def test_bfloat16_trains_as_float32():
    losses = {}
    for policy in ("float32", "mixed_bfloat16"):
        model = make_model(dtype=policy)
        model.compile()
        losses[policy] = model.fit(pieces(64), epochs=8, verbose=0).history["loss"]
    assert np.isfinite(losses["mixed_bfloat16"]).all()
    np.testing.assert_allclose(losses["mixed_bfloat16"], losses["float32"], rtol=0.02)


class ConditionSeen(keras.layers.Layer):
    """A denoiser that predicts no noise where a phrase is, nonsense in the padding, and keeps the condition."""

    condition_dim = CONDITION_DIM

    def call(self, inputs, training=False):
        x_t, _, self.condition = inputs
        return 1e3 * (1.0 - self.condition[:, :, :1]) * ops.ones_like(x_t)


def test_parts_of_conditions_are_hidden_in_training_only_and_padding_is_no_loss():
    model = LatentDiffusion(ConditionSeen(), given_share=0.3)
    condition = ops.convert_to_tensor(conditions(2000))
    x = ops.zeros((2000, 8, 2))
    assert as_number(model.compute_loss((x, condition))) == pytest.approx(1, abs=0.05)
    seen = ops.convert_to_numpy(model.denoiser.condition)
    assert 0.1 < (seen == 0).mean() - (ops.convert_to_numpy(condition) == 0).mean() < 0.6
    np.testing.assert_array_equal(seen[:, :, 0], condition[:, :, 0])
    fixed = ops.full((2000, 1), 0.5), ops.ones((2000, 8, 2))
    assert as_number(model.compute_loss((x, condition), fixed, training=False)) == pytest.approx(1)
    np.testing.assert_array_equal(ops.convert_to_numpy(model.denoiser.condition), condition)


def test_hiding_follows_the_seed_and_other_rates_hide_other_parts():
    def seen(seed, **rates):
        model = LatentDiffusion(ConditionSeen(), seed=seed, drop_rates=rates)
        model.compute_loss((ops.zeros((50, 8, 2)), ops.convert_to_tensor(conditions(50))))
        return ops.convert_to_numpy(model.denoiser.condition)

    np.testing.assert_array_equal(seen(1), seen(1))
    assert not np.array_equal(seen(1), seen(2))
    assert not seen(1, piece=1.0)[:, :, 1:98].any()


def test_a_denoiser_and_a_schedule_are_what_they_are_called():
    with pytest.raises(ValueError, match=r"`denoiser` must be a Keras model. Received: denoiser='paper'"):
        LatentDiffusion("paper")
    with pytest.raises(ValueError, match=r"`schedule` must be a `NoiseSchedule`. Received: schedule=1000"):
        LatentDiffusion(LevelsSeen(), schedule=1000)


def test_drop_rates_are_shares_of_what_can_be_hidden():
    for rates in ({"chroma": 1.5}, {"present": 0.1}):
        with pytest.raises(ValueError, match="`drop_rates` are in"):
            LatentDiffusion(LevelsSeen(), drop_rates=rates)


def test_conditions_go_with_a_denoiser_that_has_them():
    with pytest.raises(ValueError, match="condition_dim=None, 2 arrays"):
        make_model().compute_loss((ops.zeros((2, 8, 3)), ops.zeros((2, 8, CONDITION_DIM))))
    with pytest.raises(ValueError, match=f"condition_dim={CONDITION_DIM}, 1 arrays"):
        make_model(condition_dim=CONDITION_DIM).compute_loss(ops.zeros((2, 8, 3)))
    with pytest.raises(ValueError, match="Received: condition_dim=5"):
        make_model(condition_dim=5)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_trains_on_conditions_and_keeps_them_in_a_preset(tmp_path, policy):
    model = make_model(condition_dim=CONDITION_DIM, copies=True, dtype=policy)
    model.drop_rates["chroma"] = 0.25
    model.compile(keras.optimizers.Adam(1e-2, global_clipnorm=1.0))
    data = np.sign(pieces(64)), conditions(64)
    history = model.fit(data, batch_size=16, epochs=30, validation_data=data, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["val_loss"][-1] < history["val_loss"][0] - 0.1
    model.save_preset(tmp_path)
    loaded = LatentDiffusion.from_preset(tmp_path)
    assert loaded.drop_rates == model.drop_rates
    assert loaded.denoiser.condition_dim == CONDITION_DIM
