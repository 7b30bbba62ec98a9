"""The MIDI files of a source: found, hashed, split and cut into blocks."""

import dataclasses
import hashlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from keras_symdiff.files.readable_name import readable_name
from keras_symdiff.files.unpack_archive import unpack_archive
from keras_symdiff.music.corpus import MIDI_SUFFIXES
from keras_symdiff.music.song import MAX_FILE_BYTES

FILES_PER_BLOCK = 256
SPLITS = ("train", "validation")


@dataclasses.dataclass(frozen=True)
class MidiFile:
    """A MIDI file of a source.

    Args:
        path: where it lies.
        name: its path below the source's folder, as `readable_name` gives it.
        sha256: hexadecimal hash of its bytes.
    """

    path: str
    name: str
    sha256: str

    @property
    def rank(self) -> float:
        """Float in [0, 1) by the hash: files below a share are that share of all files, whatever the others are."""
        number = int(self.sha256[:16], 16)
        return number % 100 / 100 + number // 100 % 10**6 / 10**8


@dataclasses.dataclass(frozen=True)
class Block:
    """Files that are parsed and encoded together: what a build does, or does again after a kill, at a time.

    Args:
        number: place among all blocks; those of the train split come first.
        split: the split of all its files.
        files: tuple of `MidiFile`.
    """

    number: int
    split: str
    files: tuple


def find_midi_files(folder: str | os.PathLike, pattern: str = "**/*") -> tuple[list[MidiFile], list[tuple[str, str]]]:
    """Lists the different MIDI files of a folder by name.

    Args:
        folder: path.
        pattern: glob below `folder`. Defaults to everything.

    Returns:
        Tuple of:
        - files: list of `MidiFile`, the first of each content.
        - dropped: list of (name, reason), the others.

    Raises:
        ValueError: if there is none.
    """
    folder = pathlib.Path(folder)
    files, dropped, first = [], [], {}
    paths = [path for path in folder.glob(pattern) if path.suffix.lower() in MIDI_SUFFIXES and path.is_file()]
    for path in sorted(paths):
        name = readable_name(path.relative_to(folder).as_posix())
        try:
            with open(path, "rb") as file:
                sha256 = hashlib.sha256(file.read(MAX_FILE_BYTES + 1)).hexdigest()
        except OSError as error:
            dropped.append((name, error.strerror or str(error)))
            continue
        if sha256 in first:
            dropped.append((name, f"is a copy of another file ({first[sha256]})"))
            continue
        first[sha256] = name
        files.append(MidiFile(str(path), name, sha256))
    if not files:
        raise ValueError(f"The source must hold MIDI files (*.mid, *.midi). Received: {folder} without a readable one")
    return files, dropped


def hash_of_files(files: Sequence[MidiFile]) -> str:
    """SHA-256 of the names and contents of files: equal where a build has the same input."""
    return hashlib.sha256("".join(f"{file.sha256} {file.name}\n" for file in files).encode()).hexdigest()


def cut_into_blocks(
    files: Sequence[MidiFile], validation_share: float = 0.01, tunes: Int[np.ndarray, " F"] | None = None
) -> list["Block"]:
    """Cuts files into blocks of one split each, train first.

    A melody that several files hold is kept where it comes first, so that what validation holds is new to it.

    Args:
        files: list of `MidiFile`.
        validation_share: float in [0, 1), about how many of the files are for validation: those of the lowest ranks,
            but at least one of several, unless the share is 0. Defaults to the paper's 0.01.
        tunes: int array, of each file the first that has its tune: all of them get one rank, and so one split.
            Defaults to `None`: every file has a tune of its own.

    Returns:
        List of `Block`.
    """
    tunes = np.arange(len(files)) if tunes is None else tunes
    # Of a tune's files the rank of one, chosen by other digits of its hash than those of its rank.
    chosen = {}
    for file, tune in zip(files, tunes.tolist(), strict=True):
        chosen[tune] = min(chosen.get(tune, file), file, key=lambda file: file.sha256[16:])
    first = min(file.rank for file in chosen.values()) if validation_share and len(chosen) > 1 else -1.0
    ranks = [chosen[tune].rank for tune in tunes.tolist()]
    pairs = zip(files, ranks, strict=True)
    held_out = {file for file, rank in pairs if rank < validation_share or rank == first}
    blocks = []
    for split in SPLITS:
        members = [file for file in files if (file in held_out) == (split == "validation")]
        for start in range(0, len(members), FILES_PER_BLOCK):
            blocks.append(Block(len(blocks), split, tuple(members[start : start + FILES_PER_BLOCK])))
    return blocks


def open_source(source: str | os.PathLike, folder: str | os.PathLike) -> pathlib.Path:
    """Unpacks the MIDI files of a source that is an archive.

    Args:
        source: path of a folder of MIDI files, of an archive of them (`.tar`, compressed or not, or `.zip`), or of a
            folder that holds nothing but an archive.
        folder: path in which unpacked archives are kept, under their hash.

    Returns:
        Path of a folder below which the MIDI files lie.

    Raises:
        ValueError: if the archive is damaged or none, or unpacks to too much; see `unpack_archive`.
        FileNotFoundError: if there is no `source`.
    """
    source = pathlib.Path(source)
    if source.is_dir():
        entries = list(source.iterdir())
        if len(entries) != 1 or entries[0].is_dir() or entries[0].suffix.lower() in MIDI_SUFFIXES:
            return source
        (source,) = entries
    with open(source, "rb") as file:
        target = pathlib.Path(folder) / hashlib.file_digest(file, "sha256").hexdigest()
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    for killed in target.parent.glob(".incomplete.*"):
        shutil.rmtree(killed)
    temporary = pathlib.Path(tempfile.mkdtemp(dir=target.parent, prefix=".incomplete."))
    try:
        # A byte beyond what is read of a file, so that one that is too large is told so.
        unpack_archive(source, temporary, lambda name: name.lower().endswith(MIDI_SUFFIXES), MAX_FILE_BYTES + 1)
        temporary.rename(target)
    except ValueError as error:
        raise ValueError(f"A source is a folder or a whole archive. Received: {source} ({error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target
