"""What other tracks sound while a melody is sung: pitch classes per beat."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, Real

_PEDAL_DOWN = 64  # MIDI 1.0: values of controller 64 from here on hold the notes
_HALF_A_STEP = 1 / 8  # of a beat of four steps: what is rounded away on the grid does not count
_NEVER = np.iinfo(np.int64).max


def chroma(
    starts: Real[np.ndarray, " M"],
    ends: Real[np.ndarray, " M"],
    pitches: Int[np.ndarray, " M"],
    beat_ticks: Sequence[int] | Real[np.ndarray, " T"],
) -> Float[np.ndarray, "B 12"]:
    """Measures for how long notes sound each pitch class in each beat.

    Args:
        starts: ticks.
        ends: ticks; see `sustained_ends` for notes under a pedal.
        pitches: MIDI pitches.
        beat_ticks: the B + 1 borders of the beats, which never fall. A beat that fills up a short bar has no length.

    Returns:
        The share of the beat in [0, 1]; zeros for a beat of no length. A pitch class in several octaves counts once.

    Raises:
        ValueError: if the borders fall, or are none.

    Example:
    ```python
    chroma(np.array([0, 0]), np.array([480, 240]), np.array([60, 67]), [0, 480])[0, [0, 7]]  # 1.0, 0.5
    ```
    """
    borders = np.asarray(beat_ticks, dtype=np.float64)
    if borders.ndim != 1 or not len(borders) or np.any(np.diff(borders) < 0):
        raise ValueError(f"The borders of beats never fall. Received: beat_ticks={beat_ticks}")
    lengths = np.diff(borders)
    shares = np.zeros((len(lengths), 12))
    for pitch_class in range(12):
        chosen = (np.asarray(pitches) % 12 == pitch_class) & (np.asarray(ends) > starts)
        if not chosen.any():
            continue
        order = np.argsort(starts[chosen], kind="stable")
        first, last = starts[chosen][order], np.maximum.accumulate(ends[chosen][order])
        # Notes that overlap or touch are one stretch of sound.
        new = np.append(True, first[1:] > last[:-1])
        first, last = first[new], last[np.append(new[1:], True)]
        sounding = np.cumsum(last - first)  # by the end of each stretch
        knots = np.stack([first, last], axis=1).reshape(-1)
        totals = np.stack([sounding - (last - first), sounding], axis=1).reshape(-1)
        shares[:, pitch_class] = np.diff(np.interp(borders, knots, totals))
    return np.divide(shares, lengths[:, None], out=np.zeros_like(shares), where=lengths[:, None] > 0).clip(0, 1)


def sustained_ends(
    starts: Int[np.ndarray, " M"],
    ends: Int[np.ndarray, " M"],
    pedal_ticks: Int[np.ndarray, " P"],
    pedal_values: Int[np.ndarray, " P"],
) -> Int[np.ndarray, " M"]:
    """Lets the notes of a track sound on under the sustain pedal.

    A note whose key is released while the pedal is down counts until the pedal is released or the track's next note
    begins, whichever comes first. To count all of it to the end of the pedal runs one chord into the next: on POP909
    the melody is then harder to foretell from the chroma (1.924 nats an onset; so 1.900; without pedal 1.897).

    Args:
        starts: ticks at which the keys are struck.
        ends: ticks at which the keys are released.
        pedal_ticks: ticks of the pedal's events (MIDI controller 64), in order.
        pedal_values: values of these events; 64 and more hold.

    Returns:
        Ticks to which the notes count. A pedal that is never released again holds nothing: files leave it down by
        accident, and a real string dies away.

    Example:
    ```python
    sustained_ends(np.array([0, 450]), np.array([100, 500]), np.array([0, 400]), np.array([127, 0]))  # 400, 500
    ```
    """
    if not len(pedal_ticks):
        return ends
    down = np.asarray(pedal_values) >= _PEDAL_DOWN
    releases = np.append(np.asarray(pedal_ticks)[~down], _NEVER)
    # The last event before a key is released tells whether the pedal holds the note.
    held = np.append(False, down)[np.searchsorted(pedal_ticks, ends, side="left")]
    released = releases[np.searchsorted(releases, ends, side="left")]
    struck = np.append(np.sort(starts), _NEVER)[np.searchsorted(np.sort(starts), ends, side="left")]
    return np.where(held & (released < _NEVER), np.minimum(released, struck), ends)


def sounding(chroma: Float[np.ndarray, "*L B 12"]) -> Bool[np.ndarray, "*L B 12"]:
    """Tells which pitch classes count as heard in a beat: those that sound for half a sixteenth of it or longer.

    Args:
        chroma: shares of beats, NaN where nobody knows.

    Returns:
        Where they are heard; nowhere in a beat of which nobody knows.
    """
    return np.nan_to_num(chroma) >= _HALF_A_STEP
