"""Batches of pieces of any length with their conditions."""

import numpy as np
from jaxtyping import Bool, Float, Int, Real

from keras_symdiff.constants import PIECE_PHRASES
from keras_symdiff.music.condition import PARTS
from keras_symdiff.noise_streams import Purpose, noise_streams
from keras_symdiff.training.processes import own_share
from keras_symdiff.training.seeded_batches import SeededBatches

SHORTEST_PIECE = 8  # phrases: 16 bars
_LONGEST_DRAW = 56  # lengths are drawn from 8 to here and cut to 32: half of the pieces of a long song are full


class PieceBatches(SeededBatches):
    """Random pieces of songs for `fit`, equal whether training ran through or was killed and resumed.

    Each piece is of a song drawn by weight, 8 to 32 successive phrases of it from a random one on, padded to 32. What
    its phrases repeat is found here, from the rows: the earliest equal one of the piece.

    Args:
        phrases: float array (U, D), latents of distinct phrases.
        songs: int array (S, M), rows of `phrases` in the order in which they are played, then -1.
        conditions: float array (S, M, C), see `music.condition`; what they say of repeats does not matter.
        batch_size: pieces per batch.
        steps: batches per epoch.
        weights: float array (S,), how often a song is drawn. Defaults to the songs' numbers of phrases.
        seed: int.

    Raises:
        ValueError: if shapes do not fit, or a song has fewer than 8 phrases.

    Example:
    ```text
    batches = PieceBatches(phrases, songs, conditions, batch_size=64, steps=4000)
    (latents, condition), = batches[0]  # (64, 32, D), (64, 32, C)
    ```
    """

    def __init__(
        self,
        phrases: Float[np.ndarray, "U D"],
        songs: Int[np.ndarray, "S M"],
        conditions: Float[np.ndarray, "S M C"],
        batch_size: int,
        steps: int,
        weights: Real[np.ndarray, " S"] | None = None,
        seed: int = 0,
    ):
        super().__init__(songs, batch_size, steps, seed)
        self.lengths = (songs >= 0).sum(axis=1)  # (S,)
        frequencies = self.lengths if weights is None else np.asarray(weights)
        if conditions.shape[:2] != songs.shape or frequencies.shape != songs.shape[:1]:
            raise ValueError(
                "Each phrase has a condition, and each song a weight. Received: songs of shape "
                f"{songs.shape}, conditions of shape {conditions.shape}, weights of shape {frequencies.shape}"
            )
        if self.lengths.min() < SHORTEST_PIECE:
            raise ValueError(
                f"Songs have at least {SHORTEST_PIECE} phrases. Received: one of {self.lengths.min()} phrases"
            )
        self.phrases = phrases
        self.songs = songs
        self.conditions = conditions
        self.cumulative = np.cumsum(frequencies) / np.sum(frequencies)  # (S,)

    def __getitem__(self, index):
        step = self.epoch * self.steps + index
        (stream,) = noise_streams(self.seed, [step], Purpose.CROPS)
        song = np.searchsorted(self.cumulative, stream.random(self.batch_size), side="right")  # (B,)
        song = np.minimum(song, len(self.cumulative) - 1)  # the last sum may be rounded to below 1
        drawn = stream.integers(SHORTEST_PIECE, _LONGEST_DRAW + 1, self.batch_size)
        length = np.minimum(np.minimum(drawn, PIECE_PHRASES), self.lengths[song])  # (B,)
        start = stream.integers(0, self.lengths[song] - length + 1)
        places = np.arange(PIECE_PHRASES)  # (L,)
        present = places < length[:, None]  # (B, L)
        at = song[:, None], np.where(present, start[:, None] + places, 0)
        rows = np.where(present, self.songs[at], -1)  # (B, L)
        latents = self.phrases[rows] * present[:, :, None]  # (B, L, D)
        condition = np.where(present[:, :, None], self.conditions[at], 0).astype("float32")  # (B, L, C)
        condition[:, :, PARTS["repeats"]] = told_repeats(rows)
        return (own_share((latents.astype("float32", copy=False), condition)),)


def told_repeats(rows: Int[np.ndarray, "B 32"]) -> Bool[np.ndarray, "B 32 33"]:
    """The part `repeats` of the conditions of pieces, by the rows of their phrases, -1 beyond the end of a piece."""
    present = (rows >= 0)[:, :, None]
    earliest = np.argmax(rows[:, :, None] == rows[:, None], axis=-1)  # (B, L)
    plan = earliest[:, :, None] == np.arange(PIECE_PHRASES)
    return np.concatenate([plan & present, present], axis=-1)
