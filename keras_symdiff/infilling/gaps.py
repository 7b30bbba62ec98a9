"""The bars of a tune that are to be composed anew."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from keras_symdiff import constants
from keras_symdiff.music.grid import Grid
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.song import MAX_BARS, MidiError, Song

BarRange = tuple[tuple[int, int | None], tuple[int, int | None]]  # (bar, beat) of both ends
_PLACE = r"(\d+)(?:\.([1-9]\d?))?"


@dataclasses.dataclass(frozen=True)
class Gap:
    """A stretch of steps to compose.

    Args:
        first_step: first step (a sixteenth note) of the gap, from the start of the file.
        end_step: first step after it.
        name: its bars, such as `"17-32"` or `"17.3-18.2"`.
    """

    first_step: int
    end_step: int
    name: str


def parse_bars(text: str) -> BarRange:
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
        places = [None if number is None else int(number) for number in match.groups()]
        first_bar, first_beat, last_bar, last_beat = places if places[2] is not None else 2 * places[:2]
        # A bar 0 is none.
        if first_bar and last_bar and (first_bar, first_beat or 1) <= (last_bar, last_beat or 99):
            return (first_bar, first_beat), (last_bar, last_beat)
    raise ValueError(
        f"Bars are FIRST-LAST, counted from 1, such as 17-32, or with beats such as 17.3-18.2. Received: {text}"
    )


def find_gaps(
    melody: Melody, ranges: Sequence[BarRange], num_steps: int, path: str | Path, continue_bars: int = 0
) -> list[Gap]:
    """Finds the steps of bars to compose.

    Args:
        melody: `Melody`.
        ranges: list of what `parse_bars` returns, in any order.
        num_steps: length of the whole piece.
        path: the file's path, for messages.
        continue_bars: bars to compose beyond the melody's last one. Defaults to `0`.

    Returns:
        A list of `Gap`, in order; gaps that touch are one.

    Raises:
        MidiError: when bars or beats are not there, a bar is no whole number of sixteenth notes, no note is left to go
            by, or the piece is or becomes too long.
    """
    grid, most = melody.grid, MAX_BARS * constants.STEPS_PER_BAR
    num_steps = max(num_steps, melody.num_steps)
    if num_steps > most:
        raise MidiError(path, f"is longer than {MAX_BARS} bars")
    stretches = [(_step(grid, num_steps, first, False, path), _step(grid, num_steps, last, True, path))
                 for first, last in ranges]  # fmt: skip
    if continue_bars:
        bar = melody.num_bars
        stretches.append((grid.bar_step(bar), grid.bar_step(bar + continue_bars)))
        if stretches[-1][1] > most:
            raise MidiError(path, f"would be longer than {MAX_BARS} bars")
    joined = []
    for first, end in sorted(stretches):
        if joined and first <= joined[-1][1]:
            joined[-1][1] = max(end, joined[-1][1])
        else:
            joined.append([first, end])
    gaps = [Gap(first, end, range_name(grid, first, end)) for first, end in joined]
    _check_metres(grid, gaps, path)
    # A line that is new has no notes at all, and is composed from what the other tracks sound.
    if len(melody.pitches) and not kept_notes(melody, gaps).any():
        names = ", ".join(gap.name for gap in gaps)
        raise MidiError(path, f"the melody has no notes outside of bars {names}, which leaves nothing to compose from")
    return gaps


def cut_out(gaps: Sequence[Gap], melody: Melody, notes: Sequence[tuple[int, int]], song: Song) -> list[Gap]:
    """Takes notes that stay out of gaps: a note splits its gap into what comes before it and what comes after.

    Args:
        gaps: the gaps.
        melody: `Melody`.
        notes: (tick, pitch) of each note that stays.
        song: `Song` that the melody was read from.

    Returns:
        What is left of the gaps, in order.

    Raises:
        ValueError: if the melody's track has no such note, or nothing is left.
    """
    free = np.zeros(max(gap.end_step for gap in gaps), bool)
    for gap in gaps:
        free[gap.first_step : gap.end_step] = True
    track = song.tracks[melody.track].notes
    for tick, pitch in notes:
        if not np.any((track.start == tick) & (track.pitch == pitch)):
            raise ValueError(f"Track {melody.track + 1} has no note of pitch {pitch} at tick {tick}, so it cannot stay")
        step = song.grid.steps(tick)
        end = melody.end_steps[melody.start_steps == step].max(initial=step + 1)
        free[step:end] = False
    left = [Gap(first, end, range_name(melody.grid, first, end)) for first, end in runs_of(free)]
    if not left:
        raise ValueError("All notes in these bars are to stay, which leaves nothing to compose")
    return left


def refused_by_infilling(song: Song) -> list[str]:
    """What no bars of a song, or not all of them, can be composed for; clauses, empty if nothing is in the way."""
    problems = []
    if song.ticks_per_quarter < constants.STEPS_PER_QUARTER:
        problems.append(f"has {song.ticks_per_quarter} ticks per quarter, too few for sixteenth notes")
    if song.num_steps > MAX_BARS * constants.STEPS_PER_BAR:
        problems.append(f"is longer than {MAX_BARS} bars")
    for metre in song.grid.metres:
        if not metre.is_whole:
            bar = song.grid.bar_of(metre.step) + 1
            problems.append(f"{_no_sixteenths(metre, bar)}")
    return problems


def kept_notes(melody: Melody, gaps: Sequence[Gap]) -> Bool[np.ndarray, " M"]:
    """Returns which notes of a melody start outside of all gaps, bool (M,)."""
    starts = melody.start_steps
    return ~np.any([(starts >= gap.first_step) & (starts < gap.end_step) for gap in gaps], axis=0)


def runs_of(mask: Bool[np.ndarray, " S"]) -> list[tuple[int, int]]:
    """Starts and ends of the runs of True in a mask."""
    edges = np.flatnonzero(np.diff(np.pad(mask.astype(np.int8), 1)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _step(grid, num_steps, place, is_end, path):
    """The step at which a (bar, beat) begins, or ends."""
    bar, beat = place
    num_bars = len(grid.bar_lines(num_steps)) - 1
    if not 1 <= bar <= num_bars:
        raise MidiError(path, f"bar {bar} is outside the piece's bars 1-{num_bars}")
    start, end = grid.bar_step(bar - 1), grid.bar_step(bar)
    if beat is None:
        return end if is_end else start
    beat_steps = grid.metre_of(start).beat_steps
    num_beats = -(-(end - start) // beat_steps)
    if beat > num_beats:
        raise MidiError(path, f"bar {bar} has {num_beats} beats, so there is no {bar}.{beat}")
    return min(end, start + beat_steps * (beat if is_end else beat - 1))


def range_name(grid: Grid, first: int, end: int) -> str:
    """The bars of a stretch of steps as `parse_bars` reads them, with beats where it needs them; begun beats count."""
    names = []
    for step in (first, end - 1):
        bar = grid.bar_of(step)
        names.append((bar + 1, (step - grid.bar_step(bar)) // grid.metre_of(step).beat_steps + 1))
    (bar, beat), (last_bar, last_beat) = names
    if first == grid.bar_step(bar - 1) and end == grid.bar_step(last_bar):
        return f"{bar}-{last_bar}" if bar < last_bar else f"{bar}"
    return f"{bar}.{beat}-{last_bar}.{last_beat}" if names[0] != names[1] else f"{bar}.{beat}"


def _check_metres(grid, gaps, path):
    """Refuses gaps in bars that no steps fit."""
    for metre, end in zip(grid.metres, [*(metre.step for metre in grid.metres[1:]), np.inf], strict=True):
        for gap in gaps:
            if not metre.is_whole and gap.first_step < end and gap.end_step > metre.step:
                bar = grid.bar_of(max(gap.first_step, metre.step)) + 1
                raise MidiError(path, _no_sixteenths(metre, bar))


def _no_sixteenths(metre, bar):
    return f"bar {bar} is in {metre.numerator}/{metre.denominator}, which is no whole number of sixteenth notes"
