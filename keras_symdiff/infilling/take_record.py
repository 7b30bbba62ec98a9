"""All that is needed to make a take again."""

import dataclasses
import hashlib
import json
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import keras

from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.infilling.infill_request import InfillRequest
from keras_symdiff.infilling.loaded_preset import hash_preset
from keras_symdiff.version import __version__
from keras_symdiff.write_atomically import write_atomically

_PACKAGES = {"jax": ("jax", "jaxlib"), "tensorflow": ("tensorflow",), "torch": ("torch",)}


@dataclasses.dataclass(frozen=True)
class TakeRecord:
    """All that is needed to make one take again, and hashes by which a change of it is noticed.

    Args:
        request: `InfillRequest`. On disk its path is relative to the record's folder, with the absolute one beside it.
        take: int from 1, which of the request's takes.
        midi_sha256: str, hash of the file that the take was composed in.
        preset: str, the preset's name or path.
        preset_sha256: dict of the preset's files to their hashes.
        file: str, name of the take's MIDI file.
        file_sha256: str, its hash.
        scores: dict of str to float; `None` where there was nothing to compare.
        made_with: dict of the backend and the versions that composed.
    """

    request: InfillRequest
    take: int
    midi_sha256: str
    preset: str
    preset_sha256: dict
    file: str
    file_sha256: str
    scores: dict
    made_with: dict

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if not isinstance(getattr(self, field.name), field.type):
                raise TypeError(f"{field.name} must be a {field.type.__name__}")

    def save(self, path):
        """Writes the record to a JSON file."""
        fields = dataclasses.asdict(self)
        midi = Path(self.request.midi).resolve()
        try:
            relative = os.path.relpath(midi, Path(path).parent.resolve())
        except ValueError:  # another drive
            relative = str(midi)
        fields["request"] |= {"midi": Path(relative).as_posix(), "absolute_path": str(midi)}
        write_atomically(path, (json.dumps(fields, indent=1) + "\n").encode())

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote.

        Raises:
            ValueError: when the file is something else.
            OSError: when it cannot be read.
        """
        try:
            fields = json.loads(Path(path).read_text(encoding="utf-8"))
            request = fields["request"]
            absolute = request.pop("absolute_path")
            relative = Path(path).parent / request["midi"]
            request |= {
                "midi": str(relative if relative.exists() else absolute),
                "bars": tuple(request["bars"]),
                "sampler": Sampler(**request["sampler"]),
            }
            return cls(**(fields | {"request": InfillRequest(**request)}))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path} is not the record of a take: {error}") from error

    def check_sources(self):
        """Sees that the input file and the preset are those that the take was made from.

        Raises:
            ValueError: when one of them is gone or has changed; the message names it.
        """
        midi = Path(self.request.midi)
        if not midi.is_file():
            raise ValueError(f"The input file is gone: {midi}")
        if sha256(midi.read_bytes()) != self.midi_sha256:
            raise ValueError(f"The input file has changed since the take was made: {midi}")
        now = hash_preset(self.preset)
        changed = sorted(
            name for name in now.keys() | self.preset_sha256 if now.get(name) != self.preset_sha256.get(name)
        )
        if changed:
            raise ValueError(f"The preset {self.preset} has changed since the take was made: {', '.join(changed)}")


def sha256(data):
    """Returns the SHA-256 of bytes as a hexadecimal str."""
    return hashlib.sha256(data).hexdigest()


def made_with():
    """Returns the backend and the versions that compute here, a dict of str."""
    backend = keras.backend.backend()
    found = {"backend": backend, "keras_symdiff": __version__}
    for package in ("keras", *_PACKAGES.get(backend, ()), "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
