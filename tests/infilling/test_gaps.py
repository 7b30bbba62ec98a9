import pathlib

import numpy as np
import pytest

from keras_symdiff.infilling.gaps import Gap, cut_out, find_gaps, kept_notes, parse_bars
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.song import MidiError, Song
from keras_symdiff.render.bar_picture import draw_bars

SONG = pathlib.Path(__file__).parents[1] / "data" / "pop909" / "331.mid"

# Starts in bar 5 and ends in bar 12.
LATE = Melody(pitches=[60, 62], start_steps=[4 * 16 + 4, 11 * 16], end_steps=[5 * 16, 11 * 16 + 4])
# A pickup of one quarter.
UPBEAT = Melody([60, 62, 64], [0, 4, 36], [4, 20, 52], time_signatures=((0, 1, 4), (4, 4, 4)))


def found(melody, *texts, num_steps=0, continue_bars=0):
    gaps = find_gaps(melody, [parse_bars(text) for text in texts], num_steps, "a.mid", continue_bars)
    return [(gap.first_step, gap.end_step, gap.name) for gap in gaps]


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("17-32", ((17, None), (32, None))),
        ("17", ((17, None), (17, None))),
        (" 1 - 2 ", ((1, None), (2, None))),
        ("005-6", ((5, None), (6, None))),
        ("17.3-18.2", ((17, 3), (18, 2))),
        ("17.3", ((17, 3), (17, 3))),
        ("17.3-17", ((17, 3), (17, None))),
        ("17-17.2", ((17, None), (17, 2))),
    ],
)
def test_bars_are_read(text, bars):
    assert parse_bars(text) == bars


@pytest.mark.parametrize(
    "text",
    ["", "x", "17-", "-17", "17:32", "0-4", "20-10", "1-2-3", "17_32", "17.3-17.2", "17.0", "17.100", "17.", "³"],
)
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="FIRST-LAST, counted from 1"):
        parse_bars(text)


def test_gaps_are_bars_or_beats_wherever_the_melody_starts():
    assert found(LATE, "6-7") == [(80, 112, "6-7")]
    assert found(LATE, "5") == [(64, 80, "5")]
    assert found(LATE, "1") == [(0, 16, "1")]
    assert found(LATE, "6.3-7.2") == [(88, 104, "6.3-7.2")]
    assert found(LATE, "6.3") == [(88, 92, "6.3")]
    assert found(LATE, "6.1-7.4") == [(80, 112, "6-7")]
    assert found(LATE, "20", num_steps=320) == [(304, 320, "20")]


def test_gaps_are_in_order_and_those_that_touch_are_one():
    assert found(LATE, "10", "6-7", "7-8", "9.1") == [(80, 132, "6.1-9.1"), (144, 160, "10")]
    assert found(LATE, "5-8", "6") == [(64, 128, "5-8")]


def test_bars_beyond_the_last_one():
    assert found(LATE, continue_bars=3) == [(192, 240, "13-15")]
    assert found(LATE, "12", continue_bars=100) == [(176, 1792, "12-112")]
    assert found(UPBEAT, continue_bars=1) == [(52, 68, "5")]
    with pytest.raises(MidiError, match="longer than 4096 bars"):
        found(LATE, continue_bars=5000)


def test_a_pickup_is_the_first_bar():
    assert UPBEAT.grid.bar_lines(52).tolist() == [0, 4, 20, 36, 52]
    assert found(UPBEAT, "1") == [(0, 4, "1")]
    assert found(UPBEAT, "2-3") == [(4, 36, "2-3")]
    assert found(UPBEAT, "2.2") == [(8, 12, "2.2")]
    with pytest.raises(MidiError, match=r"bar 1 has 1 beats, so there is no 1\.2"):
        found(UPBEAT, "1.2")
    # Signatures that are no pickup: a tune in 1/4 throughout, as POP909's are.
    assert Melody([60], [0], [4], time_signatures=((0, 1, 4),)).grid.pickup_steps == 0
    assert Melody([60], [0], [4], time_signatures=((0, 4, 4), (16, 2, 4))).grid.pickup_steps == 0
    waltz = Melody([60], [0], [4], time_signatures=((0, 3, 4), (12, 4, 4)))
    assert waltz.grid.pickup_steps == 12


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["12-13"], "bar 13 is outside the piece's bars 1-12"),
        (["100-101"], "bar 100 is outside the piece's bars 1-12"),
        (["6.5"], r"bar 6 has 4 beats, so there is no 6\.5"),
        (["5-12"], "no notes outside of bars 5-12, which leaves nothing to compose from"),
        (["1-6", "10-12"], "no notes outside of bars 1-6, 10-12"),
    ],
)
def test_bars_that_cannot_be_composed_are_refused(texts, message):
    with pytest.raises(MidiError, match=message):
        found(LATE, *texts)


