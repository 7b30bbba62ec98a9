import pathlib
import types

import keras
import numpy as np
import pytest

from keras_symdiff.diffusion.generate import infill, sample
from keras_symdiff.diffusion.noise_schedule import NoiseSchedule
from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.diffusion.solvers import ddim_steps, dpm_solver_steps, heun_steps, with_resampling
from keras_symdiff.models.transformer_denoiser import TransformerDenoiser
from keras_symdiff.models.transformer_mdn import TransformerMDN
from keras_symdiff.music.condition import CONDITION_DIM, PARTS
from keras_symdiff.vae.music_vae import MusicVAE

GOLDEN = np.load(pathlib.Path(__file__).parents[1] / "golden" / "diffusion" / "short_run.npz")
SCHEDULE = NoiseSchedule.linear(20, 1e-3, 0.3)
LENGTH, CHANNELS = 6, 4
CLOSE = {"rtol": 1e-5, "atol": 2e-5}  # float32 rounding; the numbers reach 20


@keras.saving.register_keras_serializable(package="keras_symdiff_tests")
class CountTraces(keras.layers.Layer):
    count = 0

    def call(self, x):
        CountTraces.count += 1
        return x


def make_denoiser():
    """The denoiser of `make_golden.py`."""
    x = keras.Input((LENGTH, CHANNELS))  # (B, L, D)
    level = keras.Input((1,))  # (B, 1)
    hidden = keras.layers.Concatenate(dtype="float32")([x, keras.layers.RepeatVector(LENGTH, dtype="float32")(level)])
    hidden = CountTraces(dtype="float32")(hidden)
    hidden = keras.layers.Dense(16, "tanh", dtype="float32")(hidden)  # (B, L, 16)
    mean = keras.layers.GlobalAveragePooling1D(keepdims=True, dtype="float32")(hidden)  # (B, 1, 16)
    epsilon = keras.layers.Dense(CHANNELS, dtype="float32")(keras.layers.Add(dtype="float32")([hidden, mean]))
    denoiser = keras.Model([x, level], epsilon)
    denoiser.set_weights([GOLDEN[name] for name in ("w1", "b1", "w2", "b2")])
    return denoiser


@pytest.fixture(scope="module")
def denoiser():
    return make_denoiser()


def test_sample_equals_the_golden_run(denoiser):
    result = sample(denoiser, 3, seed=7, schedule=SCHEDULE)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, GOLDEN["sampled"], **CLOSE)


def test_infill_equals_the_golden_run(denoiser):
    keep_mask = GOLDEN["keep_mask"]
    result = infill(denoiser, GOLDEN["latents"], keep_mask, seed=7, schedule=SCHEDULE)
    np.testing.assert_allclose(result, GOLDEN["infilled"], **CLOSE)
    np.testing.assert_array_equal(result[keep_mask], GOLDEN["latents"][keep_mask])


FEW_STEPS = [
    Sampler("ancestral", 5),
    Sampler("ddim", 5),
    Sampler("ddim", 5, eta=1.0, resamplings=2),
    Sampler("dpm-solver", 5),
    Sampler("dpm-solver-sde", 5),
    Sampler("heun", 5),
]


@pytest.mark.parametrize("sampler", FEW_STEPS, ids=lambda sampler: f"{sampler.name}-{sampler.resamplings}")
def test_few_steps_keep_what_is_given_and_the_music_of_a_seed(denoiser, sampler):
    options = {"seed": 7, "schedule": SCHEDULE, "sampler": sampler}
    pieces = sample(denoiser, 3, **options)
    keep_mask = GOLDEN["keep_mask"]
    filled = infill(denoiser, GOLDEN["latents"], keep_mask, **options)
    np.testing.assert_array_equal(filled[keep_mask], GOLDEN["latents"][keep_mask])
    np.testing.assert_allclose(infill(denoiser, GOLDEN["latents"], keep_mask, batch_size=2, **options), filled, **CLOSE)
    nothing = infill(denoiser, GOLDEN["latents"], np.zeros_like(keep_mask), **options)
    np.testing.assert_allclose(nothing, pieces, **CLOSE)
    assert np.abs(nothing - filled)[~keep_mask].max() > 0.01
    assert np.abs(pieces - GOLDEN["sampled"]).max() > 0.01


