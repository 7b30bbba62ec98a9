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
from keras_symdiff.files.readable_name import readable_name
from keras_symdiff.infilling.take import Take
from keras_symdiff.music.other_formats import OTHER_SUFFIXES
from keras_symdiff.music.song import MidiError, Song
from keras_symdiff.music.splice import splice_melody
from keras_symdiff.render.web_song import track_notes
from keras_symdiff.studio.song_view import song_view

MOST_NOTES = 200_000  # of a song; a long symphony has a tenth of it
MOST_SONGS = 32
MOST_TAKES = 4096
_MOST_FILES = 1000  # of one song, that are saved beside it


class NotThereError(LookupError):
    """There is no song, take or job of this id, or not any more."""


@dataclasses.dataclass(frozen=True, eq=False)
class OpenSong:
    """A song that is open.

    Args:
        id: by which the page knows it.
        name: name of its file.
        song: `Song`.
        folder: where takes of it are saved; `None` if it came over the network.
        is_new: whether it was made from chords, with a track for a melody to come.
        key: what was said of its key; `None` where nothing was.
    """

    id: str
    name: str
    song: Song
    folder: Path | None = None
    is_new: bool = False
    key: str | None = None

    @property
    def stem(self) -> str:
        """Its name without the suffix."""
        return Path(self.name).stem or "song"

    @property
    def new_line(self) -> int | None:
        """Number of the track for a melody to come; `None` if it was not made from chords."""
        return len(self.song.tracks) + 1 if self.is_new else None

    def view(self) -> dict[str, Any]:
        """What `GET /api/songs/{id}` returns."""
        view = {"id": self.id, "name": self.name, "can_save": self.folder is not None}
        return view | song_view(self.song, self.is_new, self.key)


@dataclasses.dataclass(frozen=True, eq=False)
class MadeTake:
    """A take that was made.

    Args:
        id: by which the page knows it.
        song: the song that was open.
        take: `Take`.
        takes: `Takes` of the same request.
        rank: from 1.
    """

    id: str
    song: OpenSong
    take: Take
    takes: Any
    rank: int

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """The stretches (first step, end step) that were composed."""
        return [(gap.first_step, gap.end_step) for gap in self.take.piece.gaps]

    def view(self) -> dict[str, Any]:
        """What `GET /api/takes/{id}` returns."""
        scores, grid = self.take.scores, self.take.piece.song.grid
        overall = None if scores.overall != scores.overall else round(scores.overall, 4)
        tracks = Song.open(self.take.midi).tracks
        index = self.take.melody.track
        return {
            "id": self.id,
            "number": self.take.number,
            "rank": self.rank,
            "scores": {**scores.as_json(), "overall": overall},
            "notes": track_notes(tracks[index]) if index < len(tracks) else [],  # a new line that is silent
            "gaps": [[grid.ticks(first), grid.ticks(end)] for first, end in self.gaps],
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
        return self.add(readable_name(Path(path).name), Song.open(path), folder=Path(path).resolve().parent)

    def add(self, name: str, song: Song, **options: Any) -> OpenSong:
        """Keeps a song; the options are those of `OpenSong`.

        Raises:
            MidiError: if it is too long.
        """
        notes = sum(len(track.notes.pitch) for track in song.tracks)
        if notes > MOST_NOTES:
            raise MidiError(name, f"has {notes} notes, more than {MOST_NOTES}")
        opened = OpenSong(secrets.token_hex(8), name, song, **options)
        opened.view()  # refuses what cannot be shown
        with self._lock:
            self._songs[opened.id] = opened
            while len(self._songs) > MOST_SONGS:
                self._songs.popitem(last=False)
        return opened

    def song(self, key: str) -> OpenSong:
        """The song of an id.

        Raises:
            NotThereError: if there is none.
        """
        return _found(self._songs.get(key), "song", key)

    def take(self, key: str) -> MadeTake:
        """The take of an id.

        Raises:
            NotThereError: if there is none.
        """
        return _found(self._takes.get(key), "take", key)

    def takes_of(self, opened: OpenSong, keys: Sequence[str]) -> list[MadeTake]:
        """Takes of a song.

        Raises:
            NotThereError: if there is no such take.
            ValueError: if one is a take of another song.
        """
        takes = [self.take(key) for key in keys]
        for made in takes:
            if made.song is not opened:
                raise ValueError(f"A take is put into its own song. Received: take={made.id}")
        return takes

    def add_takes(self, opened: OpenSong, takes: Any) -> dict[str, Any]:
        """Keeps takes, and returns what the event `done` tells of them."""
        made = [
            MadeTake(secrets.token_hex(8), opened, take, takes, rank) for rank, take in enumerate(takes.distinct, 1)
        ]
        with self._lock:
            self._takes.update({one.id: one for one in made})
            while len(self._takes) > MOST_TAKES:
                self._takes.popitem(last=False)
        return {
            "takes": [one.view() for one in made],
            "original": takes.original.as_json(),
            "left_out": len(takes) - len(made),
        }


def _found(value, kind, key):
    if value is None:
        raise NotThereError(f"There is no {kind} {key!r:.40}, or not any more")
    return value


def with_takes(song: Song, takes: Sequence[MadeTake]) -> Song:
    """A song with takes of it put in, one after the other; of two in the same bars, the later holds."""
    name = song.name
    for made in takes:
        if made.take.melody.track == len(song.tracks):
            song, _ = song.with_new_line()
        song = Song.open(splice_melody(song, made.take.melody, made.gaps))
    return dataclasses.replace(song, name=name)


def read_song(name: str, data: bytes) -> Song:
    """Reads a file that came over the network.

    Args:
        name: its name, whose suffix tells what it is.
        data: its bytes.

    Raises:
        MidiError: if it cannot be used.
        ImportError: if it needs note-seq, which is not installed.
    """
    suffix = Path(name).suffix.lower()
    try:
        if suffix not in OTHER_SUFFIXES:
            return dataclasses.replace(Song.open(data), name=name)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"song{suffix}"
            path.write_bytes(data)
            try:
                return dataclasses.replace(Song.open(path), name=name)
            except ImportError as error:
                raise ImportError(str(error).replace(str(path), name)) from None
    except MidiError as error:
        raise MidiError(name, error.reason) from None


def save_beside(opened: OpenSong, data: bytes) -> Path:
    """Writes a file into the song's folder under a name that no file has.

    Raises:
        ValueError: if the song came over the network, or there are too many such files.
        OSError: if it cannot be written.
    """
    if opened.folder is None:
        raise ValueError("A song that was dropped on the page has no folder here: download the file")
    for number in range(1, _MOST_FILES):
        ending = f"_studio{number}"
        path = opened.folder / f"{fit_name(opened.stem, ending + '.mid')}{ending}.mid"
        try:
            with open(path, "xb") as file:
                file.write(data)
            return path
        except FileExistsError:
            continue
    raise ValueError(f"There are {_MOST_FILES} files beside the song already")
