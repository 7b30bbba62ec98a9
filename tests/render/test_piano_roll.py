import matplotlib.image
import numpy as np
import pytest

from keras_symdiff import Melody
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


def test_a_melody_without_notes_can_be_drawn(tmp_path):
    plot_piano_roll(Melody.from_phrases(np.zeros((2, 32), int)), tmp_path / "rest.svg", title="rest")
    assert "rest" in (tmp_path / "rest.svg").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["rest.svg"]