def follow_table(steps, sample_index, given=None, keep_mask=None, tied=None):
    """A few-step sampler in float64 NumPy with the streams of seed 7: the music that every backend must give."""
    reverse, forward = (
        np.random.Generator(np.random.Philox(np.random.SeedSequence(7, spawn_key=(sample_index, purpose))))
        for purpose in (0, 1)
    )
    w1, b1, w2, b2 = (GOLDEN[name].astype("float64") for name in ("w1", "b1", "w2", "b2"))
    x = reverse.standard_normal((LENGTH, CHANNELS), dtype=np.float32).astype("float64")
    before = np.zeros_like(x)
    for level, stddev, a, b, c, s, next_level in steps:
        hidden = np.tanh(np.concatenate([x, np.full((LENGTH, 1), level)], axis=-1) @ w1 + b1)
        predicted = (x - stddev * ((hidden + hidden.mean(axis=0)) @ w2 + b2)) / level
        if tied is not None:
            predicted = tied(predicted)
        x = a * x + b * predicted + c * before + s * reverse.standard_normal(x.shape, dtype=np.float32)
        given_noise = forward.standard_normal(x.shape, dtype=np.float32)
        if given is not None:
            noised = next_level * given + np.sqrt((1 - next_level) * (1 + next_level)) * given_noise
            x = np.where(keep_mask[:, None], noised, x)
        before = predicted
    return x


