"""Reads music into what training reads: one file per archive and split.

    python recipes/prepare_songs.py DATA OUTPUT

DATA holds the music as the README beside this script lays it out. Which song is in which split, the lists beside this
script say.
"""

import collections
import csv
import re
from pathlib import Path

import click
from pop909 import on_annotated_bars
from songs import Line, write_songs

from keras_symdiff import read_melodies
from keras_symdiff.music.song import MidiError, Song

BASS = range(32, 40)  # General MIDI programs
ACCOMPANYING = {1, 25}  # programs of piano and guitar in the art songs
LETTERS = 24  # of a title, that tell it from others
SURE_BAR_LINES = 0.05  # `bar_line_confidence` of lmd_vocals.tsv


def read_pop909(path):
    """The melody of a song of POP909 on its annotated bars, and the harmony of PIANO."""
    song = Song.open(on_annotated_bars(path))
    (melody,) = (melody for melody in song.melodies() if melody.name == "MELODY")
    return [Line.of_song(song, melody)]


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


def held_out_songs():
    """The split of each song that does not train, by name, as the lists beside this script have it."""
    folder = Path(__file__).parent
    return {
        song: split
        for split in ("validation", "test")
        for preset in ("songs", "lakh")
        for song in (folder / f"{preset}_{split}.txt").read_text().split("\n")
        if song
    }


def letters(song):
    """A song's archive and the letters of its title: another edition may number or spell it otherwise."""
    archive, _, title = song.partition("/")
    return archive, re.sub(r"[^a-z]", "", title.lower())[:LETTERS]


def split_of(song, held_out, titles):
    """The split of a song.

    Args:
        song: `archive/song`.
        held_out: what `held_out_songs` returned.
        titles: dict of the `letters` of these songs to their split.

    Returns:
        `"train"`, `"validation"` or `"test"`.
    """
    numbered = song.partition("/")[2][:1].isdigit() or song.startswith(("lakh", "vocals"))
    return held_out.get(song) or (not numbered and titles.get(letters(song))) or "train"


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option("--archive", "only", type=click.Choice(list(ARCHIVES)), help="Read this one alone.")
def main(data, output, only):
    """Writes OUTPUT/ARCHIVE_SPLIT.npz for every archive below DATA."""
    output.mkdir(parents=True, exist_ok=True)
    held_out = held_out_songs()
    titles = {letters(song): split for song, split in held_out.items()}
    table, sure = data / "lmd_vocals" / "lmd_vocals.tsv", set()
    if table.exists():
        rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines(), delimiter="\t")
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
                songs[split_of(name, held_out, titles)] += [(name, line) for line in read(path) if len(line.tokens)]
            except MidiError as error:
                refused += 1
                click.echo(str(error), err=True)
        for split, lines in songs.items():
            write_songs(output / f"{archive}_{split}.npz", lines)
        counts = {split: len({name for name, _ in lines}) for split, lines in songs.items()}
        click.echo(f"{archive}: {counts} songs, {refused} refused")


if __name__ == "__main__":
    main()
