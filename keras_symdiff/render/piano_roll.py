"""Piano rolls of melodies, as pictures."""

import io
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_symdiff import constants
from keras_symdiff.files.readable_name import readable_name
from keras_symdiff.music.melody import Melody
from keras_symdiff.write_atomically import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _ROW_HEIGHT = 10.0, 2.2  # inches; fits a text width when scaled to 70 %
_GIVEN, _NEW = "#1f4e79", "#c55a11"  # apart in greyscale too
_SEMITONES = 12
_NOTE_GAP = 0.3 / constants.STEPS_PER_BAR  # bars; keeps repeated notes apart


def plot_piano_roll(
    melodies: Melody | Sequence[Melody],
    path: str | os.PathLike,
    highlight_steps: Sequence[tuple[int, int]] = (),
    title: str | None = None,
) -> None:
    """Draws melodies as piano rolls, one row each, and writes the picture.

    Bars are 4/4 bars counted from 1 at the start of the file, as on the command line. All rows share their axes.

    Args:
        melodies: one, or several.
        path: path of the picture; its suffix (`.png`, `.pdf`, `.svg`) names the format.
        highlight_steps: pairs of first and end step, stretches that are framed as new.
        title: text above the picture.

    Raises:
        ValueError: if there is no melody.
        OSError: if the file cannot be written.

    Example:
    ```python
    melody = read_melodies("song.mid")[0]
    plot_piano_roll([melody, melody], "infilled.png", highlight_steps=[(16 * 16, 32 * 16)])  # bars 17 to 32
    ```
    """
    # The figure object alone: pyplot would keep every figure and pick a window system.
    from matplotlib.figure import Figure

    melodies = [melodies] if isinstance(melodies, Melody) else list(melodies)
    if not melodies:
        raise ValueError("A piano roll needs at least one melody. Received: melodies=[]")
    first_bar = min(melody.first_bar or 0 for melody in melodies) + 1
    end_bar = max(first_bar + 1, *(melody.num_bars + 1 for melody in melodies))

    height = _ROW_HEIGHT * len(melodies) + (0.9 if title else 0.6)
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    if title:
        figure.suptitle(readable_name(title), fontsize=11, parse_math=False)  # `$` is a character of file names
    rows = figure.subplots(len(melodies), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, melody in zip(rows, melodies, strict=True):
        new = np.zeros(len(melody.pitches), dtype=bool)
        for first_step, end_step in highlight_steps:
            new |= (melody.start_steps >= first_step) & (melody.start_steps < end_step)
            first, end = melody.grid.places([first_step, end_step])
            axes.axvspan(first, end, facecolor=_NEW, alpha=0.08, zorder=0)
            axes.axvspan(first, end, fill=False, edgecolor=_NEW, linewidth=1.4, zorder=4)
        draw_notes(axes, melody, np.where(new, _NEW, _GIVEN))
        axes.set_ylabel(readable_name(melody.name[:24]) or "pitch", fontsize=9, parse_math=False)
        axes.grid(axis="y", color="0.85", linewidth=0.6)
        axes.grid(axis="x", color="0.85", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=8, length=2)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    set_pitch_axis(rows[0], melodies)
    spacing = next(step for step in (1, 2, 4, 8, 16, 32, 64, 128, 256) if (end_bar - first_bar) / step <= 20)
    # Labels at bars 1, 5, 9, ...: where four-bar groups begin.
    rows[0].set_xticks(np.arange((first_bar - 1) // spacing * spacing + 1, end_bar + 1, spacing))
    rows[0].set_xlim(first_bar, end_bar)
    rows[-1].set_xlabel("bar", fontsize=9)

    picture = io.BytesIO()
    figure.savefig(picture, format=pathlib.Path(path).suffix.lstrip(".") or "png", dpi=200)
    write_atomically(path, picture.getvalue())


def draw_notes(axes: "Axes", melody: Melody, colors: Any, edge_width: float = 0.0) -> None:
    """Draws the notes of a melody into axes, and nothing else.

    Args:
        axes: x is time in 4/4 bars, counted from 1, and y the MIDI pitch.
        melody: the melody.
        colors: a colour, or one for each note.
        edge_width: points by which notes grow in each direction, so that in small rolls short notes can be
            seen. Defaults to `0.0`.
    """
    from matplotlib.collections import PolyCollection

    left, right = melody.grid.places(melody.start_steps), melody.grid.places(melody.end_steps) - _NOTE_GAP
    low, high = melody.pitches - 0.45, melody.pitches + 0.45
    corners = np.stack([left, low, left, high, right, high, right, low], axis=-1).reshape(-1, 4, 2)
    # One collection: a sheet of pieces has thousands of notes, and an artist for each takes 30 times as long.
    notes = PolyCollection(list(corners), facecolors=colors, linewidths=2 * edge_width, snap=False, zorder=3)
    notes.set(edgecolor="face", joinstyle="miter")
    axes.add_collection(notes, autolim=False)


def set_pitch_axis(axes: "Axes", melodies: Sequence[Melody], max_labels: int = 11) -> None:
    """Fits the pitch axis to all notes of some melodies and labels its octaves, C4 being MIDI pitch 60.

    Args:
        axes: the axes.
        melodies: those whose notes must fit.
        max_labels: octaves are left out evenly beyond as many. Defaults to `11`, all of MIDI.
    """
    pitches = np.concatenate([melody.pitches for melody in melodies])
    lowest, highest = (pitches.min(), pitches.max()) if len(pitches) else (60, 72)
    # At least an octave, so that a narrow tune is not blown up and has a labelled C.
    margin = max(2, (_SEMITONES + 2 - (highest - lowest)) / 2)
    low, high = lowest - margin, highest + margin
    octaves = np.arange(-(-low // _SEMITONES) * _SEMITONES, high, _SEMITONES, dtype=int)
    apart = -(-len(octaves) // max_labels)
    octaves = octaves[octaves // _SEMITONES % apart == 5 % apart]  # 5: the octave of C4 keeps its label
    axes.set_yticks(octaves, [f"C{octave // _SEMITONES - 1}" for octave in octaves])
    axes.set_ylim(low, high)
