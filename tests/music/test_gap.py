import numpy as np
import pytest

from keras_symdiff.music.gap import find_gap, parse_bars
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.midi import MidiError

# Starts in bar 5 and ends in bar 12: phrases at bars 5, 7, 9 and 11.
LATE = Melody(pitches=[60, 62], start_steps=[4 * 16 + 4, 11 * 16], end_steps=[5 * 16, 11 * 16 + 4])


@pytest.mark.parametrize(
    ("text", "bars"), [("17-32", (17, 32)), ("17", (17, 17)), (" 1 - 2 ", (1, 2)), ("005-6", (5, 6))]
)
def test_bars_are_read(text, bars):
    assert parse_bars(text) == bars


@pytest.mark.parametrize("text", ["", "x", "17-", "-17", "17:32", "0-4", "20-10", "1.5-3", "1-2-3", "17_32"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="FIRST-LAST, counted from 1"):
        parse_bars(text)


@pytest.mark.parametrize(
    ("bars", "phrases", "covered"),
    [
        ((5, 6), (0, 1), (5, 6)),
        ((6, 7), (0, 2), (5, 8)),
        ((7, 7), (1, 1), (7, 8)),
        ((5, 12), (0, 4), (5, 12)),
        ((12, 12), (3, 1), (11, 12)),
    ],
)
def test_the_gap_covers_the_bars_with_whole_phrases_of_the_melody(bars, phrases, covered):
    gap = find_gap(LATE, *bars, "a.mid")
    assert (gap.first_phrase, gap.num_phrases) == phrases
    assert (gap.first_bar, gap.last_bar) == covered
    assert (gap.first_step, gap.end_step) == ((covered[0] - 1) * 16, covered[1] * 16)


@pytest.mark.parametrize("bars", [(4, 6), (1, 4), (12, 13), (100, 101)])
def test_bars_outside_the_melody_are_refused(bars):
    with pytest.raises(MidiError, match=f"a.mid: bars {bars[0]}-{bars[1]} are outside the melody's bars 5-12"):
        find_gap(LATE, *bars, "a.mid")


def test_at_most_a_piece_is_composed_at_once():
    long = Melody.from_phrases(np.full((40, 32), 41))
    assert find_gap(long, 3, 66, "a.mid").num_phrases == 32
    with pytest.raises(MidiError, match="at most 64 bars"):
        find_gap(long, 4, 67, "a.mid")


def test_other_meters_are_refused():
    waltz = Melody([60], [0], [4], time_signatures=((0, 3, 4),))
    with pytest.raises(MidiError, match="3/4 at bar 1"):
        find_gap(waltz, 1, 2, "a.mid")
