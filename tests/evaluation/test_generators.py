import keras
import numpy as np
import pytest

from keras_symdiff import (
    LatentDiffusion,
    LatentMDN,
    LatentTransform,
    MusicVAE,
    TransformerDenoiser,
    TransformerMDN,
    infill,
)
from keras_symdiff.diffusion.noise_schedule import NoiseSchedule
from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.evaluation.generators import complete_forms, decode_as_composed, generators, keep_mask, told_nothing
from keras_symdiff.evaluation.real_pieces import Pieces
from keras_symdiff.music.condition import CONDITION_DIM
from keras_symdiff.music.form import FormTable

SIZES = {"channels": 3, "embed_dim": 8, "num_layers": 1, "num_heads": 2, "mlp_dim": 8, "residual_dim": 8}
TRANSFORM = LatentTransform(np.array([0, 1, 3]), minimum=np.full(3, -2.0), maximum=np.full(3, 2.0), latent_dim=4)
HELD_OUT = np.random.default_rng(0).uniform(-1, 1, (5, 32, 3)).astype("float32")
PIECES = Pieces(HELD_OUT, np.full((5, 32, 32), 41))
GIVEN = keep_mask(32)
SCHEDULE = NoiseSchedule.linear(4, 1e-3, 0.3)


@pytest.fixture(scope="module", params=["unconditional", "infilling"])
def makers(request):
    keras.utils.set_random_seed(0)
    model = LatentDiffusion(TransformerDenoiser(film_dim=8, **SIZES), SCHEDULE)
    baseline = LatentMDN(TransformerMDN(num_mixtures=2, **SIZES))
    made = generators(request.param, model, baseline, TRANSFORM, PIECES, Sampler(), num_samples=7, seed=1)
    return request.param, made


@pytest.mark.parametrize("name", ["Diffusion", "Autoregression", "Interpolation", "N(0, I) prior"])
def test_pieces_do_not_depend_on_how_they_are_batched(makers, name):
    make, number = makers[1][name]
    assert number == (7 if makers[0] == "unconditional" and name != "Interpolation" else 5)
    five = make(range(5))
    assert five.shape == (5, 32, 3)
    np.testing.assert_allclose(np.concatenate([make(range(2)), make(range(2, 5))]), five, rtol=1e-3, atol=1e-3)
    assert np.abs(five[0] - five[1]).max() > 0.1


def test_infilling_goes_on_from_what_is_given(makers):
    task, makers = makers
    if task == "infilling":
        np.testing.assert_array_equal(makers["Diffusion"][0](range(5))[:, GIVEN], HELD_OUT[:, GIVEN])
        np.testing.assert_array_equal(makers["Autoregression"][0](range(5))[:, :8], HELD_OUT[:, :8])
        np.testing.assert_allclose(makers["Interpolation"][0](range(5))[:, GIVEN], HELD_OUT[:, GIVEN], atol=1e-6)


def test_interpolation_runs_between_the_ends_of_the_piece_or_the_gap(makers):
    task, makers = makers
    first, last = (7, 24) if task == "infilling" else (0, 31)
    pieces = makers["Interpolation"][0](range(5))
    np.testing.assert_allclose(pieces[:, [first, last]], HELD_OUT[:, [first, last]], atol=1e-6)
    steps = np.linalg.norm(np.diff(pieces[:, first : last + 1], axis=1), axis=-1)
    assert (steps < 0.5).all()  # no leap on the way, where neighbours of HELD_OUT are 1.1 apart


def test_a_model_that_hears_is_told_the_bars_of_held_out_pieces():
    keras.utils.set_random_seed(0)
    model = LatentDiffusion(TransformerDenoiser(film_dim=8, condition_dim=CONDITION_DIM, **SIZES), SCHEDULE)
    stream = np.random.default_rng(0)
    model.set_weights([0.5 * stream.standard_normal(weights.shape) for weights in model.get_weights()])
    baseline = LatentMDN(TransformerMDN(num_mixtures=2, **SIZES))
    infills = []
    for steps in (np.full((5, 32, 2), 12), None):
        pieces = Pieces(HELD_OUT, PIECES.tokens, steps)
        makers = generators("infilling", model, baseline, TRANSFORM, pieces, Sampler(), num_samples=7, seed=1)
        infills.append(makers["Diffusion"][0](range(2, 4)))
    told = np.stack([told_nothing(np.full((32, 2), 12)).features()] * 2)
    keep = np.tile(GIVEN, (2, 1))
    expected = infill(model, HELD_OUT[2:4], keep, 1, sampler=Sampler(), first_piece=2, batch_size=2, conditions=told)
    np.testing.assert_array_equal(infills[0], expected)
    assert not np.array_equal(infills[0], infills[1])


