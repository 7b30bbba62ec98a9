"""Piano rolls of melodies, as pictures."""

import dataclasses
import io
import itertools
import math
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_symdiff import constants
from keras_symdiff.files.readable_name import readable_name
from keras_symdiff.music.chord_symbols import Chords
from keras_symdiff.music.grid import Grid
from keras_symdiff.music.melody import Melody
from keras_symdiff.write_atomically import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _ROW_HEIGHT = 10.0, 1.8  # inches; fits a text width when scaled to 70 %
_BARS_PER_ROW, _MOST_ROWS = 16, 16  # of one melody
_SYMBOL_SIZE, _LEAST_SIZE = 8.0, 3.5  # points
_LETTER_WIDTH = 0.7  # of a letter's size, with some room
_GIVEN, _NEW = "#1f4e79", "#c55a11"  # apart in greyscale too
_SEMITONES = 12
_NOTE_GAP = 0.3 / constants.STEPS_PER_BAR  # bars; keeps repeated notes apart


def plot_piano_roll(
    melodies: Melody | Sequence[Melody],
    path: str | os.PathLike,
    highlight_steps: Sequence[tuple[int, int]] = (),
    title: str | None = None,
    chords: Chords | None = None,
) -> None:
    """Draws melodies as piano rolls, and writes the picture.

    Bars are counted from 1, as on the command line. One melody is broken into rows of 16 bars, or more where it would
    need over 16 rows; several stand above each other, a row each, and share their axes.

    Args:
        melodies: one, or several, which their names tell apart.
        path: path of the picture; its suffix (`.png`, `.pdf`, `.svg`) names the format.
        highlight_steps: pairs of first and end step, stretches that are framed as new.
        title: text above the picture.
        chords: a progression whose symbols stand above the last melody, as far as they can be read there, repeated:
            from bar 1 to the end, or anew above each stretch that is framed. Defaults to `None`: none.

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
    bars_per_row = end_bar - first_bar
    if len(melodies) == 1 and bars_per_row > _BARS_PER_ROW:
        doublings = max(0, math.ceil(math.log2(bars_per_row / (_BARS_PER_ROW * _MOST_ROWS))))
        bars_per_row = _BARS_PER_ROW << doublings
    rows = [(_bars(melody, bar, bar + bars_per_row), bar, chords if melody is melodies[-1] else None)
            for melody in melodies for bar in range(first_bar, end_bar, bars_per_row)]  # fmt: skip

    height = _ROW_HEIGHT * len(rows) + (0.9 if title else 0.6)
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    if title:
        figure.suptitle(readable_name(title), fontsize=11, parse_math=False)  # `$` is a character of file names
    figure.supxlabel("bar", fontsize=9)
    figure.supylabel("note (C4 is middle C)", fontsize=9)
    all_axes = figure.subplots(len(rows), 1, sharey=True, squeeze=False)[:, 0]
    for axes, (melody, bar, named) in zip(all_axes, rows, strict=True):
        new = np.zeros(len(melody.pitches), dtype=bool)
        for first_step, end_step in highlight_steps:
            new |= (melody.start_steps >= first_step) & (melody.start_steps < end_step)
            first, end = melody.grid.places([first_step, end_step])
            axes.axvspan(first, end, facecolor=_NEW, alpha=0.08, zorder=0)
            axes.axvspan(first, end, fill=False, edgecolor=_NEW, linewidth=1.4, zorder=4)
        draw_notes(axes, melody, np.where(new, _NEW, _GIVEN))
        if len(melodies) > 1:
            pad = 6 if named is None else 6 + _SYMBOL_SIZE  # points above the symbols
            axes.set_title(readable_name(melody.name), fontsize=9, loc="left", pad=pad, parse_math=False)
        axes.grid(color="0.85", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=8, length=2)
        axes.spines[["top", "right"]].set_visible(False)
        last = min(bar + bars_per_row, end_bar)
        spacing = next(step for step in (1, 2, 4, 8, 16, 32, 64, 128, 256) if bars_per_row / step <= 20)
        # Labels at bars 1, 5, 9, ...: where four-bar groups begin.
        axes.set_xticks(np.arange((bar - 1) // spacing * spacing + 1, last + 1, spacing))
        axes.set_xlim(bar, bar + bars_per_row)
        for first_step, end_step in highlight_steps or [(0, melody.grid.bar_step(end_bar - 1))]:
            if named is not None:
                draw_chords(axes, named, melody.grid, first_step, end_step)
    set_pitch_axis(all_axes[0], melodies)

    picture = io.BytesIO()
    figure.savefig(picture, format=pathlib.Path(path).suffix.lstrip(".") or "png", dpi=200)
    write_atomically(path, picture.getvalue())


def _bars(melody, first, end):
    """A melody with those notes alone that sound between two bars."""
    inside = (melody.grid.places(melody.end_steps) > first) & (melody.grid.places(melody.start_steps) < end)
    names = ("pitches", "start_steps", "end_steps", "velocities")
    return dataclasses.replace(melody, **{name: getattr(melody, name)[inside] for name in names})


def draw_chords(axes: "Axes", chords: Chords, grid: Grid, first_step: int, end_step: int) -> None:
    """Writes the symbols of a progression above a stretch of a piano roll, unless they would be too small to read.

    Args:
        axes: x is time in bars, counted from 1; its limits say what is shown, and how much room a bar has.
        chords: the progression, which begins with the stretch's first bar and is repeated.
        grid: the song's bars.
        first_step: where the stretch begins.
        end_step: where it ends.
    """
    low, high = axes.get_xlim()
    room = 72 * _WIDTH / (high - low) / max(len(" ".join(bar)) for bar in chords.bars)  # points for each letter
    size = min(_SYMBOL_SIZE, room / _LETTER_WIDTH)
    if size < _LEAST_SIZE:
        return
    left, right = np.clip(grid.places([first_step, end_step]), low, high)
    first_bar = grid.bar_of(first_step) + 1
    for number in range(first_bar, grid.bar_of(end_step - 1) + 2):
        symbols = chords.bars[(number - first_bar) % len(chords.bars)]
        borders = np.linspace(number, number + 1, len(symbols) + 1).clip(left, right)
        for symbol, (start, end) in zip(symbols, itertools.pairwise(borders), strict=True):
            if start < end:
                place = (start + end) / 2
                axes.annotate(symbol, (place, 1.02), xycoords=("data", "axes fraction"), ha="center", fontsize=size)


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
