"""All that is needed to make a take again."""

import dataclasses
import hashlib
import json
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.files.read_json import read_json
from keras_symdiff.infilling.infill_request import MOST_TAKES, InfillRequest
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.midi import choose_melody, read_melodies
from keras_symdiff.music.song import Song
from keras_symdiff.presets.preset import hash_preset
from keras_symdiff.version import __version__
from keras_symdiff.write_atomically import write_atomically

_PACKAGES = {"jax": ("jax", "jaxlib"), "tensorflow": ("tensorflow",), "torch": ("torch",)}


@dataclasses.dataclass(frozen=True)
class TakeRecord:
    """All that is needed to make one take again, and hashes by which a change is noticed.

    Args:
        request: `InfillRequest`.
        take: number from 1 of the request's takes.
        midi: path of the song's file. On disk it is relative to the record's folder, with the absolute one beside it.
        midi_sha256: hash of that file.
        preset: name or path of the preset.
        preset_sha256: hashes of the preset's files.
        file: name of the take's MIDI file, which ends in `.mid` or `.midi`.
        file_sha256: its hash.
        scores: by name; `None` where there was nothing to compare.
        made_with: the backend and the versions that composed.
    """

    request: InfillRequest
    take: int
    midi: str
    midi_sha256: str
    preset: str
    preset_sha256: dict
    file: str
    file_sha256: str
    scores: dict
    made_with: dict

    def __post_init__(self):
        for field in dataclasses.fields(self):
            kind = field.type
            if isinstance(kind, type) and not isinstance(getattr(self, field.name), kind):
                raise TypeError(f"{field.name} must be a {kind.__name__}")
        if not 1 <= self.take <= MOST_TAKES:
            raise ValueError(f"`take` must be in [1, {MOST_TAKES}]. Received: take={self.take}")
        if not self.file.lower().endswith((".mid", ".midi")) or "\0" in self.file:
            raise ValueError(f"`file` must end in .mid or .midi. Received: file={self.file!r}")

    def save(self, path: str | Path) -> None:
        """Writes the record to a JSON file."""
        fields = dataclasses.asdict(self)
        midi = Path(fields.pop("midi")).resolve()
        try:
            relative = os.path.relpath(midi, Path(path).parent.resolve())
        except ValueError:  # another drive
            relative = str(midi)
        fields["request"] = {"midi": Path(relative).as_posix(), **fields["request"], "absolute_path": str(midi)}
        write_atomically(path, (json.dumps(fields, indent=1) + "\n").encode())

    @classmethod
    def load(cls, path: str | Path) -> "TakeRecord":
        """Reads what `save` wrote.

        Raises:
            ValueError: if the file is something else.
            OSError: if it cannot be read.
        """
        if not isinstance(path, str | os.PathLike):
            raise ValueError(f"The record of a take is a path. Received: {path!r:.200}")
        try:
            fields = read_json(path)
            request = fields["request"]
            absolute, relative = request.pop("absolute_path"), Path(path).parent / request.pop("midi")
            request |= {"bars": tuple(request["bars"]), "sampler": Sampler(**request["sampler"])}
            for name in ("like", "keep_notes"):
                if request.get(name) is not None:
                    request[name] = tuple(map(tuple, request[name]))
            midi = str(relative if relative.exists() else absolute)
            return cls(**(fields | {"request": InfillRequest(**request), "midi": midi}))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"{path} is not the record of a take: {why:.300}") from error

    def check_sources(self) -> Song:
        """Checks that the song and the preset are those that the take was made from.

        Returns:
            The song.

        Raises:
            ValueError: if one of them is gone or has changed; the message names it.
        """
        if not Path(self.midi).is_file():
            raise ValueError(f"The input file is gone: {self.midi}")
        song = Song.open(self.midi)
        if song.sha256 != self.midi_sha256:
            raise ValueError(f"The input file has changed since the take was made: {self.midi}")
        now = hash_preset(self.preset)
        changed = sorted(
            name for name in now.keys() | self.preset_sha256 if now.get(name) != self.preset_sha256.get(name)
        )
        if changed:
            raise ValueError(f"The preset {self.preset} has changed since the take was made: {', '.join(changed)}")
        return song


def read_take(path: str | Path, song: Song, track: int) -> Melody:
    """Reads the melody of a take that was written.

    Args:
        path: path of its record, beside which its MIDI file lies.
        song: the song that it was made from.
        track: index of the melody's track.

    Raises:
        ValueError: if there is no record, it is of another song, or the MIDI file has changed since.
        OSError: if one cannot be read.
    """
    record = TakeRecord.load(path)
    if record.midi_sha256 != song.sha256:
        raise ValueError(f"{path} is a take of another song: {Path(record.midi).name}")
    take = Song.open(Path(path).parent / Path(record.file).name)
    if take.sha256 != record.file_sha256:
        raise ValueError(f"The take has changed since it was made: {take.name}")
    return choose_melody(read_melodies(take), track + 1)[0]


def sha256(data: bytes) -> str:
    """Returns the SHA-256 of bytes in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def made_with() -> dict[str, str]:
    """Returns the backend and the versions that compute here."""
    import keras  # here: a record is read before the models load

    backend = keras.backend.backend()
    found = {"backend": backend, "keras_symdiff": __version__}
    for package in ("keras", *_PACKAGES.get(backend, ()), "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