def test_only_the_first_batch_of_new_pieces_is_observed():
    seen = []
    model = LatentDiffusion(TransformerDenoiser(film_dim=8, **SIZES), SCHEDULE)
    baseline = LatentMDN(TransformerMDN(num_mixtures=2, **SIZES))
    for task in ("unconditional", "infilling"):
        watch = {"num_samples": 3, "seed": 1, "observe": lambda done, x: seen.append((done, len(x)))}
        make, _ = generators(task, model, baseline, TRANSFORM, PIECES, Sampler(), **watch)["Diffusion"]
        make(range(2)), make(range(2, 3))
    assert seen == [(done, 2) for done in range(5)]


def test_pieces_are_composed_in_the_range_of_their_form():
    tokens = np.zeros((2, 32, 32), np.int8)
    tokens[0, :, 0], tokens[0, :, 8] = 41, 53  # C4 to C5
    tokens[1, :, 0], tokens[1, :, 8] = 22, 29  # F2 to C3
    forms = FormTable.of(list(tokens))
    vae = MusicVAE(latent_dim=4, encoder_units=4, decoder_units=(4,))
    seen = []
    decoded = decode_as_composed(HELD_OUT, TRANSFORM, vae, forms, 0, None, lambda *done: seen.append(done))
    assert seen == [(done, 5) for done in range(1, 6)]
    assert decoded.shape == (5, 32, 32)
    for number, piece in enumerate(decoded):
        low, high = forms.draw(32, 0, number).pitches
        onsets = piece[piece >= 2].astype(int) + 19
        assert len(onsets)
        assert low <= onsets.min() <= onsets.max() <= high


def test_forms_of_infills_are_completed():
    tokens = np.zeros((2, 32, 32), np.int8)
    tokens[0, :, 0] = 41 + np.arange(32) % 4
    tokens[1, :, 0] = 41 + np.arange(32)
    forms = FormTable.of(list(tokens))
    three_quarters = np.full((2, 32, 2), 12)
    conditions, repeats, varies = complete_forms(forms, Pieces(None, tokens, three_quarters), GIVEN, range(2), seed=0)
    np.testing.assert_array_equal(repeats, [np.arange(32) % 4, np.arange(32)])
    np.testing.assert_array_equal(conditions[0].repeats, repeats[0])
    np.testing.assert_array_equal(varies, repeats)
    assert np.isnan(conditions[0].density).all()
    np.testing.assert_array_equal(conditions[1].real_steps, three_quarters[1])
    (alone,), plan, _ = complete_forms(forms, Pieces(None, tokens), GIVEN, range(1, 2), seed=0)
    np.testing.assert_array_equal(plan, repeats[1:])
    assert (alone.real_steps == 16).all()
    # The mean of the given ones, and half of what the drawn form rises above it.
    np.testing.assert_array_equal(conditions[0].register[~GIVEN], 61.5 + (np.arange(8, 24) % 4 - 1.5) / 2)
    np.testing.assert_array_equal(conditions[1].register[GIVEN], 60 + np.flatnonzero(GIVEN))


def test_what_stood_in_the_gap_tells_nothing_of_the_form():
    tokens = np.zeros((1, 32, 32), np.int8)
    tokens[0, :, 0] = 41 + np.arange(32)
    forms = FormTable.of([tokens[0]])
    tokens[0, 24:] = tokens[0, 8:16]  # the gap has them too
    _, repeats, varies = complete_forms(forms, Pieces(None, tokens), GIVEN, range(1), seed=0)
    np.testing.assert_array_equal(repeats[0], np.arange(32))
    np.testing.assert_array_equal(varies[0], np.arange(32))
