import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_symdiff.music.grid import Grid, Metre
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.swing import Swing

# Each metre whose bars are a whole number of sixteenths.
METRES = [(n, d) for d in (1, 2, 4, 8, 16) for n in range(1, 19)] + [(6, 32), (12, 32)]


@st.composite
def signatures(draw):
    """Time signatures anywhere, on bar lines or not."""
    steps = draw(st.lists(st.integers(1, 200), max_size=6, unique=True))
    return tuple((step, *draw(st.sampled_from(METRES))) for step in [0, *sorted(steps)])


def half_layout(signatures, num_steps, first_bar=0):
    """The phrases by halves: (first step, number of real steps) of each 16 steps."""
    steps = Grid.from_signatures(signatures).phrase_steps(first_bar, num_steps).reshape(-1, 16)
    return [(int(half[half >= 0][0]) if (half >= 0).any() else None, int((half >= 0).sum())) for half in steps]


@pytest.mark.parametrize(
    ("metre", "halves"),
    [
        ((4, 4), [(0, 16), (16, 16), (32, 16), (48, 16)]),
        ((2, 2), [(0, 16), (16, 16), (32, 16), (48, 16)]),
        ((8, 4), [(0, 16), (16, 16), (32, 16), (48, 16)]),
        ((2, 4), [(0, 16), (16, 16), (32, 16), (48, 16)]),  # two bars each
        ((3, 4), [(0, 12), (12, 12), (24, 12), (36, 12)]),
        ((6, 8), [(0, 12), (12, 12), (24, 12), (36, 12)]),
        ((3, 8), [(0, 12), (12, 12), (24, 12), (36, 12)]),  # two bars each
        ((5, 4), [(0, 12), (12, 8), (20, 12), (32, 8)]),  # divided into 3 and 2 beats
        ((9, 8), [(0, 12), (12, 6), (18, 12), (30, 6)]),
        ((12, 8), [(0, 12), (12, 12), (24, 12), (36, 12)]),
        ((7, 8), [(0, 14), (14, 14), (28, 14), (42, 14)]),
        ((5, 16), [(0, 10), (10, 10), (20, 10), (30, 10)]),
        ((7, 4), [(0, 16), (16, 12), (28, 16), (44, 12)]),
        ((9, 4), [(0, 16), (16, 16), (32, 4), (None, 0)]),  # longer than a phrase: begins with one
    ],
)
def test_bars_are_filled_up_to_multiples_of_16_steps(metre, halves):
    assert half_layout(((0, *metre),), 64)[:4] == halves


def test_phrases_begin_on_bar_lines_after_an_odd_bar_too():
    odd = ((0, 4, 4), (64, 2, 4), (72, 4, 4))
    assert half_layout(odd, 120) == [(0, 16), (16, 16), (32, 16), (48, 16), (64, 8), (72, 16), (88, 16), (104, 16)]
    # A bar of two halves begins with a phrase.
    long = ((0, 4, 4), (16, 12, 8))
    assert half_layout(long, 64) == [(0, 16), (None, 0), (16, 12), (28, 12), (40, 12), (52, 12)]
    # Of two bars of 2/4 that share 16 steps, one may be alone.
    assert half_layout(((0, 2, 4), (24, 3, 4)), 48) == [(0, 16), (16, 8), (24, 12), (36, 12)]


def test_a_pickup_ends_its_sixteen_steps():
    steps = Grid.from_signatures(((0, 1, 4), (4, 3, 4))).phrase_steps(0, 28)
    assert steps[0].tolist() == [-1] * 8 + [0, 1, 2, 3] + [-1] * 4 + list(range(4, 16)) + [-1] * 4
    assert Grid.from_signatures(((0, 4, 4), (4, 4, 4))).pickup_steps == 4  # as notation programs write it
    assert Grid.from_signatures(((0, 4, 4), (16, 3, 4))).pickup_steps == 0
    assert Grid.from_signatures(((0, 1, 4), (4, 3, 4))).places(np.array([0, 4, 10])).tolist() == [1 + 8 / 12, 2, 2.5]


def test_one_beat_that_stays_is_no_bar():
    assert Grid.from_signatures(((0, 1, 4),)).bar_lines(40).tolist() == [0, 16, 32, 48]
    assert Grid.from_signatures(((0, 2, 4), (16, 1, 4), (28, 2, 4))).bar_lines(40).tolist() == [
        0, 8, 16, 20, 24, 28, 36, 44,
    ]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(signatures(), st.integers(1, 300), st.data())
