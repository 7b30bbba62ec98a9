import dataclasses
import pathlib

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from keras_symdiff import LatentDiffusion, LatentTransform, MusicVAE, infill
from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.infilling.compose_gaps import compose_gaps
from keras_symdiff.infilling.gaps import find_gaps, parse_bars
from keras_symdiff.infilling.layout import Layout
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.midi import choose_melody, read_melodies

DATA = pathlib.Path(__file__).parents[1] / "data"
QUICK = Sampler("ddim", 4)


@pytest.fixture(scope="module")
def models(tiny_preset):
    model, transform, vae = [part.from_preset(tiny_preset) for part in (LatentDiffusion, LatentTransform, MusicVAE)]
    vae.decoder.logits.kernel.assign(20 * vae.decoder.logits.kernel)  # so that latents decode to different phrases
    return model, transform, vae


def melody(num_phrases, rests=(), seed=0):
    stream = np.random.default_rng(seed)
    tokens = np.where(stream.random((num_phrases, 32)) < 0.3, stream.integers(30, 60, (num_phrases, 32)), 0)
    tokens[:, 0] = 41
    tokens[list(rests)] = 0
    return Melody.from_phrases(tokens)


def compose(models, tune, *bars, continue_bars=0, num_steps=0, **options):
    gaps = find_gaps(tune, [parse_bars(text) for text in bars], num_steps, "a.mid", continue_bars)
    return gaps, compose_gaps(*models, Layout.of(tune, gaps), **{"sampler": QUICK} | options)


def notes(tune, gaps, inside):
    """Notes (start, end, pitch, velocity) that start inside of the gaps, or outside; ends are cut at a gap."""
    found = []
    for start, end, pitch, velocity in zip(
        tune.start_steps.tolist(), tune.end_steps.tolist(), tune.pitches.tolist(), tune.velocities.tolist(), strict=True
    ):
        if any(gap.first_step <= start < gap.end_step for gap in gaps) == inside:
            edges = [gap.first_step for gap in gaps if gap.first_step > start]
            found.append((start, min([end, *edges]), pitch, velocity))
    return found


# Melody's phrases, the gap in phrases, where the window of 32 phrases must start, rest phrases.
@pytest.mark.parametrize(
    ("num_phrases", "first", "count", "start", "rests"),
    [
        (6, 2, 2, 0, [4]),  # shorter than a piece
        (40, 0, 3, 0, []),  # at the very start
        (40, 18, 4, 6, [5, 30]),  # in the middle: the window with the fewest rests
        (40, 37, 3, 8, []),  # at the very end
    ],
)
def test_a_gap_is_infilled_from_the_phrases_around_it(models, num_phrases, first, count, start, rests):
    model, transform, vae = models
    tune = melody(num_phrases, rests)
    tokens, _ = tune.phrases()
    mean, _ = vae.encode(tokens)
    latents, keep = np.zeros((1, 32, 3)), np.zeros((1, 32), bool)
    for position, phrase in enumerate(range(start, min(start + 32, num_phrases))):
        if not first <= phrase < first + count and phrase not in rests:
            latents[0, position], keep[0, position] = transform.forward(mean[phrase : phrase + 1])[0], True
    scaled = infill(model, latents, keep, seed=3, sampler=QUICK)[0, first - start : first - start + count]
    expected = vae.decode(transform.inverse(scaled), 1e-3, 3)

    gaps, (composed,) = compose(models, tune, f"{2 * first + 1}-{2 * (first + count)}", seed=3)
    stream = tune.replace_steps(32 * first, expected.reshape(-1))
    assert notes(composed, gaps, inside=True) == notes(stream, gaps, inside=True) != []
    assert notes(composed, gaps, inside=False) == notes(tune, gaps, inside=False)


@pytest.mark.parametrize(
    ("name", "bars", "continue_bars"),
    [
        ("pop909/098", ["1-2"], 0),  # at the very start of 14 bars
        ("lakh/melody_2", ["1-40"], 0),  # longer than a window composes, with nothing known before it
        ("pop909/001", ["18-23.1", "39", "61.2-62.1"], 0),  # 2/4, odd bars, beats
        ("pop909/098", ["2-3"], 7),  # and beyond the end
        ("lakh/melody_4", [], 150),  # longer than a window
    ],
)
def test_notes_outside_of_the_gaps_of_real_tunes_stay(models, name, bars, continue_bars):
    tune, _ = choose_melody(read_melodies(DATA / f"{name}.mid"))
    gaps, (composed,) = compose(models, tune, *bars, continue_bars=continue_bars)
    assert notes(composed, gaps, inside=False) == notes(tune, gaps, inside=False)
    assert composed.num_steps == max(tune.num_steps, gaps[-1].end_step)
    long_gaps = [gap for gap in gaps if gap.end_step - gap.first_step >= 32]
    for gap in long_gaps:  # windows that follow each other leave nothing out
        starts = np.array([start for start, *_ in notes(composed, [gap], inside=True)])
        assert len(starts)
        assert np.diff(np.concatenate([[gap.first_step], starts, [gap.end_step]])).max() < 16 * 16