@pytest.mark.parametrize(
    ("sampler", "make_steps"),
    [
        (Sampler("ddim", 5, eta=0.5), lambda levels: ddim_steps(levels, 0.5)),
        (Sampler("ddim", 5, eta=1.0, resamplings=2), lambda levels: with_resampling(ddim_steps(levels, 1.0), 2)),
        (Sampler("dpm-solver", 5), dpm_solver_steps),
        (Sampler("dpm-solver-sde", 5), lambda levels: dpm_solver_steps(levels, stochastic=True)),
        (Sampler("dpm-solver-sde", 5, noise_scale=0.9), lambda levels: dpm_solver_steps(levels, True, 0.9)),
        (Sampler("heun", 5), heun_steps),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_seed_is_the_same_music_on_every_backend(denoiser, sampler, make_steps):
    steps = make_steps(SCHEDULE.quadratic_levels(5))
    options = {"seed": 7, "schedule": SCHEDULE, "sampler": sampler}
    close = {"rtol": 1e-4, "atol": 1e-4}  # float32 rounding, more of it where a level is small
    made = np.stack([follow_table(steps, i) for i in range(3)])
    np.testing.assert_allclose(sample(denoiser, 3, **options), made, **close)
    latents, keep_mask = GOLDEN["latents"], GOLDEN["keep_mask"]
    filled = np.stack([follow_table(steps, i, latents[i], keep_mask[i]) for i in range(3)])
    np.testing.assert_allclose(infill(denoiser, latents, keep_mask, **options), filled, **close)
    plan = np.array([0, 1, 0, 1, 0, 5])
    tied = np.stack([follow_table(steps, i, tied=lambda p: np.stack([p[plan == n].mean(axis=0) for n in plan]))
                     for i in range(3)])  # fmt: skip
    np.testing.assert_allclose(sample(denoiser, 3, repeats=np.stack([plan] * 3), **options), tied, **close)


def test_all_ancestral_steps_are_the_default(denoiser):
    for sampler in (Sampler(), Sampler("ancestral", 20)):
        result = sample(denoiser, 3, seed=7, schedule=SCHEDULE, sampler=sampler)
        np.testing.assert_allclose(result, GOLDEN["sampled"], **CLOSE)


def test_few_steps_report_and_show_every_fifth(denoiser):
    reports, seen = [], []
    pieces = sample(
        denoiser, 3, schedule=SCHEDULE, batch_size=2, sampler=Sampler("heun", 4),
        progress=lambda *report: reports.append(report), observe=lambda *state: seen.append(state),
    )  # fmt: skip
    assert reports == [(5, 14), (7, 14), (12, 14), (14, 14)]  # calls of the denoiser
    assert [done for done, _ in seen] == [0, 5, 7, 0, 5, 7]
    np.testing.assert_array_equal(np.concatenate([seen[2][1], seen[5][1]]), pieces)


def test_more_steps_than_the_schedule_has_are_refused(denoiser):
    for name in ("ancestral", "heun"):
        with pytest.raises(ValueError, match=r"\[1, 20\]. Received: num_steps=21"):
            sample(denoiser, 1, schedule=SCHEDULE, sampler=Sampler(name, 21))


def test_infill_of_everything_and_of_nothing(denoiser):
    latents = GOLDEN["latents"]
    everything = infill(denoiser, latents, np.ones((3, LENGTH), dtype=bool), schedule=SCHEDULE)
    np.testing.assert_array_equal(everything, latents)
    nothing = infill(denoiser, latents, np.zeros((3, LENGTH), dtype=bool), schedule=SCHEDULE)
    np.testing.assert_allclose(nothing, sample(denoiser, 3, schedule=SCHEDULE), **CLOSE)


def test_infill_ignores_what_stands_at_missing_positions(denoiser):
    keep_mask = GOLDEN["keep_mask"]
    spoiled = np.where(keep_mask[:, :, None], GOLDEN["latents"], np.nan)
    result = infill(denoiser, spoiled, keep_mask, seed=7, schedule=SCHEDULE)
    np.testing.assert_allclose(result, GOLDEN["infilled"], **CLOSE)


@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_samples_do_not_depend_on_batch_size_or_their_number(denoiser, batch_size):
    five = sample(denoiser, 5, seed=7, schedule=SCHEDULE, batch_size=batch_size)
    assert five.shape == (5, LENGTH, CHANNELS)
    np.testing.assert_allclose(five[:3], GOLDEN["sampled"], **CLOSE)
    np.testing.assert_allclose(five, sample(denoiser, 5, seed=7, schedule=SCHEDULE), **CLOSE)
    filled = infill(denoiser, GOLDEN["latents"], GOLDEN["keep_mask"], seed=7, schedule=SCHEDULE, batch_size=batch_size)
    np.testing.assert_allclose(filled, GOLDEN["infilled"], **CLOSE)


def test_seed_decides(denoiser):
    first = sample(denoiser, 2, seed=1, schedule=SCHEDULE)
    np.testing.assert_array_equal(sample(denoiser, 2, seed=1, schedule=SCHEDULE), first)
    assert np.abs(sample(denoiser, 2, seed=2, schedule=SCHEDULE) - first).min() > 0
    assert np.abs(first[0] - first[1]).min() > 0


def test_chunks_cover_every_step_and_report_progress(denoiser):
    # 120 steps are chunks of 40; 53 is prime, so it goes step by step.
    for num_steps, chunk in ((120, 40), (53, 1)):
        reports = []
        schedule = NoiseSchedule.linear(num_steps, 1e-4, 0.02)
        sample(denoiser, 3, schedule=schedule, batch_size=2, progress=lambda *report: reports.append(report))  # noqa: B023
        assert reports == [(done, 2 * num_steps) for done in range(chunk, 2 * num_steps + 1, chunk)]


def test_a_latent_diffusion_brings_its_schedule(denoiser):
    model = Bringing(denoiser, schedule=SCHEDULE)
    np.testing.assert_array_equal(sample(model, 3, seed=7), sample(denoiser, 3, seed=7, schedule=SCHEDULE))


def test_new_weights_take_effect_without_compiling_again():
    denoiser = make_denoiser()
    before = sample(denoiser, 3, seed=7, schedule=SCHEDULE)
    traces = CountTraces.count
    np.testing.assert_array_equal(sample(denoiser, 3, seed=8, schedule=SCHEDULE).shape, before.shape)
    if keras.backend.backend() != "torch":  # which runs eagerly
        assert CountTraces.count == traces
    denoiser.set_weights([0 * weight for weight in denoiser.get_weights()])
    zeroed = sample(denoiser, 3, seed=7, schedule=SCHEDULE)
    assert np.abs(zeroed - before).max() > 0.1
    if keras.backend.backend() != "torch":
        assert CountTraces.count == traces


def test_global_bfloat16_does_not_reach_the_sampler():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        result = sample(make_denoiser(), 3, seed=7, schedule=SCHEDULE)
    finally:
        keras.config.set_dtype_policy(policy)
    np.testing.assert_allclose(result, GOLDEN["sampled"], **CLOSE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "num_samples=0"),
        ({"num_samples": 1.5}, "num_samples=1.5"),
        ({"num_samples": 1, "batch_size": 0}, "batch_size=0"),
        ({"num_samples": 1, "seed": -1}, "seed=-1"),
    ],
)
def test_sample_rejects(denoiser, arguments, message):
    with pytest.raises(ValueError, match=f"Received: {message}"):
        sample(denoiser, schedule=SCHEDULE, **arguments)