def test_every_step_of_a_song_has_one_place_in_its_phrases(signatures, num_steps, data):
    grid = Grid.from_signatures(signatures)
    first_bar = data.draw(st.integers(0, grid.bar_of(num_steps - 1)))
    steps = grid.phrase_steps(first_bar, num_steps)
    real = steps[steps >= 0]
    start = grid.bar_step(first_bar)
    np.testing.assert_array_equal(real, np.arange(start, start + len(real)))
    assert start + len(real) >= num_steps
    assert len(steps) == 0 or (steps[-1] >= 0).any()
    longer = grid.phrase_steps(first_bar, num_steps + 77)
    np.testing.assert_array_equal(longer[: len(steps)], steps)
    borders = grid.phrase_borders(first_bar, num_steps)
    assert len(borders) == steps.size + 1
    assert (np.diff(borders) == (steps.reshape(-1) >= 0)).all()
    lines = set(grid.bar_lines(num_steps + 400).tolist())
    for phrase in steps:  # it begins on a bar line, unless a bar is longer than a phrase
        first = phrase[phrase >= 0][0]
        is_long = grid.metre_of(first).bar_steps > 32 or (grid.pickup_steps and grid.metres[1].bar_steps > 32)
        assert first in lines or is_long


@settings(max_examples=150, deadline=None)
@given(signatures(), st.integers(24, 1000), st.sampled_from([0.5, 0.55, 0.62, 2 / 3]), st.sampled_from([4, 2]))
def test_ticks_of_steps_are_theirs_again(signatures, ticks_per_quarter, ratio, pair):
    grid = Grid.from_signatures(signatures, ticks_per_quarter)
    steps = np.arange(400)
    ticks = grid.ticks(steps)
    assert (np.diff(ticks) > 0).all()
    np.testing.assert_array_equal(grid.steps(ticks), steps)
    bars = grid.bar_of(steps)
    assert set(np.diff(bars)) <= {0, 1}
    assert (grid.bar_step(bars) <= steps).all()
    again = Grid.from_ticks(ticks_per_quarter, [(grid.ticks(step), n, d) for step, n, d in grid.signatures])
    assert again.signatures == grid.signatures
    assert [metre[1:] for metre in again.metres] == [metre[1:] for metre in grid.metres]
    for swing in (Swing(ratio, pair), Swing(2 / 3, triplets=True)):
        swung = Grid(ticks_per_quarter, grid.metres, grid.signatures, swing)
        np.testing.assert_array_equal(swung.steps(swung.ticks(steps)), steps)


@settings(max_examples=100, deadline=None)
@given(signatures(), st.data())
def test_melodies_survive_phrases_in_any_metre(signatures, data):
    starts = np.cumsum(data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=40)))
    melody = Melody(np.full(len(starts), 60), starts, starts + 1, time_signatures=signatures)
    tokens, rests = melody.phrases()
    filled = melody.phrase_steps < 0
    assert not tokens[filled].any()
    assert (tokens >= 2).sum() == len(starts)
    again = Melody.from_phrases(tokens, first_bar=melody.first_bar, time_signatures=signatures)
    assert again.start_steps.tolist() == melody.start_steps.tolist()
    # A group of bars that the last phrase ends within is whole afterwards: silent phrases may follow.
    tokens_again, rests_again = again.phrases()
    np.testing.assert_array_equal(tokens_again[: len(tokens)], tokens)
    np.testing.assert_array_equal(rests_again[: len(tokens)], rests)
    assert rests_again[len(tokens) :].all()
    if filled.any():
        tokens = np.where(filled, 41, 0)
        with pytest.raises(ValueError, match="steps that fill a bar up"):
            Melody.from_phrases(tokens, first_bar=melody.first_bar, time_signatures=signatures)


def test_a_signature_near_a_bar_line_belongs_to_it():
    straight = Grid.from_ticks(480, [(0, 4, 4), (4 * 1920, 3, 4)])
    assert Grid.from_ticks(480, [(3, 4, 4), (4 * 1920 - 20, 3, 4)]).metres == straight.metres
    assert straight.metres == (Metre(0, 0, 4, 4), Metre(7680, 64, 3, 4))
    assert Grid.from_ticks(480, [(bar * 960, 2, 4) for bar in range(99)]).metres == (Metre(0, 0, 2, 4),)


def test_bars_of_no_whole_sixteenths_are_counted_up_and_named():
    grid = Grid.from_ticks(480, [(0, 4, 4), (1920, 7, 32), (1920 + 420, 4, 4)])
    assert grid.bar_lines(40).tolist() == [0, 16, 20, 36, 52]
    assert [metre.is_whole for metre in grid.metres] == [True, False, True]
    assert grid.ticks(np.array([16, 20, 36])).tolist() == [1920, 2340, 2340 + 1920]
    assert grid.steps(np.array([1920, 2339, 2340])).tolist() == [16, 19, 20]