@given(st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_gaps_of_any_tune_leave_the_rest(models, data):
    num_phrases = data.draw(st.integers(3, 45))
    tune = melody(num_phrases, seed=data.draw(st.integers(0, 9)))
    beats = st.integers(0, 8 * num_phrases - 1)
    ranges = [sorted(data.draw(st.tuples(beats, beats))) for _ in range(data.draw(st.integers(1, 3)))]
    bars = [f"{first // 4 + 1}.{first % 4 + 1}-{last // 4 + 1}.{last % 4 + 1}" for first, last in ranges]
    continue_bars = data.draw(st.sampled_from([0, 0, 3]))
    inside = {step for first, last in ranges for step in range(4 * first, 4 * last + 4)}
    assume(any(start not in inside for start in tune.start_steps))  # there must be something to go by
    gaps, (composed,) = compose(models, tune, *bars, continue_bars=continue_bars)
    assert {step for gap in gaps for step in range(gap.first_step, gap.end_step)} == inside | set(
        range(tune.num_steps, tune.num_steps + 16 * continue_bars)
    )
    assert notes(composed, gaps, inside=False) == notes(tune, gaps, inside=False)


def test_gaps_that_are_far_apart_have_windows_of_their_own(models):
    tune = melody(100)
    gaps, (composed,) = compose(models, tune, "5-6", "101-102", "195-196")
    _, (alone,) = compose(models, tune, "5-6")
    assert notes(composed, gaps, inside=False) == notes(tune, gaps, inside=False)
    assert notes(composed, gaps[:1], inside=True) == notes(alone, gaps[:1], inside=True)
    patterns = [
        [(start - gap.first_step, pitch) for start, _, pitch, _ in notes(composed, [gap], True)] for gap in gaps
    ]
    assert patterns[0] != patterns[1] != patterns[2]


def test_what_stood_in_the_gap_has_no_influence(models):
    tune = melody(12)
    other = tune.replace_steps(75, np.full(69, 60, np.int8))
    gaps, (composed,) = compose(models, tune, "5.3-9", seed=1)
    _, (composed_again,) = compose(models, other, "5.3-9", seed=1)
    assert notes(composed, gaps, inside=True) == notes(composed_again, gaps, inside=True) != []


def test_a_take_is_the_same_in_any_company_and_takes_differ(models):
    tune = melody(20)
    gaps, three = compose(models, tune, "5.3-30", continue_bars=40, seed=2, num_takes=3)
    _, one = compose(models, tune, "5.3-30", continue_bars=40, seed=2)
    assert notes(three[0], gaps, True) == notes(one[0], gaps, True)
    lines = [tuple(notes(take, gaps, True)) for take in three]
    assert len(set(lines)) == 3
    for take in three:
        assert notes(take, gaps, False) == notes(tune, gaps, False)


def test_a_pickup_moves_the_grid_of_phrases(models):
    """A tune after a pickup of one beat is composed as the tune without it."""
    plain = melody(8)
    moved = dataclasses.replace(
        plain,
        start_steps=plain.start_steps + 4,
        end_steps=plain.end_steps + 4,
        num_steps=plain.num_steps + 4,
        first_bar=None,
        time_signatures=((0, 1, 4), (4, 4, 4)),
    )
    gaps, (expected,) = compose(models, plain, "5-6")
    moved_gaps, (composed,) = compose(models, moved, "6-7")
    found = [(start - 4, end - 4, *rest) for start, end, *rest in notes(composed, moved_gaps, True)]
    assert found == notes(expected, gaps, True) != []


def test_nothing_to_go_by_within_reach_is_an_error(models):
    tune = melody(80, rests=range(1, 80))
    with pytest.raises(ValueError, match="no note within 64 bars of bar 159"):
        compose(models, tune, "159-160", num_steps=160 * 16)
