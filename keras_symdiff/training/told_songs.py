"""Songs with what a model is told of their phrases, cut for training and for validation."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float16, Float32, Int

from keras_symdiff.constants import PHRASE_STEPS, PIECE_PHRASES, STEPS_PER_BAR
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.split_windows import file_remainders
from keras_symdiff.music.condition import CONDITION_DIM, PARTS, Condition
from keras_symdiff.music.form import FormTable
from keras_symdiff.presets.preset import FORMS_FILE
from keras_symdiff.training.piece_batches import SHORTEST_PIECE, told_repeats

_LONGEST_RUN = 2 * PIECE_PHRASES  # longer ones are cut: each is padded to the longest


@dataclasses.dataclass(frozen=True, eq=False)
class ToldSongs:
    """Runs of 8 phrases and more without a rest, as `PieceBatches` takes them.

    Args:
        rows: phrases in the order in which they are played, as rows of the latents, then -1.
        conditions: see `music.condition`.
        melodies: the melody of the corpus that each run belongs to.

    Example:
    ```text
    train, held_out = ToldSongs.of(latents).split(latents.corpus.names)
    batches = PieceBatches(scaled, train.rows, train.conditions, batch_size=64, steps=4000)
    ```
    """

    rows: Int[np.ndarray, "S M"]
    conditions: Float[np.ndarray, "S M C"]
    melodies: Int[np.ndarray, " S"]

    @classmethod
    def of(cls, latents: LatentCorpus) -> "ToldSongs":
        """Finds the runs of encoded melodies."""
        corpus = latents.corpus
        runs = []
        for melody, (first, end) in enumerate(itertools.pairwise(corpus.offsets.tolist())):
            sounding = np.concatenate([[0], ~corpus.rests[first:end], [0]]).astype(int)
            for start, stop in (np.flatnonzero(np.diff(sounding)) + first).reshape(-1, 2).tolist():
                cuts = [*range(start, stop, _LONGEST_RUN), stop]
                runs += [(melody, *run) for run in itertools.pairwise(cuts) if run[1] - run[0] >= SHORTEST_PIECE]
        longest = max((stop - start for _, start, stop in runs), default=0)
        rows = np.full((len(runs), longest), -1, latents.inverse.dtype)
        conditions = np.zeros((*rows.shape, CONDITION_DIM), np.float16)
        for run, (_, start, stop) in enumerate(runs):
            at = np.arange(start, stop)
            rows[run, : len(at)] = latents.inverse[at]
            told = Condition.of(corpus.tokens[at], corpus.harmony(at), np.asarray(corpus.real_steps)[at])
            conditions[run, : len(at)] = features_of_run(told)
        return cls(rows, conditions, np.array([melody for melody, _, _ in runs], np.int64))

    def __len__(self) -> int:
        return len(self.rows)

    def split(self, names: list[str]) -> tuple["ToldSongs", "ToldSongs"]:
        """Separates training from validation by file, as `split_windows` does.

        Args:
            names: of the corpus's melodies.

        Returns:
            Tuple of those to train on and those to validate on, about a twentieth of the files.
        """
        remainders = file_remainders(names)[self.melodies]
        held_out = remainders == min(remainders, default=0)
        parts = (ToldSongs(self.rows[of], self.conditions[of], self.melodies[of]) for of in (~held_out, held_out))
        first, second = parts
        return first, second

    def pieces(self) -> tuple[Int[np.ndarray, "P 32"], Float[np.ndarray, "P 32 C"]]:
        """The runs as `cut_pieces` cuts them."""
        there = self.rows >= 0
        return cut_pieces(self.rows[there], self.conditions[there], there.sum(axis=1))

    def save_forms(self, folder: str | Path, latents: LatentCorpus) -> None:
        """Writes the forms of the pieces to a run directory, where one has 32 phrases: those of new ones are drawn.

        Args:
            folder: path.
            latents: what the songs were found in.
        """
        rows, conditions = self.pieces()
        if (rows >= 0).all(axis=1).any():
            tokens = np.zeros((len(latents.mean), PHRASE_STEPS), np.int8)
            tokens[latents.inverse] = latents.corpus.tokens
            forms_of(tokens, rows, conditions).save(Path(folder) / FORMS_FILE)


def features_of_run(condition: Condition) -> Float16[np.ndarray, "N C"]:
    """The features of phrases in a row, however many; what they say of repeats does not matter."""
    places = range(0, len(condition), PIECE_PHRASES)
    parts = [condition[first : first + PIECE_PHRASES].features() for first in places]
    return np.concatenate(parts).astype(np.float16)


def cut_pieces(
    rows: Int[np.ndarray, " N"],
    features: Float16[np.ndarray, "N C"],
    lengths: Int[np.ndarray, " R"],
    shortest: int = SHORTEST_PIECE,
) -> tuple[Int[np.ndarray, "P 32"], Float32[np.ndarray, "P 32 C"]]:
    """Cuts runs of phrases into pieces that do not overlap, of 32 phrases or, at the end of a run, fewer.

    Args:
        rows: rows of the phrases' tokens, run after run.
        features: of each phrase.
        lengths: phrases of each run.
        shortest: the fewest phrases of a piece.

    Returns:
        Tuple of rows, -1 beyond the end of a piece, and conditions, which know what the phrases repeat.
    """
    borders = [
        (first, min(first + PIECE_PHRASES, end))
        for length, end in zip(lengths.tolist(), np.cumsum(lengths).tolist(), strict=True)
        for first in range(end - length, end, PIECE_PHRASES)
    ]
    firsts, ends = np.array([border for border in borders if border[1] - border[0] >= shortest], int).reshape(-1, 2).T
    at = firsts[:, None] + np.arange(PIECE_PHRASES)  # (P, 32)
    present = at < ends[:, None]
    at = np.where(present, at, 0)
    pieces = np.where(present, rows[at], -1)
    conditions = np.where(present[:, :, None], features[at], 0).astype(np.float32)
    conditions[:, :, PARTS["repeats"]] = told_repeats(pieces)
    return pieces, conditions


def forms_of(
    tokens: Int[np.ndarray, "U 32"], rows: Int[np.ndarray, "P 32"], conditions: Float[np.ndarray, "P 32 C"]
) -> FormTable:
    """The forms of pieces.

    Args:
        tokens: distinct phrases.
        rows: of the pieces, -1 beyond the end of one.
        conditions: of the pieces.
    """
    real_steps = np.round(STEPS_PER_BAR * conditions[:, :, PARTS["real_steps"]]).astype(int)
    there = rows >= 0
    return FormTable.of(
        [tokens[row[at]] for row, at in zip(rows, there, strict=True)],
        [steps[at] for steps, at in zip(real_steps, there, strict=True)],
    )
