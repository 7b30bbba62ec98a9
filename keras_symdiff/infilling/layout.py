"""A melody with gaps, laid out in phrases."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Int8

from keras_symdiff import constants
from keras_symdiff.infilling.gaps import Gap, runs_of
from keras_symdiff.music.melody import Melody


class Layout(NamedTuple):
    """A melody with gaps, laid out in N phrases.

    Args:
        melody: the melody with silence in the gaps.
        tokens: the phrases as they were.
        steps: the song's step of each step of the phrases, -1 where a bar is filled up.
        free: which of them are to be composed.
    """

    melody: Melody
    tokens: Int[np.ndarray, "N 32"]
    steps: Int[np.ndarray, "N 32"]
    free: Bool[np.ndarray, "N 32"]

    @classmethod
    def of(cls, melody: Melody, gaps: Sequence[Gap], begin: int | None = None) -> "Layout":
        """Lays a melody out in phrases.

        Args:
            melody: `Melody`.
            gaps: the gaps.
            begin: bar, from 0, with which one of the phrases begins. Defaults to `None`: that of the melody's phrases,
                wherever its gaps begin.
        """
        empty = melody
        for gap in gaps:
            empty = empty.replace_steps(gap.first_step, np.zeros(gap.end_step - gap.first_step, np.int8))
        grid, begin = melody.grid, melody.first_bar if begin is None else begin
        steps = grid.phrase_steps(begin, empty.num_steps)
        if begin > empty.first_bar:
            border, before = grid.bar_step(begin), empty.phrase_steps.reshape(-1)
            before = before[: int(np.argmax(before == border))]
            # The bars before it are filled up to whole phrases where their metre begins: others stay in their phrases.
            place = int(np.argmax(before >= grid.metre_of(border - 1).step))
            filled = np.insert(before, place, [-1] * (-len(before) % constants.PHRASE_STEPS))
            steps = np.concatenate([filled.reshape(-1, constants.PHRASE_STEPS), steps])
        free = np.any([(steps >= gap.first_step) & (steps < gap.end_step) for gap in gaps], axis=0)
        free &= ~grid.stays_empty(steps)
        tokens, _ = phrase_tokens(melody, steps, np.zeros_like(free))
        return cls(empty, tokens, steps, free)

    @property
    def new_runs(self) -> list[tuple[int, int]]:
        """Runs of phrases that are to be composed, in part or whole: (first, end) of each."""
        return runs_of(np.asarray(self.free.any(axis=1)))

    def with_notes(self, notes: Sequence[tuple[int, int, int]]) -> Int8[np.ndarray, "N 32"]:
        """The phrases with notes (first step, end step, pitch) in the gaps.

        Raises:
            ValueError: if they are no line of notes.
        """
        starts, ends, pitches = np.array(notes).T
        line = Melody(pitches, starts, ends)
        ended = np.maximum(line.num_steps, self.steps.max()) + 1
        inside = phrase_tokens(line, self.steps, np.zeros_like(self.free), num_steps=int(ended))[0]
        return np.where(self.free, inside, self.tokens).astype(np.int8)

    def transposed(self, semitones: int) -> "Layout":
        """The same, so many semitones higher; a note beyond the 88 pitches moves by an octave."""
        pitches = transpose_within_range(self.melody.pitches - constants.PITCH_OFFSET, semitones)
        melody = dataclasses.replace(self.melody, pitches=pitches + constants.PITCH_OFFSET)
        return self._replace(melody=melody, tokens=transpose_within_range(self.tokens, semitones))


def phrase_tokens(
    melody: Melody, steps: Int[np.ndarray, "N 32"], free: Bool[np.ndarray, "N 32"], num_steps: int | None = None
) -> tuple[Int8[np.ndarray, "N 32"], Bool[np.ndarray, " N"]]:
    """Cuts a melody with gaps into phrases.

    Args:
        melody: `Melody`.
        steps: the song's step of each step of the phrases, -1 where a bar is filled up.
        free: where the gaps are.
        num_steps: steps of the song to look at. Defaults to `None`: those of the phrases.

    Returns:
        Tuple of:
        - the tokens; a note-off ends what a gap may leave sounding.
        - which phrases are known whole.
    """
    stream = melody.events(num_steps or steps.max() + 1)
    tokens = np.where(steps >= 0, stream[steps], constants.NO_EVENT)
    real = np.flatnonzero(steps.reshape(-1) >= 0)
    gap_ends = real[1:][free.reshape(-1)[real][:-1] & ~free.reshape(-1)[real][1:]]
    ended = tokens.reshape(-1)[gap_ends]
    tokens.reshape(-1)[gap_ends] = np.where(ended == constants.NO_EVENT, constants.NOTE_OFF, ended)
    onsets = tokens >= constants.FIRST_ONSET
    begun = np.logical_or.accumulate(onsets | free, axis=1)  # a phrase knows nothing of the one before it
    whole = np.logical_and(onsets.any(axis=1), ~free.any(axis=1))
    return np.where(begun, tokens, constants.NO_EVENT), whole


def transpose_within_range(tokens: Int[np.ndarray, "*S"], semitones: int) -> Int[np.ndarray, "*S"]:
    """Transposes the onsets among tokens; one that would leave the 88 pitches moves by an octave more."""
    tokens = np.asarray(tokens)
    onsets = tokens >= constants.FIRST_ONSET
    moved = tokens.astype(np.int64) + semitones
    moved = np.where(moved >= constants.NUM_TOKENS, moved - 12, moved)
    moved = np.where(moved < constants.FIRST_ONSET, moved + 12, moved)
    return np.where(onsets, moved, tokens).astype(tokens.dtype)
