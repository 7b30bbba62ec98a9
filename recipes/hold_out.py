"""Chooses the songs that no preset trains on, and writes their names to lists beside this script.

    python recipes/hold_out.py DATA

DATA holds the music as the README beside this script lays it out. Versions of one tune, in whatever archive, stay
together: two lines are versions of one tune when they share enough runs of intervals. A tune is then wholly for
training, for validation or for testing. What the lists name is `archive/song`.
"""

import collections
import re
import unicodedata
import zlib
from pathlib import Path
from typing import Any

import click
import numpy as np
import symusic

from keras_symdiff.music.tunes import find_tunes, tune_runs

BASS = range(32, 40)  # General MIDI programs
ACCOMPANIED = {"pop909": 2, "lieder_piano": 1, "songs_chords": 1}  # folders whose first tracks alone are melodic

# Archive, the files of its songs, and the shares in a thousand of its tunes that validate and test.
ARCHIVES = {
    "pop909": ("pop909/*.mid", 40, 0),  # the test songs are those whose number is divisible by 15
    "songs_chords": ("songs_chords/*.mid", 60, 80),
    "lieder": ("lieder_piano/*.mid", 60, 80),
    "songs": ("songs_pd/openewld/*.mid", 60, 100),
    "hymns": ("songs_pd/openhymnal/*.mid", 50, 60),
    "folk": ("folk_dance/cre/*.mid", 40, 60),
    "vocals": ("lmd_vocals/midi/*.mid", 30, 40),
    "lakh_melody": ("lmd64/train_melody/*.mid", 40, 0),
    "lakh_trio": ("lmd64/train_trio/*.mid", 40, 40),
    "lakh_held_out": ("lmd64/validation_melody/*.mid", 0, 1000),
    "oneills": ("folk_dance/oneills/*.mid", 0, 0),
    "ryans": ("folk_dance/ryans/*.mid", 0, 0),
    "airds": ("folk_dance/airds/*.mid", 0, 0),
}
BOOKS = {"oneills", "ryans", "airds"}  # these train no preset
PRESETS = {
    "songs": {"pop909", "songs_chords", "lieder", "songs", "hymns", "folk", "vocals"},
    "lakh": {"lakh_melody", "lakh_trio", "lakh_held_out", "vocals"},
}


def lines(path):
    """The pitches of each melodic line of a file, the highest of equal onsets."""
    score: Any = symusic.Score(path)
    for track in score.tracks[: ACCOMPANIED.get(path.parent.name)]:
        if track.is_drum or track.program in BASS or not len(track.notes):
            continue
        notes = track.notes.numpy()
        order = np.lexsort((-notes["pitch"].astype(int), notes["time"]))
        onsets = notes["time"][order]
        yield notes["pitch"][order][np.append(True, onsets[1:] != onsets[:-1])].astype(int)


def runs(path):
    """Hashes of the runs of intervals of a file's lines."""
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *map(tune_runs, lines(path))]))


def title(song):
    """A song's title in small letters, without the number before it, to match two editions of one lead sheet."""
    plain = unicodedata.normalize("NFKD", song.split("/")[1]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z]+", "", re.sub(r"^\d+", "", plain))


def group_songs(songs):
    """Groups songs by tune.

    Args:
        songs: dict of `archive/song` to path.

    Returns:
        dict of `archive/song` to the first song of its tune.
    """
    names = list(songs)
    editions = collections.defaultdict(list)
    for number, song in enumerate(names):
        if song.split("/")[0] in ("songs", "songs_chords"):
            editions[title(song)].append(number)
    same = [(group[0], other) for group in editions.values() for other in group[1:]]
    tunes = find_tunes([runs(path) for path in songs.values()], same)
    return {song: names[tune] for song, tune in zip(names, tunes, strict=True)}


def split_of(tune):
    """Decides between `train`, `validation`, `test`, and `unseen` for a tune known from books only."""
    archives = {song.split("/")[0] for song in tune}
    if "lakh_held_out" in archives or any(s.startswith("pop909/") and int(s[7:]) % 15 == 0 for s in tune):
        return "test"
    if archives <= BOOKS:
        return "unseen"
    archive, _ = min(song.split("/") for song in tune if song.split("/")[0] not in BOOKS)
    _, validation, test = ARCHIVES[archive]
    place = zlib.crc32(min(tune).encode()) % 1000
    return "test" if place < test else "validation" if place < test + validation else "train"


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(data):
    """Writes `songs_validation.txt`, `songs_test.txt`, `lakh_validation.txt`, `lakh_test.txt` and `folk_unseen.txt`."""
    songs = {
        f"{archive}/{path.stem}": path
        for archive, (pattern, _, _) in ARCHIVES.items()
        for path in sorted(data.glob(pattern))
    }
    tunes = collections.defaultdict(list)
    for song, first in group_songs(songs).items():
        tunes[first].append(song)
    splits = {song: split_of(tune) for tune in tunes.values() for song in tune}
    click.echo(
        f"{len(songs)} songs, {len(tunes)} tunes, {sum(len(tune) > 1 for tune in tunes.values())} of several songs"
    )
    folder = Path(__file__).parent
    named = {
        f"{preset}_{split}": (archives, split)
        for preset, archives in PRESETS.items()
        for split in ("validation", "test")
    }
    for name, (archives, split) in (named | {"folk_unseen": (BOOKS, "unseen")}).items():
        chosen = sorted(song for song, of in splits.items() if of == split and song.split("/")[0] in archives)
        (folder / f"{name}.txt").write_text("".join(f"{song}\n" for song in chosen))
        click.echo(f"{name}: {dict(collections.Counter(song.split('/')[0] for song in chosen))}")


if __name__ == "__main__":
    main()