def test_what_does_not_sample_is_refused(denoiser):
    for model in (MusicVAE(3, 4, (4,)), TransformerMDN(8, 3, 2, 8, 1, 2, 8, 1, 8), "songs_small"):
        with pytest.raises(ValueError, match=r"`model` must be a `LatentDiffusion`, or a denoiser"):
            sample(model, 1)
    with pytest.raises(ValueError, match=r"`sampler` must be a `Sampler`. Received: sampler='draft'"):
        sample(denoiser, 1, sampler="draft")
    with pytest.raises(ValueError, match=r"`schedule` must be a `NoiseSchedule`. Received: schedule=1000"):
        sample(denoiser, 1, schedule=1000)


@pytest.mark.parametrize(
    ("latents", "keep_mask", "message"),
    [
        (np.zeros((LENGTH, CHANNELS)), np.ones((1, LENGTH), bool), "`latents` must have shape"),
        (np.zeros((0, LENGTH, CHANNELS)), np.ones((0, LENGTH), bool), "`latents` must have shape"),
        (np.zeros((1, LENGTH, 42)), np.ones((1, LENGTH), bool), "`latents` must have shape"),
        (np.zeros((1, LENGTH, CHANNELS)), np.ones((2, LENGTH), bool), "`keep_mask` must be bool"),
        (np.zeros((1, LENGTH, CHANNELS)), np.ones((1, LENGTH)), "`keep_mask` must be bool"),
        (np.full((1, LENGTH, CHANNELS), np.nan), np.ones((1, LENGTH), bool), "must be finite"),
    ],
)
def test_infill_rejects(denoiser, latents, keep_mask, message):
    with pytest.raises(ValueError, match=message):
        infill(denoiser, latents, keep_mask, schedule=SCHEDULE)


def test_later_pieces_of_a_seed_can_be_made_alone(denoiser):
    five = sample(denoiser, 5, seed=7, schedule=SCHEDULE)
    np.testing.assert_allclose(sample(denoiser, 2, seed=7, schedule=SCHEDULE, first_piece=3), five[3:], **CLOSE)
    latents, keep_mask = GOLDEN["latents"], GOLDEN["keep_mask"]
    last = infill(denoiser, latents[2:], keep_mask[2:], seed=7, schedule=SCHEDULE, first_piece=2)
    np.testing.assert_allclose(last, GOLDEN["infilled"][2:], **CLOSE)


def test_an_observer_sees_the_states_from_noise_to_piece(denoiser):
    seen = []
    pieces = sample(denoiser, 3, seed=7, schedule=SCHEDULE, batch_size=2, observe=lambda *state: seen.append(state))
    assert [done for done, _ in seen] == 2 * list(range(21))
    assert [len(x) for _, x in seen] == 21 * [2] + 21 * [1]
    noise = np.random.Generator(np.random.Philox(np.random.SeedSequence(7, spawn_key=(2, 0))))
    np.testing.assert_array_equal(seen[21][1][0], noise.standard_normal((LENGTH, CHANNELS), dtype=np.float32))
    np.testing.assert_array_equal(np.concatenate([seen[20][1], seen[41][1]]), pieces)
    np.testing.assert_allclose(pieces, GOLDEN["sampled"], **CLOSE)


class Bringing(keras.Model):
    """A denoiser, and what a `LatentDiffusion` knows besides."""

    def __init__(self, denoiser, **known):
        super().__init__()
        self.denoiser = denoiser
        for name, value in known.items():
            setattr(self, name, value)


class WantsGiven(keras.layers.Layer):
    """A denoiser that gives NaN unless the golden run's given phrases, and no others, come as they are at level 1."""

    inputs = tuple(types.SimpleNamespace(shape=shape) for shape in ((None, LENGTH, CHANNELS), (None, 1)))

    def call(self, inputs, training=False):
        x, level = inputs
        shown = keras.ops.logical_and(keras.ops.all(x == GOLDEN["latents"][:2], axis=-1), level == 1)
        return keras.ops.where(keras.ops.all(shown == GOLDEN["keep_mask"][:2]), x, np.nan)


