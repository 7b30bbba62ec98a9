"""The songs that are open, and the takes that were made of them."""

import collections
import dataclasses
import secrets
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_symdiff.files.fit_name import fit_name
from keras_symdiff.infilling.take import Take
from keras_symdiff.music.other_formats import OTHER_SUFFIXES
from keras_symdiff.music.song import MidiError, Song
from keras_symdiff.music.splice import splice_melody
from keras_symdiff.studio.song_view import song_view, track_notes

MOST_NOTES = 200_000  # of a song; a long symphony has a tenth of it
MOST_SONGS = 32
MOST_TAKES = 4096
_MOST_FILES = 1000  # of one song, that are saved beside it


class NotThere(LookupError):  # noqa: N818
    """There is no song, take or job of this id, or not any more."""


@dataclasses.dataclass(frozen=True, eq=False)
class OpenSong:
    """A song that is open.

    Args:
        id: by which the page knows it.
        name: name of its file.
        song: `Song`.
        folder: where takes of it are saved; `None` if it came over the network.
    """

    id: str
    name: str
    song: Song
    folder: Path | None

    def view(self) -> dict[str, Any]:
        """What `GET /api/songs/{id}` returns."""
        return {"id": self.id, "name": self.name, **song_view(self.song)}


@dataclasses.dataclass(frozen=True, eq=False)
class MadeTake:
    """A take that was made.

    Args:
        id: by which the page knows it.
        song: the song that was open.
        take: `Take`.
        takes: `Takes` of the same request.
    """

    id: str
    song: OpenSong
    take: Take
    takes: Any

    def view(self, rank: int) -> dict[str, Any]:
        """What the event `done` tells of it."""
        scores = self.take.scores
        return {
            "id": self.id,
            "number": self.take.number,
            "rank": rank,
            "scores": {**scores.as_json(), "overall": _known(scores.overall)},
            "notes": track_notes(Song.open(self.take.midi).tracks[self.take.melody.track]),
            "gaps": gap_ticks(self.take),
        }


class Workspace:
    """The songs that are open and the takes of them, by id; the oldest are forgotten."""

    def __init__(self):
        self._songs: collections.OrderedDict[str, OpenSong] = collections.OrderedDict()
        self._takes: collections.OrderedDict[str, MadeTake] = collections.OrderedDict()
        self._lock = threading.Lock()

    def open_path(self, path: str | Path) -> OpenSong:
        """Opens a file of this machine.

        Raises:
            MidiError: if it cannot be used.
            OSError: if it cannot be read.
        """
        return self._add(Path(path).name, Song.open(path), Path(path).resolve().parent)

    def open_bytes(self, name: str, data: bytes) -> OpenSong:
        """Opens a file that came over the network.

        Args:
            name: its name, whose suffix tells what it is.
            data: its bytes.

        Raises:
            MidiError: if it cannot be used.
            ImportError: if it needs note-seq, which is not installed.
        """
        return self._add(name, read_song(name, data), None)

    def _add(self, name, song, folder):
        notes = sum(len(track.notes.pitch) for track in song.tracks)
        if notes > MOST_NOTES:
            raise MidiError(name, f"has {notes} notes, more than {MOST_NOTES}")
        opened = OpenSong(secrets.token_hex(8), name, song, folder)
        opened.view()  # refuses what cannot be shown
        with self._lock:
            self._songs[opened.id] = opened
            while len(self._songs) > MOST_SONGS:
                self._songs.popitem(last=False)
        return opened

    def song(self, key: str) -> OpenSong:
        """The song of an id.

        Raises:
            NotThere: if there is none.
        """
        try:
            return self._songs[key]
        except KeyError:
            raise NotThere(f"There is no song {key!r:.40}, or not any more") from None

    def take(self, key: str) -> MadeTake:
        """The take of an id.

        Raises:
            NotThere: if there is none.
        """
        try:
            return self._takes[key]
        except KeyError:
            raise NotThere(f"There is no take {key!r:.40}, or not any more") from None

    def with_takes(self, opened: OpenSong, takes: Sequence[str]) -> Song:
        """The song with some of its takes put in, one after the other; of two in the same bars, the later holds.

        Raises:
            NotThere: if there is no such take.
            ValueError: if one is a take of another song.
        """
        song = opened.song
        for key in takes:
            made = self.take(key)
            if made.song is not opened:
                raise ValueError(f"A take is put into its own song. Received: take={key!r}")
            gaps = [(gap.first_step, gap.end_step) for gap in made.take.piece.gaps]
            song = Song.open(splice_melody(song, made.take.melody, gaps))
        return dataclasses.replace(song, name=opened.song.name)

    def add_takes(self, opened: OpenSong, takes: Any) -> dict[str, Any]:
        """Keeps takes, and returns what the event `done` tells of them."""
        made = [MadeTake(secrets.token_hex(8), opened, take, takes) for take in takes.distinct]
        with self._lock:
            self._takes.update({one.id: one for one in made})
            while len(self._takes) > MOST_TAKES:
                self._takes.popitem(last=False)
        return {
            "takes": [one.view(rank) for rank, one in enumerate(made, 1)],
            "original": takes.original.as_json(),
            "left_out": len(takes) - len(made),
        }


def read_song(name: str, data: bytes) -> Song:
    """Reads a file that came over the network; its suffix tells what it is."""
    suffix = Path(name).suffix.lower()
    if suffix not in OTHER_SUFFIXES:
        return dataclasses.replace(Song.open(data), name=name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"song{suffix}"
        path.write_bytes(data)
        try:
            return dataclasses.replace(Song.open(path), name=name)
        except MidiError as error:
            raise MidiError(name, error.reason) from None


def save_beside(opened: OpenSong, data: bytes) -> Path:
    """Writes a file into the song's folder under a name that no file has.

    Raises:
        ValueError: if the song came over the network.
        OSError: if it cannot be written.
    """
    if opened.folder is None:
        raise ValueError("A song that was dropped on the page has no folder here: download the file")
    stem = Path(opened.name).stem
    for number in range(1, _MOST_FILES):
        ending = f"_studio{number}"
        path = opened.folder / f"{fit_name(stem, ending + '.mid')}{ending}.mid"
        try:
            with open(path, "xb") as file:
                file.write(data)
            return path
        except FileExistsError:
            continue
    raise ValueError(f"There are {_MOST_FILES} files beside the song already")


def gap_ticks(take: Take) -> list[list[int]]:
    """The stretches (first tick, end tick) that a take was composed for."""
    grid = take.piece.song.grid
    return [[grid.ticks(gap.first_step), grid.ticks(gap.end_step)] for gap in take.piece.gaps]


def _known(value):
    return None if value != value else round(value, 4)
