"""Turns POP909 into clean one-melody MIDI files, as training data for keras_symdiff.

    python examples/pop909_melodies.py POP909_FOLDER OUTPUT_FOLDER

The folder holds `NNN.mid` and `NNN.beats.txt` (one row a quarter note: seconds, beat flag, downbeat flag). Tempo and
time signature events of these MIDI files are meaningless as metre, so each song is put on its annotated beats: every
bar begins on a downbeat. A bar of two, three, five or six quarters is filled up to whole 4/4 bars; songs that are not
in four are left out. The line is the MELODY track, and the BRIDGE track in bars in which MELODY starts no note (the
top note of both would leap from one to the other and back).
"""

import pathlib

import click
import numpy as np
import symusic

from keras_symdiff import Melody, write_midi
from keras_symdiff.constants import STEPS_PER_BAR, STEPS_PER_QUARTER

MARGIN = 8  # beats added on both sides, for notes outside the annotated ones


def beat_positions(downbeats):
    """Positions of beats in quarters, with each bar filled up to a multiple of four; pickup beats end the first bar."""
    rows = np.flatnonzero(downbeats)
    lengths = np.diff(np.append(rows, len(downbeats)))
    starts = np.cumsum([0, *(4 * np.ceil(lengths / 4))])[:-1]
    bar = np.searchsorted(rows, np.arange(len(downbeats)), side="right") - 1
    positions = np.arange(len(downbeats)) - rows[bar] + starts[bar]
    positions[: rows[0]] = np.arange(-rows[0], 0)
    return positions + 4 * np.ceil(rows[0] / 4)


def read_song(midi, beats):
    """Merges the melodic parts of a song into a `Melody` on the beat grid; None if the song is not in four."""
    times, _, downbeats = np.loadtxt(beats, unpack=True)
    if np.median(np.diff(np.flatnonzero(downbeats))) != 4:
        return None
    before = times[0] - np.arange(MARGIN, 0, -1) * (times[1] - times[0])
    after = times[-1] + np.arange(1, MARGIN + 1) * (times[-1] - times[-2])
    times = np.concatenate([before, times, after])
    positions = beat_positions(np.pad(downbeats, MARGIN))

    tracks = {track.name: track.notes.numpy() for track in symusic.Score(midi).to("second").tracks}
    starts, lengths, pitches, velocities = (
        np.concatenate([tracks["MELODY"][key], tracks["BRIDGE"][key]])
        for key in ("time", "duration", "pitch", "velocity")
    )
    rows = np.arange(len(times))
    starts, ends = np.interp(starts, times, rows), np.interp(starts + lengths, times, rows)
    # Each file lies off its beats by one small constant: the most common distance of its onsets from the grid.
    distances = np.round((starts * STEPS_PER_QUARTER + 0.5) % 1 - 0.5, 2)
    values, counts = np.unique(distances, return_counts=True)
    offset = values[counts.argmax()] / STEPS_PER_QUARTER
    first = np.maximum(np.floor(starts - offset + 0.5 / STEPS_PER_QUARTER), 0)
    last = np.maximum(
        np.ceil(ends - offset - 0.5 / STEPS_PER_QUARTER) - 1, first
    )  # an end on a bar line stays before it
    onset_steps = np.floor((positions[first.astype(int)] + starts - offset - first) * STEPS_PER_QUARTER + 0.5)
    end_steps = np.floor((positions[last.astype(int)] + ends - offset - last) * STEPS_PER_QUARTER + 0.5)
    onset_steps = np.maximum(onset_steps, 0)
    bars = onset_steps // STEPS_PER_BAR
    is_melody = np.arange(len(bars)) < len(tracks["MELODY"]["time"])
    kept = is_melody | ~np.isin(bars, bars[is_melody])
    tempo = round(60 / np.median(np.diff(times)), 2)
    return Melody.from_notes(
        pitches[kept],
        onset_steps[kept],
        end_steps[kept],
        velocities[kept],
        name="MELODY",
        tempos=((0, tempo),),
        time_signatures=((0, 4, 4),),
    )


@click.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=pathlib.Path))
@click.argument("target", type=click.Path(file_okay=False, path_type=pathlib.Path))
def main(source, target):
    """Turns the POP909 folder SOURCE into clean one-melody MIDI files in the folder TARGET."""
    target.mkdir(parents=True, exist_ok=True)
    written = 0
    for midi in sorted(source.glob("[0-9][0-9][0-9].mid")):
        song = read_song(midi, midi.with_suffix(".beats.txt"))
        if song is not None:
            write_midi(song, target / midi.name)
            written += 1
    click.echo(f"{written} songs in {target}")


if __name__ == "__main__":
    main()
