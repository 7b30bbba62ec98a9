"""Lays public data sets out as prepare_songs.py reads them.

    python recipes/collect.py DATA --pop909 CLONE --openewld CLONE --lieder FOLDER --cre CLONE --lmd64 CLONE

Each option names a clone of a data set as it is published; the README beside this script says from where. What DATA
holds already stays, so that the same command goes on where it was stopped.
"""

import re
import shutil
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import click
import numpy as np
import symusic
from pop909 import find_songs

from keras_symdiff.music.chord_symbols import Chords
from keras_symdiff.music.song import Song
from keras_symdiff.write_atomically import write_atomically

LONGEST_NAME = 40  # characters


def plain(text):
    """A name in ASCII letters, digits and underscores."""
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")


def lead_sheet(path):
    """A lead sheet as a MIDI file of two tracks, the melody and its chord symbols sounded.

    Args:
        path: path of a MusicXML file.

    Returns:
        bytes.

    Raises:
        ValueError: if the file is not readable, or has no chords.
    """
    import note_seq

    chords = Chords.open(path)
    with tempfile.TemporaryDirectory() as folder:
        midi = Path(folder) / "melody.mid"
        note_seq.sequence_proto_to_midi_file(note_seq.musicxml_file_to_sequence_proto(str(path)), str(midi))
        song = Song.open(midi)
        score: Any = symusic.Score(midi)
    bar_lines = song.grid.ticks(song.grid.bar_lines(song.num_steps))
    starts, ends, pitches = chords.notes(bar_lines)
    track: Any = symusic.Track("chords", 0, False)
    starts, ends = (np.round(at).astype(np.int32) for at in (starts, ends))
    track.notes = symusic.Note.from_numpy(
        starts, ends - starts, pitches.astype(np.int8), np.full(len(pitches), 80, np.int8)
    )
    score.tracks.append(track)
    return score.dumps_midi()


def copy(sources, folder):
    """Copies files, (path, name) each, to a folder that may hold some of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, name in sources:
        if not (folder / name).exists():
            write_atomically(folder / name, path.read_bytes())
    click.echo(f"{len(list(folder.iterdir()))} files in {folder}")


def convert(sources, folder, make):
    """Writes `make(path)` for each of (path, name), and tells what it refused."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, name in sources:
        if (folder / name).exists():
            continue
        try:
            write_atomically(folder / name, make(path))
        except ValueError as error:
            click.echo(f"left out: {error}", err=True)
    click.echo(f"{len(list(folder.iterdir()))} files in {folder}")


FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("data", type=click.Path(file_okay=False, path_type=Path))
@click.option("--pop909", type=FOLDER, help="Clone of music-x-lab/POP909-Dataset.")
@click.option("--openewld", type=FOLDER, help="Clone of 00sapo/OpenEWLD; needs the extra note-seq.")
@click.option("--lieder", type=FOLDER, help="MIDI files that MuseScore made of the OpenScore Lieder corpus.")
@click.option("--cre", type=FOLDER, help="Clone of polifonia-project/folk_ngram_analysis.")
@click.option("--lmd64", type=FOLDER, help="Clone of plassma/symbolic-music-discrete-diffusion.")
def main(data, pop909, openewld, lieder, cre, lmd64):
    """Lays data sets out in the folder DATA."""
    if pop909:
        songs = find_songs(pop909)
        beats = [(path.parent / "beat_midi.txt", f"{path.stem}.beats.txt") for path in songs]
        copy([*((path, path.name) for path in songs), *beats], data / "pop909")
    if openewld:
        sheets = sorted(openewld.glob("dataset/**/*.mxl"))
        convert(
            ((path, f"{plain(path.stem)[:LONGEST_NAME]}.mid") for path in sheets), data / "songs_chords", lead_sheet
        )
    if lieder:
        scores = sorted(lieder.rglob("*.mid"))  # COMPOSER/SET/TITLE/NUMBER.mid, as the corpus has its scores
        names = (f"{plain(p.parts[-4])}_{plain(p.parts[-2])}"[:LONGEST_NAME] + ".mid" for p in scores)
        copy(zip(scores, names, strict=True), data / "lieder_piano")
    if cre:
        copy(
            ((path, f"{plain(path.stem)}.mid") for path in sorted(cre.rglob("MIDI/*.mid"))), data / "folk_dance" / "cre"
        )
    if lmd64:
        for part in ("train_melody", "train_trio", "validation_melody"):
            shutil.copytree(next(lmd64.rglob(part)), data / "lmd64" / part, dirs_exist_ok=True)
            click.echo(f"{len(list((data / 'lmd64' / part).iterdir()))} files in {data / 'lmd64' / part}")


if __name__ == "__main__":
    main()
