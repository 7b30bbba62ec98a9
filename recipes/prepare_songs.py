"""Reads music into what training reads: one file per archive and split.

    python recipes/prepare_songs.py DATA OUTPUT

DATA holds the music as the README beside this script lays it out. Which song is in which split, the lists beside this
script say.
"""

import collections
import csv
from pathlib import Path

import click
import numpy as np
import symusic
from songs import Line, write_songs

from keras_symdiff import Melody, read_melodies
from keras_symdiff.constants import STEPS_PER_BAR, STEPS_PER_QUARTER
from keras_symdiff.music.song import MidiError, Song

BASS = range(32, 40)  # General MIDI programs
ACCOMPANYING = {1, 25}  # programs of piano and guitar in the art songs
SURE_BAR_LINES = 0.05  # `bar_line_confidence` of lmd_vocals.tsv
MARGIN = 8  # beats added on both sides of the annotated ones, for notes outside them


def read_pop909(path):
    """The melody of a song of POP909 on its annotated beats, and the harmony of its other tracks.

    Tempo and time signature events of these files are meaningless as metre. Every bar begins on an annotated downbeat,
    and is filled up to whole bars of four quarters. The line is the MELODY track, and BRIDGE in bars in which MELODY
    starts no note (the top note of both would leap from one to the other and back).

    Args:
        path: `NNN.mid`, beside it `NNN.beats.txt`: one row per quarter of seconds, beat flag, downbeat flag.

    Returns:
        List of one `Line`.
    """
    times, _, downbeats = np.loadtxt(path.with_suffix(".beats.txt"), unpack=True)
    before = times[0] - np.arange(MARGIN, 0, -1) * (times[1] - times[0])
    after = times[-1] + np.arange(1, MARGIN + 1) * (times[-1] - times[-2])
    times = np.concatenate([before, times, after])
    positions = beat_positions(np.pad(downbeats, MARGIN))

    tracks = {track.name: track for track in symusic.Score(path).to("second").tracks}
    notes = {name: track.notes.numpy() for name, track in tracks.items()}
    beats = {
        name: [
            np.interp(times_of, times, np.arange(len(times)))
            for times_of in (values["time"], values["time"] + values["duration"])
        ]
        for name, values in notes.items()
    }
    # Each file lies off its beats by one small constant: the most common distance of its onsets from the grid.
    distances = np.round((beats["MELODY"][0] * STEPS_PER_QUARTER + 0.5) % 1 - 0.5, 2)
    values, counts = np.unique(distances, return_counts=True)
    offset = values[counts.argmax()] / STEPS_PER_QUARTER
    starts, ends = (
        {
            name: place_on_grid(*(np.maximum(b - offset, 0) for b in spans), positions)[part]
            for name, spans in beats.items()
        }
        for part in (0, 1)
    )
    pitches = {name: values["pitch"].astype(int) for name, values in notes.items()}
    onset_steps, end_steps = (
        np.maximum(np.floor(np.concatenate([q["MELODY"], q["BRIDGE"]]) * STEPS_PER_QUARTER + 0.5), 0)
        for q in (starts, ends)
    )
    bars = onset_steps // STEPS_PER_BAR
    is_melody = np.arange(len(bars)) < len(pitches["MELODY"])
    kept = is_melody | ~np.isin(bars, bars[is_melody])
    melody = Melody.from_notes(
        np.concatenate([pitches["MELODY"], pitches["BRIDGE"]])[kept],
        onset_steps[kept],
        end_steps[kept],
        np.full(kept.sum(), 100),
        name="MELODY",
    )
    real = np.zeros(int(positions[-1]) + 1, bool)
    real[positions[positions >= 0].astype(int)] = True
    return [Line.of(melody, starts["PIANO"], ends["PIANO"], pitches["PIANO"], real)]