@pytest.mark.parametrize("name", ["ancestral", "dpm-solver-sde"])
@pytest.mark.parametrize("given_share", [0.0, 0.5])
def test_a_model_trained_with_given_phrases_is_shown_them(name, given_share):
    latents, keep_mask = GOLDEN["latents"][:2], GOLDEN["keep_mask"][:2]
    options = {"seed": 7, "schedule": SCHEDULE, "sampler": Sampler(name, 5)}
    model = Bringing(WantsGiven(), given_share=given_share)
    if given_share:
        filled = infill(model, latents, keep_mask, **options)
        np.testing.assert_array_equal(filled[keep_mask], latents[keep_mask])
        assert np.isfinite(filled).all()
    else:  # NaN never leaves
        with pytest.raises(ValueError, match="Generated latents must be finite"):
            infill(model, latents, keep_mask, **options)


PLAN = np.array([[0, 1, 0, 1, 4, 0], [0, 0, 2, 3, 3, -1], [-1, -1, -1, -1, -1, -1]])


@pytest.mark.parametrize("sampler", [Sampler(), *FEW_STEPS], ids=lambda sampler: f"{sampler.name}-{sampler.num_steps}")
def test_tied_phrases_come_out_equal_by_any_sampler_and_no_others(denoiser, sampler):
    options = {"seed": 7, "schedule": SCHEDULE, "sampler": sampler}
    pieces = sample(denoiser, 3, repeats=PLAN, **options)
    for piece, plan in zip(pieces, PLAN, strict=True):
        root = np.where(plan < 0, np.arange(LENGTH), plan)
        equal = np.abs(piece[:, None] - piece).max(axis=-1) < 1e-4
        np.testing.assert_array_equal(equal, root[:, None] == root)
    np.testing.assert_allclose(pieces[2], sample(denoiser, 3, **options)[2], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(sample(denoiser, 3, repeats=PLAN, batch_size=2, **options), pieces, **CLOSE)

    latents, keep_mask = GOLDEN["latents"], GOLDEN["keep_mask"]
    filled = infill(denoiser, latents, keep_mask, repeats=PLAN, **options)
    np.testing.assert_array_equal(filled[keep_mask], latents[keep_mask])
    for piece, plan, keep in zip(filled, PLAN, keep_mask, strict=True):
        for phrase in np.flatnonzero(~keep & (plan >= 0)):
            (given,) = np.nonzero(keep & (plan == plan[phrase]))
            if len(given):
                np.testing.assert_allclose(piece[phrase], piece[given[0]], atol=1e-4)


def test_a_variation_is_near_what_it_varies_and_not_equal(denoiser):
    options = {"seed": 7, "schedule": SCHEDULE, "sampler": Sampler("dpm-solver-sde", 12)}
    varies = np.array([[0, 1, 2, 0, 1, 2]])
    piece = sample(denoiser, 1, repeats=np.array([[0, 1, 2, 0, 4, 5]]), varies=varies, **options)[0]
    free = sample(denoiser, 1, **options)[0]
    np.testing.assert_allclose(piece[3], piece[0], atol=1e-4)
    for phrase in (4, 5):
        apart = np.abs(piece[phrase] - piece[phrase - 3]).max()
        assert 1e-2 < apart < np.abs(free[phrase] - free[phrase - 3]).max()
    only = sample(denoiser, 1, varies=varies, **options)[0]
    assert np.abs(only[3] - only[0]).max() > 1e-2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": np.zeros((2, LENGTH), int)}, r"shape \(3, 6\)"),
        ({"varies": np.zeros((3, LENGTH + 1), int)}, r"shape \(3, 6\)"),
        ({"repeats": np.full((3, LENGTH), LENGTH)}, "indices of phrases"),
        ({"conditions": np.zeros((3, LENGTH, CONDITION_DIM))}, "one without condition_dim"),
    ],
)
def test_what_does_not_fit_is_refused(denoiser, options, message):
    with pytest.raises(ValueError, match=message):
        sample(denoiser, 3, **options)


@pytest.fixture(scope="module")
def conditioned():
    sizes = (LENGTH, CHANNELS, 16, 2, 2, 32, 1, 32, 16, 16)
    denoiser = TransformerDenoiser(*sizes, copies=True, condition_dim=CONDITION_DIM)
    random = np.random.default_rng(3)  # not Keras's, whose numbers differ from backend to backend
    denoiser.set_weights([0.3 * random.standard_normal(weight.shape) for weight in denoiser.weights])
    return denoiser


def make_conditions(lengths):
    conditions = np.random.default_rng(5).random((len(lengths), LENGTH, CONDITION_DIM)).astype("float32")
    conditions[:, :, 0] = 1.0
    return conditions * (np.arange(LENGTH) < np.array(lengths)[:, None])[:, :, None]


