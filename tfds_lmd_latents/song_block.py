"""The melodies of a block of MIDI files, before and after encoding."""

import dataclasses
import hashlib
import io
import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from keras_symdiff.constants import PHRASE_STEPS, PIECE_PHRASES
from keras_symdiff.files.read_npz import read_npz
from keras_symdiff.music.condition import BEATS_PER_PHRASE, HALVES_PER_PHRASE, Condition
from keras_symdiff.music.corpus import Corpus, surroundings
from keras_symdiff.music.key import estimate_key, pitch_class_weights
from keras_symdiff.music.midi import read_melodies
from keras_symdiff.music.song import MidiError, Song
from keras_symdiff.write_atomically import write_atomically
from tfds_lmd_latents.midi_files import MidiFile

_PROVENANCE = [("name", np.str_), ("file_hash", np.str_), ("track", np.int32)]


@dataclasses.dataclass(frozen=True, eq=False)
class SongBlock:
    """The melodies of a block of files.

    Args:
        corpus: `Corpus` of M melodies and N phrases; its `skipped` has the names of files.
        provenance: dict of arrays (M,): `name` and `file_hash` (SHA-256), `track`.
        bars: int32 array (N,), bar of the file, from 0, in which a phrase starts.
        qpm: float32 array (N,), tempo where a phrase starts, in quarters per minute.
        metres: str array (N,), time signature where a phrase starts, such as `3/4`.
        duplicates: melodies that were left out because an earlier file, or track, has them too.
    """

    corpus: Corpus
    provenance: dict
    bars: np.ndarray
    qpm: np.ndarray
    metres: np.ndarray
    duplicates: int = 0

    @classmethod
    def parse(cls, files: Sequence[MidiFile]) -> "SongBlock":
        """Reads the melodies of files. One that cannot be used stops nothing.

        Args:
            files: sequence of `MidiFile`.

        Returns:
            A `SongBlock`.
        """
        tokens, rests, qpm = [np.zeros((0, PHRASE_STEPS), np.int8)], [np.zeros(0, bool)], [np.zeros(0, np.float32)]
        bars, metres = [np.zeros(0, np.int32)], [np.zeros(0, np.str_)]
        heard = [np.zeros((0, BEATS_PER_PHRASE, 12), np.uint8)]
        real_steps = [np.zeros((0, HALVES_PER_PHRASE), np.uint8)]
        rows, skipped = [], []
        for file in files:
            try:
                song = Song.open(file.path)
                melodies = read_melodies(song)
            except MidiError as error:
                skipped.append((file.name, error.reason))
            except OSError as error:
                skipped.append((file.name, error.strerror or str(error)))
            else:
                for melody in melodies:
                    melody_tokens, melody_rests = melody.phrases()
                    steps = melody.phrase_borders[:-1:PHRASE_STEPS]
                    at, tempos = np.array(melody.tempos).T
                    tokens.append(melody_tokens)
                    rests.append(melody_rests)
                    qpm.append(tempos[np.searchsorted(at, steps, side="right") - 1].astype(np.float32))
                    bars.append(np.asarray(melody.grid.bar_of(steps), np.int32))
                    begins = [metre.step for metre in melody.grid.metres]
                    names = np.array([f"{metre.numerator}/{metre.denominator}" for metre in melody.grid.metres])
                    metres.append(names[np.maximum(np.searchsorted(begins, steps, side="right") - 1, 0)])
                    beneath, real = surroundings(song, melody)
                    heard.append(beneath)
                    real_steps.append(real)
                    rows.append((file.name, file.sha256, melody.track))
        columns = zip(*rows, strict=True) if rows else [()] * len(_PROVENANCE)
        corpus = Corpus(
            tokens=np.concatenate(tokens),
            rests=np.concatenate(rests),
            offsets=np.cumsum([0, *map(len, tokens[1:])]),
            names=[f"{name}#{track}" for name, _, track in rows],
            num_files=len(files) - len(skipped),
            skipped=skipped,
            chroma=np.concatenate(heard),
            real_steps=np.concatenate(real_steps),
        )
        provenance = {name: np.array(c, dtype) for (name, dtype), c in zip(_PROVENANCE, columns, strict=True)}
        return cls(corpus, provenance, np.concatenate(bars), np.concatenate(qpm), np.concatenate(metres))

    def digests(self) -> list[bytes]:
        """Hashes of the melodies' tokens, list of M bytes; equal for equal melodies."""
        offsets = self.corpus.offsets
        return [
            hashlib.blake2b(self.corpus.tokens[start:end].tobytes(), digest_size=16).digest()
            for start, end in itertools.pairwise(offsets)
        ]

    def keep(self, melodies: Sequence[int]) -> "SongBlock":
        """Keeps some of the melodies; the others are duplicates.

        Args:
            melodies: increasing indices of melodies.

        Returns:
            A `SongBlock`.
        """
        chosen = np.asarray(melodies, dtype=np.int64)
        offsets = self.corpus.offsets
        lengths = np.diff(offsets)[chosen]
        kept = np.isin(np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)), chosen)  # (N,)
        corpus = dataclasses.replace(
            self.corpus,
            tokens=self.corpus.tokens[kept],
            rests=self.corpus.rests[kept],
            chroma=np.asarray(self.corpus.chroma)[kept],
            real_steps=np.asarray(self.corpus.real_steps)[kept],
            offsets=np.concatenate([[0], np.cumsum(lengths)]),
            names=[self.corpus.names[melody] for melody in chosen],
        )
        provenance = {name: column[chosen] for name, column in self.provenance.items()}
        duplicates = len(self.corpus.names) - len(chosen)
        return SongBlock(corpus, provenance, self.bars[kept], self.qpm[kept], self.metres[kept], duplicates)

    def counts(self) -> dict[str, int]:
        """Counts what a report shows, a dict of int."""
        return {
            "files": self.corpus.num_files,
            "melodies": len(self.corpus.names),
            "duplicate melodies": self.duplicates,
            "phrases": len(self.corpus.tokens),
            "encoded phrases": len(self.corpus.distinct()[0]),
            "pieces": len(self.corpus.windows()),
        }

    @classmethod
    def load(cls, path: str | os.PathLike) -> "SongBlock":
        """Reads the melodies of what `EncodedBlock.save` wrote, and not their posteriors.

        Raises:
            ValueError: if the file is damaged.
            FileNotFoundError: if there is none.
        """
        columns = [name for name, _ in _PROVENANCE]
        of_phrases = ["bars", "qpm", "metres"]
        names = ["tokens", "rests", "offsets", "num_files", "skipped", "chroma", "real_steps", "duplicates"]
        fields = _read(path, [*names, *of_phrases, *columns])
        corpus = Corpus(
            tokens=fields["tokens"],
            rests=fields["rests"],
            offsets=fields["offsets"],
            names=[f"{name}#{track}" for name, track in zip(fields["name"], fields["track"], strict=True)],
            num_files=int(fields["num_files"]),
            skipped=[tuple(row) for row in fields["skipped"].tolist()],
            chroma=fields["chroma"],
            real_steps=fields["real_steps"],
        )
        provenance = {name: fields[name] for name in columns}
        bars, qpm, metres = (fields[name] for name in of_phrases)
        return cls(corpus, provenance, bars, qpm, metres, int(fields["duplicates"]))


