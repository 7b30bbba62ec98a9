"""The encoded phrases of a collection of melodies."""

import dataclasses
import io
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff.check_finite import check_finite
from keras_symdiff.constants import PIECE_PHRASES
from keras_symdiff.files.read_npz import read_npz
from keras_symdiff.music.corpus import Corpus
from keras_symdiff.music.transpose import corpus_in_home_key
from keras_symdiff.write_atomically import write_atomically


@dataclasses.dataclass(frozen=True, eq=False)
class LatentCorpus:
    """Posteriors of the distinct phrases of a collection, and where each phrase stands.

    Args:
        corpus: the collection, of N phrases, U of them distinct.
        mean: posterior means of the distinct phrases.
        stddev: their posterior standard deviations.
        inverse: phrase `n` of the corpus has the mean `mean[inverse[n]]`.
        encoder: names the encoder by the hash of its weights.

    Raises:
        ValueError: If the arrays contradict one another, or a posterior is not finite.
    """

    corpus: Corpus
    mean: Float[np.ndarray, "U Z"]
    stddev: Float[np.ndarray, "U Z"]
    inverse: Int[np.ndarray, " N"]
    encoder: str

    def __post_init__(self):
        num_distinct, phrases = len(self.mean), len(self.corpus.tokens)
        if self.mean.ndim != 2 or self.stddev.shape != self.mean.shape:
            raise ValueError(
                "`mean` and `stddev` must have one shape (U, Z). "
                f"Received: shapes {self.mean.shape} and {self.stddev.shape}"
            )
        if {self.mean.dtype.kind, self.stddev.dtype.kind} != {"f"}:
            raise ValueError(f"`mean` and `stddev` must be floats. Received: {self.mean.dtype} and {self.stddev.dtype}")
        check_finite("Posterior means", self.mean)
        check_finite("Posterior standard deviations", self.stddev)
        if self.inverse.shape != (phrases,) or not np.issubdtype(self.inverse.dtype, np.integer):
            raise ValueError(
                f"`inverse` must be integers of shape ({phrases},). "
                f"Received: {self.inverse.dtype} of shape {self.inverse.shape}"
            )
        if phrases and not 0 <= self.inverse.min() <= self.inverse.max() < num_distinct:
            raise ValueError(
                f"`inverse` must be in [0, {num_distinct}). Received: values {self.inverse.min()}..{self.inverse.max()}"
            )

    @classmethod
    def encode(cls, vae: Any, corpus: Corpus, progress: Callable[[int, int], Any] | None = None) -> "LatentCorpus":
        """Encodes the distinct phrases of a collection.

        Args:
            vae: `MusicVAE`, the encoder.
            corpus: the collection.
            progress: called with phrases done and phrases in total.

        Returns:
            A `LatentCorpus`.
        """
        tokens, inverse = corpus.distinct()
        mean, stddev = vae.encode(tokens, progress)
        return cls(corpus, mean, stddev, inverse, vae.fingerprint())

    def in_home_key(self, vae: Any) -> "LatentCorpus":
        """The same melodies in C major or A minor, for models that know no other key; see `corpus_in_home_key`."""
        return LatentCorpus.encode(vae, corpus_in_home_key(self.corpus))

    @classmethod
    def concatenate(cls, parts: Sequence["LatentCorpus"]) -> "LatentCorpus":
        """Joins collections that one encoder encoded.

        Args:
            parts: the collections.

        Returns:
            A `LatentCorpus` of all melodies, in order.
        """
        rows = np.cumsum([0] + [len(part.mean) for part in parts])[:-1]
        return cls(
            Corpus.concatenate([part.corpus for part in parts]),
            mean=np.concatenate([part.mean for part in parts]),
            stddev=np.concatenate([part.stddev for part in parts]),
            inverse=np.concatenate([part.inverse + start for part, start in zip(parts, rows, strict=True)]),
            encoder=parts[0].encoder,
        )

    def windows(self, length: int = PIECE_PHRASES) -> Int[np.ndarray, "W L"]:
        """Rows of `mean` for every run of `length` phrases without a rest."""
        return self.inverse[self.corpus.windows(length)[:, None] + np.arange(length)]

    def save(self, path: str | os.PathLike) -> None:
        """Writes everything to one `.npz` file."""
        corpus = dataclasses.asdict(self.corpus)
        corpus["names"] = np.array(corpus["names"], dtype=np.str_)
        corpus["skipped"] = np.array([f"{path}\t{reason}" for path, reason in corpus["skipped"]], dtype=np.str_)
        corpus = {name: values for name, values in corpus.items() if values is not None}
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer, mean=self.mean, stddev=self.stddev, inverse=self.inverse, encoder=self.encoder, **corpus
        )
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike) -> "LatentCorpus":
        """Reads what `save` wrote.

        Raises:
            ValueError: when the file is something else, or damaged.
            FileNotFoundError: when there is none.
        """
        try:
            fields: Any = read_npz(path)
            corpus = Corpus(
                tokens=fields["tokens"],
                rests=fields["rests"],
                offsets=fields["offsets"],
                names=_lines(fields["names"]),
                num_files=int(fields["num_files"]),
                skipped=[line.partition("\t")[::2] for line in _lines(fields["skipped"])],
                chroma=fields.get("chroma"),
                real_steps=fields.get("real_steps"),
            )
            return cls(corpus, fields["mean"], fields["stddev"], fields["inverse"], str(fields["encoder"]))
        except (KeyError, TypeError, ValueError) as error:  # TypeError: not a scalar where one belongs
            why = f"it has no {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"{path} does not hold encoded melodies (see `symdiff encode`): {why}") from error


def _lines(array):
    """The str of an array (N,), as a list."""
    if array.ndim != 1 or array.dtype.kind != "U":
        raise ValueError(f"names must be text of shape (N,). Received: {array.dtype} of shape {array.shape}")
    return array.tolist()
