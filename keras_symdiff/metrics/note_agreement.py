"""How well infilled notes agree with the notes that stood there."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int, Shaped

from keras_symdiff import constants


class NoteAgreement(NamedTuple):
    """Figures over all pieces together, each a number in [0, 1], NaN where there is nothing to count.

    Args:
        position_f1: F1 score of the steps that have an onset.
        pitch_accuracy: share of the onsets on shared steps that have the same pitch.
        rhythm_accuracy: share of the onsets on shared steps whose notes are equally long.
    """

    position_f1: Float64[np.ndarray, "..."]
    pitch_accuracy: Float64[np.ndarray, "..."]
    rhythm_accuracy: Float64[np.ndarray, "..."]


def note_agreement(
    tokens: Int[np.ndarray, "P S"], original: Int[np.ndarray, "P S"], weights: Shaped[np.ndarray, "R P"] | None = None
) -> NoteAgreement:
    """Compares the notes of infilled stretches with the original's.

    A note ends at the next note-off or onset, and at the end of the stretch at the latest.

    Args:
        tokens: integer array (P, S), the stretch of each piece as it was infilled.
        original: integer array (P, S), the same stretch of the original.
        weights: array (R, P), how often each piece counts in each of R resamples; see `resampled_counts`. Defaults to
            `None`: each piece counts once, and the figures are scalars.

    Returns:
        A `NoteAgreement` of scalars, or of arrays (R,).

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> bar = np.array([[41, 0, 43, 0]])
        >>> note_agreement(bar, np.array([[41, 0, 45, 1]])).pitch_accuracy.item()
        0.5

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2008.01291): SketchNet, which infills bars 7 to 10 of 16.
    """
    tokens, original = np.asarray(tokens), np.asarray(original)
    if tokens.shape != original.shape or tokens.ndim != 2:
        raise ValueError(
            "`tokens` and `original` must both be of shape (P, S). "
            f"Received: tokens of shape {tokens.shape}, original of shape {original.shape}"
        )
    onsets, original_onsets = tokens >= constants.FIRST_ONSET, original >= constants.FIRST_ONSET
    shared = onsets & original_onsets
    counts = np.stack(
        [
            shared,
            onsets,
            original_onsets,
            shared & (tokens == original),
            shared & (_lengths(tokens) == _lengths(original)),
        ]
    ).sum(axis=2, dtype=np.float64)  # (5, P)
    totals = counts.sum(axis=1) if weights is None else counts @ np.asarray(weights).T  # (5,) or (5, R)
    num_shared, num_onsets, num_original, same_pitch, same_length = totals
    with np.errstate(invalid="ignore"):
        return NoteAgreement(
            np.divide(2 * num_shared, num_onsets + num_original), same_pitch / num_shared, same_length / num_shared
        )


def _lengths(tokens: Int[np.ndarray, "P S"]) -> Int[np.ndarray, "P S"]:
    """Steps from each step to the next event after it, or to the end."""
    steps = np.arange(tokens.shape[1])
    event = np.where(tokens != constants.NO_EVENT, steps, tokens.shape[1])  # (P, S)
    next_event = np.minimum.accumulate(event[:, ::-1], axis=1)[:, ::-1]
    after = np.concatenate([next_event[:, 1:], np.full((len(tokens), 1), tokens.shape[1])], axis=1)
    return after - steps