@dataclasses.dataclass(frozen=True, eq=False)
class EncodedBlock:
    """The melodies of a block with their posteriors.

    Args:
        songs: `SongBlock` of N phrases, U of them distinct.
        mean: float32 array (U, Z).
        stddev: float32 array (U, Z).
        inverse: int array (N,): phrase `n` has the posterior `inverse[n]`.
    """

    songs: SongBlock
    mean: np.ndarray
    stddev: np.ndarray
    inverse: np.ndarray

    @classmethod
    def encode(cls, vae: Any, songs: SongBlock) -> "EncodedBlock":
        """Encodes the distinct phrases of a block, in an order and in batches that only the block decides.

        Args:
            vae: `MusicVAE`.
            songs: `SongBlock`.

        Returns:
            An `EncodedBlock`.
        """
        tokens, inverse = songs.corpus.distinct()
        mean, stddev = vae.encode(tokens)
        return cls(songs, mean, stddev, inverse)

    def examples(self, layout: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields what the data set holds of this block.

        Args:
            layout: `"sequences"`, every 32 consecutive phrases of a melody without a rest phrase; or `"melodies"`,
                every melody whole.

        Yields:
            Tuples of a str that no other example has, and a dict of NumPy arrays and scalars.
        """
        corpus, provenance = self.songs.corpus, self.songs.provenance
        if layout == "sequences":
            starts = corpus.windows()
            melodies = np.searchsorted(corpus.offsets, starts, side="right") - 1
            ends = starts + PIECE_PHRASES
        else:
            melodies = np.arange(len(corpus.names))
            starts, ends = corpus.offsets[:-1], corpus.offsets[1:]
        told = [self._describe(melody) for melody in range(len(corpus.names))]
        for melody, start, end in zip(melodies.tolist(), starts.tolist(), ends.tolist(), strict=True):
            offset = start - int(corpus.offsets[melody])
            rows = self.inverse[start:end]
            key, condition = told[melody]
            yield (
                f"{provenance['file_hash'][melody]}-{provenance['track'][melody]}-{offset}",
                {
                    "mean": self.mean[rows],
                    "stddev": self.stddev[rows],
                    "tokens": corpus.tokens[start:end],
                    "chroma": np.asarray(corpus.chroma)[start:end],
                    "density": condition.density[offset : offset + end - start],
                    "register": condition.register[offset : offset + end - start],
                    "real_steps": np.asarray(corpus.real_steps)[start:end],
                    "key": key,
                    "metre": str(self.songs.metres[start]),
                    "file": str(provenance["name"][melody]),
                    "file_hash": str(provenance["file_hash"][melody]),
                    "track": int(provenance["track"][melody]),
                    "first_bar": int(self.songs.bars[start]),
                    "qpm": float(self.songs.qpm[start]),
                },
            )

    def _describe(self, melody):
        """The key of a melody, as text, and its `Condition`."""
        corpus = self.songs.corpus
        rows = np.arange(*corpus.offsets[melody : melody + 2])
        tokens, chroma = corpus.tokens[rows], corpus.harmony(rows)
        key, _ = estimate_key(pitch_class_weights(tokens, chroma))
        return str(key), Condition.of(tokens, chroma, np.asarray(corpus.real_steps)[rows])

    def save(self, path: str | os.PathLike) -> None:
        """Writes the block; the file appears complete or not at all."""
        corpus = self.songs.corpus
        buffer = io.BytesIO()
        np.savez(
            buffer,
            tokens=corpus.tokens,
            rests=corpus.rests,
            offsets=corpus.offsets,
            num_files=corpus.num_files,
            skipped=np.array(corpus.skipped, dtype=np.str_).reshape(-1, 2),
            chroma=np.asarray(corpus.chroma),
            real_steps=np.asarray(corpus.real_steps),
            bars=self.songs.bars,
            qpm=self.songs.qpm,
            metres=self.songs.metres,
            duplicates=self.songs.duplicates,
            mean=self.mean,
            stddev=self.stddev,
            inverse=self.inverse,
            **self.songs.provenance,
        )
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike) -> "EncodedBlock":
        """Reads what `save` wrote.

        Raises:
            ValueError: if the file is damaged.
            FileNotFoundError: if there is none.
        """
        songs = SongBlock.load(path)
        return cls(songs, **_read(path, ["mean", "stddev", "inverse"]))


def _read(path, names):
    try:
        return read_npz(path, names)
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and build again") from error