SAMPLERS = [Sampler("ancestral", 5), Sampler("dpm-solver-sde", 5, guidance=1.0, condition_scale=3.0)]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_pieces_hear_their_own_condition_and_end_where_it_ends(conditioned, sampler):
    options = {"seed": 7, "schedule": SCHEDULE, "sampler": sampler}
    conditions = make_conditions([6, 4, 6])
    pieces = sample(conditioned, 3, conditions=conditions, **options)
    assert not pieces[1, 4:].any()
    assert (pieces[1, :4] != 0).all()
    for one in (sample(conditioned, 3, conditions=conditions, batch_size=2, **options),
                np.concatenate([sample(conditioned, 1, conditions=conditions[i : i + 1], first_piece=i, **options)
                                for i in range(3)])):  # fmt: skip
        np.testing.assert_allclose(one, pieces, rtol=1e-4, atol=1e-4)
    changed = conditions.copy()
    changed[0, 2, PARTS["chroma"]] *= -1.0
    difference = np.abs(sample(conditioned, 3, conditions=changed, **options) - pieces).max(axis=(1, 2))
    assert difference[0] > 1e-2
    assert difference[1:].max() < 1e-4

    latents, keep_mask = GOLDEN["latents"], GOLDEN["keep_mask"]
    filled = infill(conditioned, latents, keep_mask, conditions=make_conditions([6, 6, 6]), **options)
    np.testing.assert_array_equal(filled[keep_mask], latents[keep_mask])


def test_told_music_of_a_seed_is_the_same_on_every_backend(conditioned):
    options = {"seed": 7, "schedule": SCHEDULE, "sampler": SAMPLERS[1], "conditions": make_conditions([6, 4])}
    pieces = sample(conditioned, 2, repeats=PLAN[:2], **options)
    expected = [[5.656332, 17.10123], [2.217679, 13.39675]]  # of JAX, 2026-11-26
    np.testing.assert_allclose(pieces[:, [0, 3], 0], expected, rtol=1e-3, atol=1e-3)


def test_a_condition_that_tells_nothing_is_no_condition_whatever_its_scale(conditioned):
    options = {"seed": 7, "schedule": SCHEDULE}
    nothing = np.zeros((3, LENGTH, CONDITION_DIM), "float32")
    nothing[:, :, PARTS["present"]] = nothing[:, :, PARTS["real_steps"]] = 1.0
    expected = sample(conditioned, 3, sampler=Sampler("dpm-solver-sde", 5), **options)
    for scale in (1.0, 4.0):
        sampler = Sampler("dpm-solver-sde", 5, condition_scale=scale)
        pieces = sample(conditioned, 3, sampler=sampler, conditions=nothing, **options)
        np.testing.assert_allclose(pieces, expected, **CLOSE)


def test_conditions_of_another_shape_or_without_end_are_refused(conditioned):
    with pytest.raises(ValueError, match=r"shape \(3, 6, \d+\). Received: shape \(2, 6"):
        sample(conditioned, 3, conditions=make_conditions([6, 6]))
    conditions = make_conditions([6, 6, 6])
    conditions[0, 0, 1] = np.nan
    with pytest.raises(ValueError, match="Conditions must be finite"):
        sample(conditioned, 3, conditions=conditions)


@pytest.mark.parametrize("sampler", FEW_STEPS, ids=lambda sampler: f"{sampler.name}-{sampler.resamplings}")
def test_what_a_piece_starts_from_is_left_the_more_the_fewer_steps_are_taken(denoiser, sampler):
    keep_mask = np.tile(np.arange(LENGTH) < 2, (3, 1))
    latents = GOLDEN["latents"]
    start = np.where(keep_mask[:, :, None], np.nan_to_num(latents), 0.5).astype("float32")

    def distance(variation):
        options = {"seed": 7, "schedule": SCHEDULE, "sampler": sampler, "start": start, "variation": variation}
        made = infill(denoiser, latents, keep_mask, **options)
        np.testing.assert_array_equal(made[keep_mask], latents[keep_mask])
        return np.abs(made - start)[~keep_mask].mean()

    near, between, far = map(distance, (0.01, 0.5, 1.0))
    assert near < min(between, far) < max(between, far)
    with pytest.raises(ValueError, match=r"`variation` must be in \(0, 1\]. Received: variation=0"):
        distance(0)
    with pytest.raises(ValueError, match="`start` must have shape"):
        infill(denoiser, latents, keep_mask, start=start[:, 1:])
