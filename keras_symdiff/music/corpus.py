"""The token phrases of a collection of MIDI files."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Int8, UInt8

from keras_symdiff import constants
from keras_symdiff.music.accompaniment import beneath_phrases
from keras_symdiff.music.condition import BEATS_PER_PHRASE, HALVES_PER_PHRASE
from keras_symdiff.music.melody import Melody, checked_tokens
from keras_symdiff.music.midi import read_melodies
from keras_symdiff.music.other_formats import OTHER_SUFFIXES
from keras_symdiff.music.song import MidiError, Song

_PARTS, _UNKNOWN = 254, 255
MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi")
_SONG_SUFFIXES = (*MIDI_SUFFIXES, *OTHER_SUFFIXES)

_ALL: Any = None  # the default of what `__post_init__` works out


@dataclasses.dataclass(frozen=True, eq=False)
class Corpus:
    """All phrases of all melodies of a collection, in order.

    Args:
        tokens: the phrases; melody m is `tokens[offsets[m]:offsets[m + 1]]`.
        rests: True for a phrase without onset.
        offsets: where the melodies start, with N at the end.
        names: of each melody, `path#instrument name`.
        num_files: files that gave at least one melody.
        skipped: (path, reason) of the other files.
        chroma: in how many of 254 parts of each beat the other tracks sound each pitch class;
            255 where nobody knows. Defaults to `None`: nobody knows anything.
        real_steps: of the 16 steps of each half of a phrase, how many are time of the song and not
            filled up. Defaults to `None`: all.

    Raises:
        ValueError: if the arrays contradict one another.
    """

    tokens: Int8[np.ndarray, "N 32"]
    rests: Bool[np.ndarray, " N"]
    offsets: Int[np.ndarray, " M1"]
    names: list[str]
    num_files: int
    skipped: list[tuple[str, str]]
    chroma: UInt8[np.ndarray, "N 8 12"] | None = None
    real_steps: UInt8[np.ndarray, "N 2"] = _ALL

    def __post_init__(self):
        phrases = len(checked_tokens(self.tokens))
        if self.rests.shape != (phrases,) or self.rests.dtype != bool:
            raise ValueError(
                f"`rests` must be bool of shape ({phrases},). Received: {self.rests.dtype} of shape {self.rests.shape}"
            )
        offsets = self.offsets
        if offsets.shape != (len(self.names) + 1,) or not np.issubdtype(offsets.dtype, np.integer):
            raise ValueError(
                f"`offsets` must be integers of shape ({len(self.names) + 1},). "
                f"Received: {offsets.dtype} of shape {offsets.shape}"
            )
        if offsets[0] != 0 or offsets[-1] != phrases or np.any(offsets[1:] < offsets[:-1]):
            raise ValueError(f"`offsets` must rise from 0 to {phrases}. Received: {offsets.min()}..{offsets.max()}")
        if self.real_steps is None:
            full = np.full((phrases, HALVES_PER_PHRASE), constants.STEPS_PER_BAR, np.uint8)
            object.__setattr__(self, "real_steps", full)  # the dataclass is frozen
        shapes = {"chroma": (phrases, BEATS_PER_PHRASE, 12), "real_steps": (phrases, HALVES_PER_PHRASE)}
        for name, shape in shapes.items():
            values = getattr(self, name)
            if values is not None and (values.shape != shape or values.dtype != np.uint8):
                raise ValueError(
                    f"`{name}` must be uint8 of shape {shape}. Received: {values.dtype} of shape {values.shape}"
                )
        most = np.max(np.asarray(self.real_steps), initial=0)
        if most > constants.STEPS_PER_BAR:
            raise ValueError(f"Half a phrase has 0 to 16 real steps. Received: {most}")

    @classmethod
    def concatenate(cls, corpora: Sequence["Corpus"]) -> "Corpus":
        """Joins collections.

        Args:
            corpora: list of `Corpus`.

        Returns:
            A `Corpus` of all melodies, in order.
        """
        starts = np.cumsum([0] + [len(corpus.tokens) for corpus in corpora])[:-1]
        offsets = [corpus.offsets[1:] + start for corpus, start in zip(corpora, starts, strict=True)]
        return cls(
            tokens=np.concatenate([corpus.tokens for corpus in corpora]),
            rests=np.concatenate([corpus.rests for corpus in corpora]),
            offsets=np.concatenate([[0], *offsets]),
            names=[name for corpus in corpora for name in corpus.names],
            num_files=sum(corpus.num_files for corpus in corpora),
            skipped=[skipped for corpus in corpora for skipped in corpus.skipped],
            chroma=_concatenated_chroma(corpora),
            real_steps=np.concatenate([np.asarray(corpus.real_steps) for corpus in corpora]),
        )

    def harmony(self, rows: Int[np.ndarray, "*P"] | list[int] | int) -> Float[np.ndarray, "*P 8 12"]:
        """What the other tracks sound beneath phrases.

        Args:
            rows: int array (...), indices of phrases.

        Returns:
            Float32 array (..., 8, 12), shares of each beat; NaN where nobody knows.
        """
        if self.chroma is None:
            return np.full((*np.shape(rows), BEATS_PER_PHRASE, 12), np.nan, np.float32)
        return chroma_shares(self.chroma[rows])

    @classmethod
    def of_pieces(cls, tokens: Int8[np.ndarray, "P L 32"]) -> "Corpus":
        """A collection of pieces without names or rests."""
        pieces, length = tokens.shape[:2]
        rests = np.zeros(pieces * length, bool)
        return cls(tokens.reshape(-1, tokens.shape[2]), rests, length * np.arange(pieces + 1), [""] * pieces, 0, [])

    def distinct(self) -> tuple[Int8[np.ndarray, "U 32"], Int[np.ndarray, " N"]]:
        """Finds the different phrases.

        Returns:
            Tuple of:
            - each phrase once.
            - inverse, so that `tokens[inverse]` are all phrases again.
        """
        tokens = np.ascontiguousarray(self.tokens)
        # Rows compared as opaque bytes: 10 times faster than np.unique(axis=0).
        rows = tokens.view(np.dtype((np.void, tokens.shape[1]))).reshape(-1)
        _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
        return tokens[first], inverse.reshape(-1)

    def windows(self, length: int = constants.PIECE_PHRASES) -> Int[np.ndarray, " W"]:
        """Finds the runs of consecutive phrases inside one melody that contain no rest phrase.

        Args:
            length: phrases in a window. Defaults to `32`.

        Returns:
            Indices into `tokens` where windows start.

        Raises:
            ValueError: if `length` is below 1.
        """
        if length < 1:
            raise ValueError(f"A window holds at least 1 phrase. Received: length={length}")
        melody = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        rests_before = np.concatenate([[0], np.cumsum(self.rests)])
        starts = np.arange(len(self.rests) - length + 1)
        clear = rests_before[starts + length] == rests_before[starts]
        return starts[clear & (melody[starts] == melody[starts + length - 1])]

    def counts(self) -> dict[str, int]:
        """Counts what a table of the collection shows.

        Returns:
            Dict of int: files, skipped, melodies, phrases, distinct, rests, windows.
        """
        return {
            "files": self.num_files,
            "skipped": len(self.skipped),
            "melodies": len(self.names),
            "phrases": len(self.tokens),
            "distinct": len(self.distinct()[0]),
            "rests": int(self.rests.sum()),
            "windows": len(self.windows()),
        }


def read_corpus(
    paths: str | os.PathLike | Iterable[str | os.PathLike], progress: Callable[[int, int], Any] | None = None
) -> Corpus:
    """Reads the melodies of MIDI files and folders.

    A file that cannot be read is skipped with its reason and stops nothing; so is one in another format than MIDI where
    note-seq is not installed.

    Args:
        paths: path or list of paths; a folder stands for all MIDI files below it, sorted.
        progress: called with (files done, files in total) after each file.

    Returns:
        A `Corpus`, in the order of `paths`.

    Raises:
        FileNotFoundError: if one of `paths` does not exist.
        ValueError: if no file is usable.

    Example:
    ```python
    corpus = read_corpus("midi/")
    pieces = corpus.tokens[corpus.windows()[:, None] + np.arange(32)]  # (W, 32, 32)
    ```
    """
    files = find_midi_files(paths)
    phrases, rests, names, skipped, heard, real_steps = [], [], [], [], [], []
    num_files = 0
    for done, file in enumerate(files, start=1):
        try:
            melodies = [(song, melody) for song in Song.open_all(file) for melody in read_melodies(song)]
        except MidiError as error:
            skipped.append((str(file), error.reason))
        except ImportError as error:
            skipped.append((str(file), str(error).removeprefix(f"{file}: ")))
        except OSError as error:
            skipped.append((str(file), error.strerror or str(error)))
        else:
            num_files += 1
            for song, melody in melodies:
                tokens, silent = melody.phrases()
                phrases.append(tokens)
                rests.append(silent)
                names.append(f"{song.name}#{melody.name}")
                beneath, real = surroundings(song, melody)
                heard.append(beneath)
                real_steps.append(real)
        if progress is not None:
            progress(done, len(files))
    if not phrases:
        reasons = "; ".join(f"{path}: {reason}" for path, reason in skipped[:3]) or "no *.mid or *.midi files"
        raise ValueError(f"There must be at least one usable MIDI file. Received: {reasons}")
    chroma = np.concatenate(heard)
    return Corpus(
        tokens=np.concatenate(phrases),
        rests=np.concatenate(rests),
        offsets=np.cumsum([0, *map(len, phrases)]),
        names=names,
        num_files=num_files,
        skipped=skipped,
        chroma=chroma if np.any(chroma != _UNKNOWN) else None,
        real_steps=np.concatenate(real_steps),
    )


def surroundings(song: Song, melody: Melody) -> tuple[UInt8[np.ndarray, "N 8 12"], UInt8[np.ndarray, "N 2"]]:
    """What a song says of the phrases of one of its melodies.

    Args:
        song: `Song`.
        melody: one of its melodies.

    Returns:
        Tuple of `chroma` and `real_steps`, as `Corpus` has them.
    """
    steps = melody.phrase_steps
    real = (steps >= 0).reshape(-1, HALVES_PER_PHRASE, constants.STEPS_PER_BAR).sum(axis=2)
    return chroma_parts(beneath_phrases(song, melody.track, steps)), real.astype(np.uint8)


def chroma_parts(shares: Float[np.ndarray, "N 8 12"]) -> UInt8[np.ndarray, "N 8 12"]:
    """Shares of beats as `Corpus.chroma` has them.

    Args:
        shares: float array (N, 8, 12) in [0, 1]; NaN where nobody knows.

    Returns:
        Uint8 array (N, 8, 12).
    """
    return np.where(np.isnan(shares), _UNKNOWN, np.round(_PARTS * np.nan_to_num(shares))).astype(np.uint8)


def chroma_shares(parts: UInt8[np.ndarray, "*N 8 12"]) -> Float[np.ndarray, "*N 8 12"]:
    """The way back from `chroma_parts`.

    Args:
        parts: uint8 array (..., 8, 12).

    Returns:
        Float32 array (..., 8, 12), shares of each beat; NaN where nobody knows.
    """
    return np.where(parts == _UNKNOWN, np.float32(np.nan), parts / np.float32(_PARTS))


def find_midi_files(paths: str | os.PathLike | Iterable[str | os.PathLike]) -> list[pathlib.Path]:
    """Lists MIDI files: files as they are, folders by all below them that `Song` can read, sorted.

    Args:
        paths: path or list of paths.

    Returns:
        List of `pathlib.Path`.

    Raises:
        FileNotFoundError: if one of `paths` does not exist.
    """
    paths = [paths] if isinstance(paths, str | os.PathLike) else paths
    files = []
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            files += sorted(p for p in path.rglob("*") if p.suffix.lower() in _SONG_SUFFIXES and p.is_file())
        elif path.exists():
            files.append(path)
        else:
            raise FileNotFoundError(f"{path}: no such file or folder")
    return files


def _concatenated_chroma(corpora):
    if all(corpus.chroma is None for corpus in corpora):
        return None
    unknown = (BEATS_PER_PHRASE, 12)
    return np.concatenate(
        [
            np.full((len(corpus.tokens), *unknown), _UNKNOWN, np.uint8) if corpus.chroma is None else corpus.chroma
            for corpus in corpora
        ]
    )
