import re

import matplotlib.image
import numpy as np
import pytest

from keras_symdiff import Melody
from keras_symdiff.music.chord_symbols import Chords
from keras_symdiff.render.piano_roll import plot_piano_roll

MELODY = Melody([60, 64, 67, 60], [0, 16, 32, 48], [16, 32, 48, 64], name="tune")


def test_highlighted_bars_are_framed_and_the_others_are_not(tmp_path):
    plain, framed = tmp_path / "plain.png", tmp_path / "framed.png"
    plot_piano_roll(MELODY, plain)
    plot_piano_roll(MELODY, framed, highlight_steps=[(32, 64)])
    difference = np.abs(matplotlib.image.imread(plain) - matplotlib.image.imread(framed)).max(axis=(0, 2))
    middle = len(difference) // 2  # bars 1-2 | 3-4; the axis labels shift the border to the right
    assert not difference[: middle - 20].any()
    assert (difference[middle + 100 : -100] > 0).all()


def test_a_sheet_has_a_row_for_each_melody(tmp_path):
    plot_piano_roll(MELODY, tmp_path / "one.png")
    plot_piano_roll([MELODY] * 3, tmp_path / "three.png")
    one, three = (matplotlib.image.imread(tmp_path / name).shape[0] for name in ("one.png", "three.png"))
    assert three > 2 * one
    with pytest.raises(ValueError, match="at least one"):
        plot_piano_roll([], tmp_path / "none.png")


def test_a_long_melody_is_broken_into_rows(tmp_path):
    heights = []
    for bars in (16, 17, 256, 512, 4096):
        plot_piano_roll(Melody.from_phrases(np.full((-(-bars // 2), 32), 41)), tmp_path / "a.png")
        heights.append(matplotlib.image.imread(tmp_path / "a.png").shape[0])
    row = heights[1] - heights[0]
    assert [round((height - heights[0]) / row) + 1 for height in heights] == [1, 2, 16, 16, 16]


def test_chords_stand_above_the_bars_and_labels_say_what_is_drawn(tmp_path):
    plot_piano_roll(
        MELODY, tmp_path / "a.svg", title="New melody over chords", chords=Chords.parse("C | F#m7b5 G7 | %")
    )
    texts = re.findall("<!-- (.*?) -->", (tmp_path / "a.svg").read_text())
    assert [text for text in texts if text in ("C", "F#m7b5", "G7")] == ["C", "F#m7b5", "G7", "F#m7b5", "G7", "C"]
    assert {"New melody over chords", "bar", "note (C4 is middle C)", "C4"} <= set(texts)


@pytest.mark.parametrize(
    ("phrases", "framed", "symbols"),
    [
        (4, [(16, 64)], ["C", "F#m7b5", "G7", "F#m7b5", "G7"]),
        (4, [(0, 16), (40, 56)], ["C", "C", "F#m7b5"]),  # bar 1; bars 3.3-4.2
        (128, [(16, 64)], []),  # too small to read
    ],
)
def test_chords_stand_above_framed_stretches_of_the_last_melody(tmp_path, phrases, framed, symbols):
    before, after = (Melody.from_phrases(np.full((phrases, 32), 41), name=name) for name in ("before", "after"))
    plot_piano_roll([before, after], tmp_path / "a.svg", framed, chords=Chords.parse("C | F#m7b5 G7 | %"))
    texts = re.findall("<!-- (.*?) -->", (tmp_path / "a.svg").read_text())
    assert [text for text in texts if text in ("C", "F#m7b5", "G7")] == symbols


def test_a_melody_without_notes_can_be_drawn(tmp_path):
    plot_piano_roll(Melody.from_phrases(np.zeros((2, 32), int)), tmp_path / "rest.svg", title="rest")
    assert "rest" in (tmp_path / "rest.svg").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["rest.svg"]
