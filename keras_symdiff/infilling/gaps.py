"""The bars of a tune that are to be composed anew."""

import dataclasses
import re

import numpy as np

from keras_symdiff import constants
from keras_symdiff.music.midi import MAX_BARS, MidiError

_PLACE = r"(\d+)(?:\.([1-9]))?"


@dataclasses.dataclass(frozen=True)
class Gap:
    """A stretch of steps to compose.

    Args:
        first_step: int, first step (a sixteenth note) of the gap, from the start of the file.
        end_step: int, first step after it.
        name: str, its bars, such as `"17-32"` or `"17.3-18.2"`.
    """

    first_step: int
    end_step: int
    name: str


def parse_bars(text):
    """Reads a range of bars, or of beats.

    Args:
        text: `"17-32"`, `"17"`, or with beats `"17.3-18.2"`; bars and beats count from 1, both ends included. An end
            without a beat is the bar's first beat on the left and its last one on the right.

    Returns:
        `((bar, beat), (bar, beat))`, where the beat is None if none is named.

    Raises:
        ValueError: when it is no such range.
    """
    match = re.fullmatch(rf"\s*{_PLACE}(?:\s*-\s*{_PLACE})?\s*", text, re.ASCII)
    if match:
        numbers = [number and int(number) for number in match.groups()]
        first, last = tuple(numbers[:2]), tuple(numbers[:2] if numbers[2] is None else numbers[2:])
        if 1 <= first[0] <= last[0] and (first[0] < last[0] or (first[1] or 1) <= (last[1] or 9)):
            return first, last
    raise ValueError(
        f"Bars are FIRST-LAST, counted from 1, such as 17-32, or with beats such as 17.3-18.2. Received: {text}"
    )


def bar_lines(melody, num_steps):
    """Returns the steps at which the 4/4 bars of a piece start, and where the last one ends.

    Args:
        melody: `Melody` of the piece. A pickup bar (see `Melody.pickup_steps`) is bar 1, as in sequencers.
        num_steps: int, length of the piece.

    Returns:
        int array (bars + 1,).
    """
    first = melody.pickup_steps or constants.STEPS_PER_BAR
    num_bars = 1 + max(0, -(-(num_steps - first) // constants.STEPS_PER_BAR))
    return np.append(0, first + constants.STEPS_PER_BAR * np.arange(num_bars))


def find_gaps(melody, ranges, num_steps, path, continue_bars=0):
    """Finds the steps of bars to compose.

    Args:
        melody: `Melody`.
        ranges: list of what `parse_bars` returns, in any order.
        num_steps: int, length of the whole piece.
        path: the file's path, for messages.
        continue_bars: int, bars to compose beyond the melody's last one. Defaults to `0`.

    Returns:
        A list of `Gap`, in order; gaps that touch are one.

    Raises:
        MidiError: when the melody is not in 4/4, bars or beats are not there, no note is left to go by, or the piece
            is or becomes too long.
    """
    if melody.meter_problem:
        raise MidiError(path, f"is not in 4/4 ({melody.meter_problem})")
    most = MAX_BARS * constants.STEPS_PER_BAR
    if max(num_steps, melody.num_steps) > most:
        raise MidiError(path, f"is longer than {MAX_BARS} bars")
    if melody.num_steps + continue_bars * constants.STEPS_PER_BAR > most:
        raise MidiError(path, f"would be longer than {MAX_BARS} bars")
    lines = bar_lines(melody, max(num_steps, melody.num_steps))
    stretches = [(_step(lines, first, False, path), _step(lines, last, True, path)) for first, last in ranges]
    if continue_bars:
        end = int(lines[np.searchsorted(lines, melody.num_steps)])
        stretches.append((end, end + continue_bars * constants.STEPS_PER_BAR))
        lines = bar_lines(melody, max(lines[-1], stretches[-1][1]))
    joined = []
    for first, end in sorted(stretches):
        if joined and first <= joined[-1][1]:
            joined[-1][1] = max(end, joined[-1][1])
        else:
            joined.append([first, end])
    gaps = [Gap(first, end, _name(lines, first, end)) for first, end in joined]
    if not kept_notes(melody, gaps).any():
        names = ", ".join(gap.name for gap in gaps)
        raise MidiError(path, f"the melody has no notes outside of bars {names}, which leaves nothing to compose from")
    return gaps


def kept_notes(melody, gaps):
    """Returns which notes of a melody start outside of all gaps, bool (M,)."""
    starts = melody.start_steps
    return ~np.any([(starts >= gap.first_step) & (starts < gap.end_step) for gap in gaps], axis=0)


def _step(lines, place, is_end, path):
    """The step at which a (bar, beat) begins, or ends."""
    bar, beat = place
    if not 1 <= bar < len(lines):
        raise MidiError(path, f"bar {bar} is outside the piece's bars 1-{len(lines) - 1}")
    start, end = int(lines[bar - 1]), int(lines[bar])
    if beat is None:
        return end if is_end else start
    num_beats = -(-(end - start) // constants.STEPS_PER_QUARTER)
    if beat > num_beats:
        raise MidiError(path, f"bar {bar} has {num_beats} beats, so there is no {bar}.{beat}")
    return min(end, start + constants.STEPS_PER_QUARTER * (beat if is_end else beat - 1))


def _name(lines, first, end):
    """Bars of a stretch as `parse_bars` reads them, with beats only where it needs them."""
    names = []
    for step in (first, end - 1):
        bar = int(np.searchsorted(lines, step, side="right"))
        beat = (step - int(lines[bar - 1])) // constants.STEPS_PER_QUARTER + 1
        names.append((bar, beat))
    (bar, beat), (last_bar, last_beat) = names
    if first == lines[bar - 1] and end == lines[last_bar]:
        return f"{bar}-{last_bar}" if bar < last_bar else f"{bar}"
    return f"{bar}.{beat}-{last_bar}.{last_beat}" if names[0] != names[1] else f"{bar}.{beat}"