@pytest.mark.parametrize(
    ("signatures", "bars", "gap"),
    [
        (((0, 3, 4),), "2-3", (12, 36, "2-3")),
        (((0, 6, 8),), "2.3", (16, 18, "2.3")),
        (((0, 12, 8),), "1.10-1.12", (18, 24, "1.10-1.12")),
        (((0, 2, 4),), "9-12", (64, 96, "9-12")),
        (((0, 4, 4), (64, 2, 4), (72, 4, 4)), "5-6", (64, 88, "5-6")),
        (((0, 7, 32), (16, 4, 4)), "5-6", (16, 48, "5-6")),
    ],
)
def test_bars_are_those_of_the_file(signatures, bars, gap):
    assert found(Melody([60, 62], [0, 200], [4, 204], time_signatures=signatures), bars) == [gap]


def test_only_bars_that_are_no_sixteenths_are_refused():
    melody = Melody([60, 62], [0, 200], [4, 204], time_signatures=((0, 4, 4), (16, 7, 32), (20, 4, 4)))
    assert found(melody, "1") == [(0, 16, "1")]
    with pytest.raises(MidiError, match="bar 2 is in 7/32, which is no whole number of sixteenth notes"):
        found(melody, "1-3")


def test_kept_notes_start_outside():
    assert kept_notes(LATE, [Gap(70, 176, "")]).tolist() == [True, True]
    assert kept_notes(LATE, [Gap(0, 69, ""), Gap(180, 190, "")]).tolist() == [False, True]


def test_the_picture_shows_what_is_kept():
    gaps = [Gap(88, 104, "6.3-7.2"), Gap(192, 208, "13")]
    assert draw_bars(LATE, gaps, LATE.grid.bar_lines(208)).splitlines() == [
        "= kept   . kept rest   # composed",
        "   1 |....|....|....|....|.===|..##|##..|....|",
        "   9 |....|....|....|=...|####|",
    ]
    assert (
        draw_bars(UPBEAT, [Gap(0, 4, "1")], UPBEAT.grid.bar_lines(UPBEAT.num_steps)).splitlines()[1]
        == "   1 |#|====|....|====|"
    )


def test_a_note_that_stays_splits_its_gap():
    song = Song.open(SONG)
    melody = song.melodies()[0]
    gaps = find_gaps(melody, [parse_bars("9-12")], song.num_steps, "a.mid")
    inside = np.flatnonzero(~kept_notes(melody, gaps))
    middle = inside[len(inside) // 2]
    first, end = melody.start_steps[middle], melody.end_steps[middle]
    notes = song.tracks[0].notes
    (place,) = np.flatnonzero((song.grid.steps(notes.start) == first) & (notes.pitch == melody.pitches[middle]))
    note = (int(notes.start[place]), int(notes.pitch[place]))
    cut = cut_out(gaps, melody, [note], song)
    assert [(gap.first_step, gap.end_step) for gap in cut] == [(128, first), (end, 192)]
    with pytest.raises(ValueError, match=f"no note of pitch {note[1] + 1} at tick {note[0]}"):
        cut_out(gaps, melody, [(note[0], note[1] + 1)], song)
    with pytest.raises(ValueError, match="leaves nothing to compose"):
        cut_out([Gap(int(first), int(end), "")], melody, [note], song)
