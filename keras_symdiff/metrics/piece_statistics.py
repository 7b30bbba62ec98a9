"""Simple musical numbers of each piece, in which generated music can be told from real music."""

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff import constants

# Fixed bins, so that histograms of different runs can be laid over each other. The last one holds everything above.
DENSITY_BINS = np.append(np.arange(0.0, 16.5, 0.5), np.inf)  # onsets a bar; at most 16 are possible
RANGE_BINS = np.append(np.arange(0.0, 61.0, 2.0), np.inf)  # semitones; at most 87 are possible

_MAJOR = np.array([0, 2, 4, 5, 7, 9, 11])  # semitones above the tonic
SCALES = np.isin((np.arange(12) - np.arange(12)[:, None]) % 12, _MAJOR)  # (tonic, pitch class), True inside


def piece_statistics(tokens: Int[np.ndarray, "P L 32"]) -> dict[str, Float[np.ndarray, " P"]]:
    """Computes simple numbers of each piece.

    - `exact_repeat_rate`: share of the phrases with an onset whose 32 tokens are those of an earlier phrase of the
      piece. Real Lakh melodies: about 0.35.
    - `out_of_key_rate`: share of onsets outside the major scale that fits the piece best, one for the whole piece
      (natural minor and the church modes have the notes of a major scale; a modulation counts as out of key).
    - `note_density`: onsets per bar of 16 steps.
    - `pitch_range`: highest less lowest pitch, in semitones.
    - `leap_rate`: share of the intervals between successive onsets that are wider than an octave, 12 semitones.
    - `mean_pitch`: mean MIDI pitch of the onsets, in [21, 108].
    - `silent_bar_rate`: share of the bars of 16 steps in which no note sounds.

    Where a number has no meaning it is NaN: all but the density and the bars of a silent piece, the leaps of a single
    note.

    Args:
        tokens: the pieces.

    Returns:
        The numbers by their names, in the order above.

    Raises:
        ValueError: if `tokens` has another shape.

    Example:
    ```python
    statistics = piece_statistics(tokens)
    counts, _ = np.histogram(statistics["note_density"], DENSITY_BINS)
    ```
    """
    tokens = np.asarray(tokens)
    if tokens.ndim != 3 or tokens.shape[2] != constants.PHRASE_STEPS:
        raise ValueError(f"`tokens` must be (P, L, {constants.PHRASE_STEPS}). Received: tokens of shape {tokens.shape}")
    num_pieces = len(tokens)
    stream = tokens.reshape(num_pieces, -1).astype(np.int64)  # (P, L * 32)
    piece, step = np.nonzero(stream >= constants.FIRST_ONSET)  # the onsets of all pieces, in order
    pitch = stream[piece, step] + constants.PITCH_OFFSET
    onsets = np.bincount(piece, minlength=num_pieces)
    classes = np.bincount(piece * 12 + pitch % 12, minlength=num_pieces * 12).reshape(num_pieces, 12)
    leaps = (np.abs(np.diff(pitch)) > 12) & (np.diff(piece) == 0)
    return {
        "exact_repeat_rate": _exact_repeat_rate(tokens),
        "out_of_key_rate": 1 - _ratio((classes @ SCALES.T).max(axis=1), onsets),
        "note_density": onsets * constants.STEPS_PER_BAR / stream.shape[1],
        "pitch_range": _pitch_range(stream),
        "leap_rate": _ratio(np.bincount(piece[1:][leaps], minlength=num_pieces), onsets - 1),
        "mean_pitch": _ratio(np.bincount(piece, pitch, num_pieces), onsets),
        "silent_bar_rate": 1 - _sounding_bars(stream).mean(axis=1),
    }


def _exact_repeat_rate(tokens):
    """Share (P,) of phrases with an onset that equal an earlier one of their piece."""
    num_pieces = len(tokens)
    sounding = (tokens >= constants.FIRST_ONSET).any(axis=2)  # (P, L)
    piece = np.nonzero(sounding)[0]
    # One opaque key a phrase, its piece in front: phrases are compared within their piece only.
    keys = np.concatenate([piece.astype("<i4")[:, None].view(np.int8), tokens[sounding].astype(np.int8)], axis=1)
    _, first = np.unique(keys.view(np.dtype((np.void, keys.shape[1]))).reshape(-1), return_index=True)
    count = sounding.sum(axis=1)
    return _ratio(count - np.bincount(piece[first], minlength=num_pieces), count)


def _sounding_bars(stream):
    """Whether a note sounds in each bar (P, bars)."""
    steps = np.arange(stream.shape[1])
    last_event = np.maximum.accumulate(np.where(stream != constants.NO_EVENT, steps, -1), axis=1)
    sounding = (last_event >= 0) & (np.take_along_axis(stream, last_event, axis=1) >= constants.FIRST_ONSET)
    return sounding.reshape(len(stream), -1, constants.STEPS_PER_BAR).any(axis=2)


def _pitch_range(stream):
    sounding = stream >= constants.FIRST_ONSET
    spread = stream.max(axis=1) - np.where(sounding, stream, constants.NUM_TOKENS).min(axis=1)
    return np.where(sounding.any(axis=1), spread, np.nan)


def _ratio(numerator, denominator):
    """The quotient, NaN where the denominator is not above 0."""
    result = np.full(len(numerator), np.nan)
    return np.divide(numerator, denominator, out=result, where=denominator > 0)