def beat_positions(downbeats):
    """Positions of beats in quarters, with each bar filled up to a multiple of four; pickup beats end the first bar."""
    rows = np.flatnonzero(downbeats)
    lengths = np.diff(np.append(rows, len(downbeats)))
    starts = np.cumsum([0, *(4 * np.ceil(lengths / 4))])[:-1]
    bar = np.searchsorted(rows, np.arange(len(downbeats)), side="right") - 1
    positions = np.arange(len(downbeats)) - rows[bar] + starts[bar]
    positions[: rows[0]] = np.arange(-rows[0], 0)
    return positions + 4 * np.ceil(rows[0] / 4)


def place_on_grid(starts, ends, positions):
    """Moves notes from beats to positions.

    An onset just before a beat belongs to it; an end on a bar line stays before it.
    """
    half_step = 0.5 / STEPS_PER_QUARTER
    first = np.clip(np.floor(starts + half_step), 0, len(positions) - 1).astype(int)
    last = np.clip(np.ceil(ends - half_step) - 1, first, len(positions) - 1).astype(int)
    return positions[first] + starts - first, positions[last] + ends - last


def read_tune(path):
    """The first melodic line of a file on its own grid; the harmony is that of all other pitched tracks."""
    return read_lines(path)[:1]


def read_art_song(path):
    """The line of the first singer, or of the instrument in its place: not piano or guitar."""
    programs = [melody.program for melody in read_melodies(path)]
    return [read_lines(path)[next(index for index, program in enumerate(programs) if program not in ACCOMPANYING)]]


def read_lines(path):
    """Every line of a file, each with the harmony of the others."""
    song = Song.open(path)
    return [
        Line.of_song(song, melody, kind="bass" if melody.program in BASS else "tune") for melody in read_melodies(song)
    ]


ARCHIVES = {
    "pop909": ("pop909/*.mid", read_pop909),
    "songs_chords": ("songs_chords/*.mid", read_tune),
    "lieder": ("lieder_piano/*.mid", read_art_song),
    "songs": ("songs_pd/openewld/*.mid", read_tune),
    "hymns": ("songs_pd/openhymnal/*.mid", read_tune),
    "folk": ("folk_dance/cre/*.mid", read_tune),
    "vocals": ("lmd_vocals/midi/*.mid", read_tune),
    "lakh_melody": ("lmd64/train_melody/*.mid", read_tune),
    "lakh_trio": ("lmd64/train_trio/*.mid", read_lines),
    "lakh_held_out": ("lmd64/validation_melody/*.mid", read_tune),
}


def splits():
    """The split of each song that does not train, by name, as the lists beside this script have it."""
    folder = Path(__file__).parent
    return {
        song: split
        for split in ("validation", "test")
        for preset in ("songs", "lakh")
        for song in (folder / f"{preset}_{split}.txt").read_text().split("\n")
        if song
    }


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option("--archive", "only", type=click.Choice(list(ARCHIVES)), help="Read this one alone.")
def main(data, output, only):
    """Writes OUTPUT/ARCHIVE_SPLIT.npz for every archive below DATA."""
    output.mkdir(parents=True, exist_ok=True)
    held_out = splits()
    with open(data / "lmd_vocals" / "lmd_vocals.tsv", encoding="utf-8") as table:
        rows = csv.DictReader(table, delimiter="\t")
        sure = {row["md5"] for row in rows if float(row["bar_line_confidence"]) >= SURE_BAR_LINES}
    for archive, (pattern, read) in ARCHIVES.items():
        if only not in (None, archive):
            continue
        songs, refused = collections.defaultdict(list), 0
        for path in sorted(data.glob(pattern)):
            if archive == "vocals" and path.stem not in sure:
                continue
            name = f"{archive}/{path.stem}"
            try:
                songs[held_out.get(name, "train")] += [(name, line) for line in read(path) if len(line.tokens)]
            except MidiError as error:
                refused += 1
                click.echo(str(error), err=True)
        for split, lines in songs.items():
            write_songs(output / f"{archive}_{split}.npz", lines)
        counts = {split: len({name for name, _ in lines}) for split, lines in songs.items()}
        click.echo(f"{archive}: {counts} songs, {refused} refused")


if __name__ == "__main__":
    main()
