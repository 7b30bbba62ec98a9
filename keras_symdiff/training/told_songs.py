"""Songs with what a model is told of their phrases, cut for training and for validation."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff.constants import PHRASE_STEPS, PIECE_PHRASES, STEPS_PER_BAR
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.split_windows import file_remainders
from keras_symdiff.music.condition import CONDITION_DIM, PARTS, Condition
from keras_symdiff.music.form import FormTable
from keras_symdiff.presets.preset import FORMS_FILE
from keras_symdiff.training.piece_batches import SHORTEST_PIECE

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
            for place in range(0, len(at), PIECE_PHRASES):
                features = told[place : place + PIECE_PHRASES].features()
                conditions[run, place : place + len(features)] = features
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
        """Cuts the runs into pieces that do not overlap, of 32 phrases or, at the end of a run, fewer.

        Returns:
            Tuple of rows, -1 beyond the end of a piece, and conditions, float32.
        """
        padding = [(0, 0), (0, -self.rows.shape[1] % PIECE_PHRASES)]
        rows = np.pad(self.rows, padding, constant_values=-1).reshape(-1, PIECE_PHRASES)
        conditions = np.pad(self.conditions, [*padding, (0, 0)]).reshape(-1, PIECE_PHRASES, CONDITION_DIM)
        whole = (rows >= 0).sum(axis=1) >= SHORTEST_PIECE
        rows, conditions = rows[whole], conditions[whole].astype(np.float32)
        conditions[:, :, PARTS["repeats"]] = 0
        piece, place = np.nonzero(rows >= 0)
        conditions[piece, place, PARTS["repeats"].start + _earliest_equal(rows)[piece, place]] = 1
        conditions[piece, place, PARTS["repeats"].stop - 1] = 1
        return rows, conditions

    def save_forms(self, folder: str | Path, latents: LatentCorpus) -> None:
        """Writes the forms of the pieces to a run directory, where one has 32 phrases: those of new ones are drawn.

        Args:
            folder: path.
            latents: what the songs were found in.
        """
        rows, conditions = self.pieces()
        if not (rows >= 0).all(axis=1).any():
            return
        tokens = np.zeros((len(latents.mean), PHRASE_STEPS), np.int8)
        tokens[latents.inverse] = latents.corpus.tokens
        steps = np.round(STEPS_PER_BAR * conditions[:, :, PARTS["real_steps"]]).astype(int)
        real = [row >= 0 for row in rows]
        FormTable.of(
            [tokens[row[at]] for row, at in zip(rows, real, strict=True)],
            [one[at] for one, at in zip(steps, real, strict=True)],
        ).save(Path(folder) / FORMS_FILE)


def _earliest_equal(rows):
    """Of each phrase of pieces (P, L), the place of the earliest one with the same row."""
    return np.argmax(rows[:, :, None] == rows[:, None], axis=-1)
