"""The bars of a song as its file has them, and the steps of a sixteenth note that they are divided into."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np
from jaxtyping import Bool, Float, Int

from keras_symdiff import constants
from keras_symdiff.music.swing import NO_SWING, Swing


class Metre(NamedTuple):
    """A stretch of bars of one time signature.

    Args:
        tick: where its first bar begins.
        step: the same in steps.
        numerator: int.
        denominator: a power of two.
    """

    tick: int
    step: int
    numerator: int
    denominator: int

    @property
    def bar_steps(self) -> int:
        """Steps per bar; a bar of no whole number of sixteenths is counted up."""
        return -(-self.numerator * constants.STEPS_PER_BAR // self.denominator)

    @property
    def is_whole(self) -> bool:
        """Whether a bar is a whole number of sixteenths."""
        return self.numerator * constants.STEPS_PER_BAR % self.denominator == 0

    @property
    def beat_steps(self) -> int:
        """Steps per beat of the signature, at least 1: a quarter in 3/4, an eighth in 6/8."""
        return max(1, constants.STEPS_PER_BAR // self.denominator)

    @property
    def pulse_steps(self) -> int:
        """Steps per felt beat: three beats of the signature in 6/8, 9/8, 12/8 and 6/16, else one."""
        is_compound = self.denominator >= 8 and self.numerator > 3 and self.numerator % 3 == 0
        return self.beat_steps * (3 if is_compound else 1)

    @property
    def bars_per_group(self) -> int:
        """Bars that share 16 steps: two of 2/4 or 3/8, four of 2/8; one where a bar has more than 8 steps."""
        bars = 1
        while 2 * bars * self.bar_steps <= constants.STEPS_PER_BAR:
            bars *= 2
        return bars

    def group(self) -> Int[np.ndarray, " S"]:
        """Places of a group of bars in the phrases: the step within the group for each phrase step, -1 if filled up.

        Bars of up to 16 steps take 16. Longer ones take a whole number of phrases, so that they begin where one does;
        one of up to 32 steps is divided at the pulse nearest its middle: 12/8 into two halves of 6/8, 5/4 into 3 and 2
        beats.
        """
        steps, half = self.bars_per_group * self.bar_steps, constants.STEPS_PER_BAR
        cut = half
        if half < steps < constants.PHRASE_STEPS:
            pulses = range(self.pulse_steps, steps, self.pulse_steps)
            cuts = [place for place in pulses if place <= half and steps - place <= half]
            cut = min(cuts, key=lambda place: (abs(2 * place - steps), -place), default=half)
        places = np.arange(steps)
        size = half if steps <= half else -(-steps // constants.PHRASE_STEPS) * constants.PHRASE_STEPS
        result = np.full(size, -1, np.int64)
        result[np.where(places < cut, places, places - cut + half)] = places
        return result


@dataclass(frozen=True)
class Grid:
    """Where the bars of a song begin, and which tick each step is.

    A *step* is a sixteenth note of the song, counted from its start, without any filling. Bars are the file's own,
    counted from 0 here and from 1 for people. A pickup counts as a bar, as in the programs that open MIDI files.

    A *phrase step* is a place in the 32-step phrases that the models know. Bars begin on 16-step lines there: 2/4 bars
    share 16 steps in pairs, a 3/4 bar takes 12 and is filled up by 4 silent ones; see `Metre.group`. 4/4 is as it was.

    The signature of a single short beat (1/4) that holds for four bars or longer says where beats are, not where bars
    are: it is read as 4/4. A signature event within half a step of a bar line belongs to that line; one elsewhere cuts
    the bar short. Bars of less than one step are passed over.

    Args:
        ticks_per_quarter: int.
        metres: tuple of `Metre`, in order; the first begins at tick and step 0.
        signatures: tuple of (step, numerator, denominator), as the file has them.
        swing: `Swing`, in bars of quarters and halves; others are straight.

    Example:
    ```python
    grid = Song.open("song.mid").grid
    grid.bar_of(16), grid.ticks(16)  # the second bar of a song in 4/4 begins there
    ```
    """

    ticks_per_quarter: int = 480
    metres: tuple[Metre, ...] = (Metre(0, 0, 4, 4),)
    signatures: tuple[tuple[int, int, int], ...] = ()
    swing: Swing = NO_SWING

    @classmethod
    def from_ticks(cls, ticks_per_quarter: int, signatures: Iterable[tuple[int, int, int]]) -> "Grid":
        """Makes the grid of a file.

        Args:
            ticks_per_quarter: int.
            signatures: (tick, numerator, denominator) of each time signature, in order; 4/4 where none stands.
        """
        return _make_grid(ticks_per_quarter, signatures, in_ticks=True)

    @classmethod
    def from_signatures(cls, signatures: Iterable[tuple[int, int, int]], ticks_per_quarter: int = 480) -> "Grid":
        """Makes a grid of time signatures at steps, as `signatures` has them."""
        return _make_grid(ticks_per_quarter, signatures, in_ticks=False)

    @functools.cached_property
    def _columns(self):
        """Of each metre: first step, first tick, first bar, steps per bar; int64 arrays."""
        steps, ticks = (np.array([getattr(metre, name) for metre in self.metres]) for name in ("step", "tick"))
        lengths = np.array([metre.bar_steps for metre in self.metres])
        bars = np.concatenate([[0], np.cumsum(-(-np.diff(steps) // lengths[:-1]))])
        return steps, ticks, bars.astype(np.int64), lengths

    # --- bars ---

    @overload
    def bar_of(self, steps: int) -> int: ...
    @overload
    def bar_of(self, steps: Int[np.ndarray, "*S"]) -> Int[np.ndarray, "*S"]: ...
    def bar_of(self, steps: Any) -> Any:
        """Bars of steps, from 0; steps before the song count to the first one."""
        first_steps, _, first_bars, lengths = self._columns
        steps = np.maximum(steps, 0)
        metre = np.searchsorted(first_steps, steps, side="right") - 1
        bars = first_bars[metre] + (steps - first_steps[metre]) // lengths[metre]
        return bars if np.ndim(bars) else int(bars)

    @overload
    def bar_step(self, bars: int) -> int: ...
    @overload
    def bar_step(self, bars: Int[np.ndarray, "*B"]) -> Int[np.ndarray, "*B"]: ...
    def bar_step(self, bars: Any) -> Any:
        """Steps at which bars (from 0) begin."""
        first_steps, _, first_bars, lengths = self._columns
        metre = np.searchsorted(first_bars, bars, side="right") - 1
        steps = first_steps[metre] + (np.asarray(bars) - first_bars[metre]) * lengths[metre]
        return steps if np.ndim(steps) else int(steps)

    def bar_lines(self, num_steps: int) -> Int[np.ndarray, " B1"]:
        """Steps at which the bars of a song of some length begin, and where the last one ends; one bar at least."""
        return self.bar_step(np.arange(self.bar_of(max(num_steps, 1) - 1) + 2))

    def metre_of(self, step: int) -> Metre:
        """The metre in which a step lies."""
        return self.metres[int(np.searchsorted(self._columns[0], max(step, 0), side="right")) - 1]

    def beat_steps(self, steps: Int[np.ndarray, "*S"]) -> Int[np.ndarray, "*S"]:
        """Steps per felt beat where steps lie: three beats of the signature in 6/8, 9/8 and 12/8."""
        metre = np.searchsorted(self._columns[0], np.maximum(steps, 0), side="right") - 1
        return np.array([m.pulse_steps for m in self.metres])[metre]

    @property
    def pickup_steps(self) -> int:
        """Length of a pickup, or 0: a first bar of less than 16 steps, shorter than the second and unlike it."""
        if len(self.metres) < 2:
            return 0
        first, second = self.metres[:2]
        most = min(second.bar_steps, constants.STEPS_PER_BAR) - 1
        return second.step if second.step <= min(first.bar_steps, most) else 0

    def places(self, steps: Any) -> Float[np.ndarray, "*S"]:
        """Places of steps as pictures count bars: from 1, with the share of the bar that is over; a pickup ends its."""
        first_steps, _, _, all_lengths = self._columns
        bars = self.bar_of(steps)
        starts = self.bar_step(bars)
        lengths = all_lengths[np.searchsorted(first_steps, starts, side="right") - 1]
        if self.pickup_steps:
            full = self.metres[1].bar_steps
            is_pickup = np.equal(bars, 0)
            starts = np.where(is_pickup, self.pickup_steps - full, starts)
            lengths = np.where(is_pickup, full, lengths)
        return bars + 1 + (steps - starts) / lengths

    # --- phrases ---

    def phrase_bar(self, bar: int) -> int:
        """The bar with which the 16 steps begin that a bar shares: itself, but where short bars go together."""
        first_bars = self._columns[2]
        index = int(np.searchsorted(first_bars, bar, side="right")) - 1
        return bar - (bar - int(first_bars[index])) % self.metres[index].bars_per_group

    def phrase_steps(self, first_bar: int, num_steps: int) -> Int[np.ndarray, "N 32"]:
        """Lays the bars of a song out in phrases.

        Args:
            first_bar: bar from 0 in which the first phrase begins.
            num_steps: length of the song; the last phrase is laid out to its end.

        Returns:
            The song's step for each phrase step, -1 where the phrase is filled up.
        """
        return _lay_out(self, int(first_bar), int(num_steps))

    def phrase_borders(self, first_bar: int, num_steps: int) -> Int[np.ndarray, " B"]:
        """The song's steps at which phrase steps begin, and where the last one ends; they never fall.

        A filled-up phrase step has no length: it begins and ends with the next step of the song.

        Args:
            first_bar: bar from 0 in which the first phrase begins.
            num_steps: length of the song.

        Returns:
            One step more than there are phrase steps.

        Example:
        ```python
        grid = Song.open("song.mid").grid
        beat_ticks = grid.ticks(grid.phrase_borders(first_bar=0, num_steps=128)[::4])
        ```
        """
        steps = self.phrase_steps(first_bar, num_steps).reshape(-1)
        if not len(steps):
            return np.array([max(0, self.phrase_origin(first_bar))])
        # The step after the last one; what the last phrase is filled up with has no length either.
        borders = np.append(np.where(steps >= 0, steps, np.iinfo(np.int64).max), steps.max() + 1)
        return np.minimum.accumulate(borders[::-1])[::-1]

    def phrase_origin(self, first_bar: int) -> int:
        """Step that the first phrase begins with; below 0 if `first_bar` is a pickup, which ends its 16 steps."""
        if first_bar == 0 and self.pickup_steps:
            metre = self.metres[1]
            return self.pickup_steps - metre.bars_per_group * metre.bar_steps
        return self.bar_step(first_bar)

    def stays_empty(self, steps: Int[np.ndarray, "*S"]) -> Bool[np.ndarray, "*S"]:
        """Whether nothing starts at a step: the third of each quarter of a song in triplets."""
        steps = np.asarray(steps)
        within = steps - self.bar_step(self.bar_of(steps))
        metre = np.searchsorted(self._columns[0], np.maximum(steps, 0), side="right") - 1
        return self.swing.triplets & self._swings[metre] & (within % constants.STEPS_PER_QUARTER == 2)

    # --- ticks ---

    @overload
    def ticks(self, steps: int) -> int: ...
    @overload
    def ticks(self, steps: Int[np.ndarray, "*S"]) -> Int[np.ndarray, "*S"]: ...
    def ticks(self, steps: Any) -> Any:
        """Ticks of steps, swing included."""
        first_steps, first_ticks, _, lengths = self._columns
        steps = np.asarray(steps, np.int64)
        metre = np.maximum(np.searchsorted(first_steps, steps, side="right") - 1, 0)
        bars, places = np.divmod(steps - first_steps[metre], lengths[metre])
        starts = first_ticks[metre] + bars * self._bar_ticks[metre] // self._denominators[metre]
        per_step = constants.STEPS_PER_QUARTER
        straight = (2 * places * self.ticks_per_quarter + per_step) // (2 * per_step)
        if self.swing != NO_SWING:
            ticks = (
                self.swing.bend(np.atleast_1d(places)).reshape(np.shape(places))
                * self.ticks_per_quarter
                / constants.STEPS_PER_QUARTER
            )
            straight = np.where(self._swings[metre], np.floor(ticks + 0.5).astype(np.int64), straight)
        ticks = starts + straight
        return ticks if np.ndim(ticks) else int(ticks)

    @overload
    def steps(self, ticks: int) -> int: ...
    @overload
    def steps(self, ticks: Int[np.ndarray, "*T"]) -> Int[np.ndarray, "*T"]: ...
    def steps(self, ticks: Any) -> Any:
        """Nearest steps of ticks, halves up, swing included."""
        first_steps, first_ticks, _, lengths = self._columns
        ticks = np.asarray(ticks, np.int64)
        metre = np.maximum(np.searchsorted(first_ticks, ticks, side="right") - 1, 0)
        full, whole = self._bar_ticks[metre], self._denominators[metre]
        bars = ((ticks - first_ticks[metre] + 1) * whole - 1) // full
        within = ticks - first_ticks[metre] - bars * full // whole
        # floor(x + 0.5) with x = 4 ticks / ticks per quarter
        places = (2 * constants.STEPS_PER_QUARTER * within + self.ticks_per_quarter) // (2 * self.ticks_per_quarter)
        if self.swing != NO_SWING:
            even = constants.STEPS_PER_QUARTER * np.atleast_1d(within) / self.ticks_per_quarter
            even = self.swing.unbend(even).reshape(np.shape(within))
            places = np.where(self._swings[metre], np.floor(even + 0.5).astype(np.int64), places)
        steps = first_steps[metre] + bars * lengths[metre] + places
        following = np.append(first_steps[1:], np.iinfo(np.int64).max)[metre]
        steps = np.minimum(steps, following)
        return steps if np.ndim(steps) else int(steps)

    def quarters(self, ticks: Int[np.ndarray, " T"]) -> Float[np.ndarray, " _"]:
        """Places of those ticks that lie in bars of quarters and halves, in quarters from the start of their bars."""
        first_ticks = self._columns[1]
        metre = np.maximum(np.searchsorted(first_ticks, ticks, side="right") - 1, 0)
        bars = (ticks - first_ticks[metre]) * self._denominators[metre] // self._bar_ticks[metre]
        within = ticks - first_ticks[metre] - bars * self._bar_ticks[metre] // self._denominators[metre]
        return within[self._swings[metre]] / self.ticks_per_quarter

    @functools.cached_property
    def _bar_ticks(self):
        """Ticks per bar of each metre, times its denominator; int64 (M,)."""
        return np.array([4 * self.ticks_per_quarter * metre.numerator for metre in self.metres])

    @functools.cached_property
    def _denominators(self):
        return np.array([metre.denominator for metre in self.metres])

    @functools.cached_property
    def _swings(self):
        return np.array([metre.denominator <= 4 for metre in self.metres])


def _make_grid(ticks_per_quarter, signatures, in_ticks):
    """Makes a `Grid` of (position, numerator, denominator)."""
    metres, kept = [Metre(0, 0, 4, 4)], []
    for at, numerator, denominator in signatures:
        if numerator < 1 or denominator < 1 or numerator * constants.STEPS_PER_BAR < denominator:
            continue
        last = metres[-1]
        tick, step = (_cut_at_tick if in_ticks else _cut_at_step)(last, int(at), ticks_per_quarter)
        if kept and kept[-1][0] == step:
            kept.pop()
        kept.append((step, int(numerator), int(denominator)))
        on_line = (step - last.step) % last.bar_steps == 0
        if step > last.step and on_line and (numerator, denominator) == last[2:]:
            continue  # said again
        if step == last.step:
            metres.pop()
        metres.append(Metre(tick, step, int(numerator), int(denominator)))
    ends = [metre.step for metre in metres[1:]] + [None]
    metres = [
        metre._replace(numerator=4)
        if metre.numerator == 1 and metre.denominator >= 4 and (end is None or end - metre.step >= 4 * metre.bar_steps)
        else metre
        for metre, end in zip(metres, ends, strict=True)
    ]
    return Grid(ticks_per_quarter, tuple(metres), tuple(kept))


def _cut_at_tick(metre, tick, ticks_per_quarter):
    """Tick and step at which a signature at a tick ends a metre: on a bar line if one is within half a step."""
    full = 4 * ticks_per_quarter * metre.numerator
    distance = max(0, tick - metre.tick)
    bars = (2 * distance * metre.denominator + full) // (2 * full)
    line = bars * full // metre.denominator
    if abs(distance - line) * 8 <= ticks_per_quarter:
        return metre.tick + line, metre.step + bars * metre.bar_steps
    bars = distance * metre.denominator // full
    within = distance - bars * full // metre.denominator
    # A quarter of a step is carelessness; more makes a step of its own.
    steps = max(1, (4 * constants.STEPS_PER_QUARTER * within + 3 * ticks_per_quarter) // (4 * ticks_per_quarter))
    return metre.tick + distance, metre.step + bars * metre.bar_steps + min(steps, metre.bar_steps)


def _cut_at_step(metre, step, ticks_per_quarter):
    """The same of a signature at a step."""
    bars, within = divmod(max(0, step - metre.step), metre.bar_steps)
    tick = bars * 4 * ticks_per_quarter * metre.numerator // metre.denominator
    per_step = constants.STEPS_PER_QUARTER
    tick += (2 * within * ticks_per_quarter + per_step) // (2 * per_step)
    return metre.tick + tick, metre.step + bars * metre.bar_steps + within


@functools.lru_cache(maxsize=256)
def _lay_out(grid, first_bar, num_steps):
    parts, size, start = [], 0, grid.phrase_origin(first_bar)
    ends = [metre.step for metre in grid.metres[1:]] + [None]
    for number, (metre, end) in enumerate(zip(grid.metres, ends, strict=True)):
        if (end is not None and end <= max(start, 0)) or (number == 0 and start < 0):
            continue  # a pickup is laid out with the second metre
        stop = num_steps if end is None else min(end, num_steps)
        if stop <= start and parts:
            break
        group = metre.group()
        covered = metre.bars_per_group * metre.bar_steps
        count = max(0, -(-(stop - start) // covered))
        steps = np.where(group >= 0, group + start + covered * np.arange(count)[:, None], -1).reshape(-1)
        steps[(steps < 0) | (steps >= (np.inf if end is None else end))] = -1
        if end is not None:  # a bar that is cut short leaves no half empty
            steps = steps[
                : -(-(int(np.flatnonzero(steps >= 0)[-1]) + 1) // constants.STEPS_PER_BAR) * constants.STEPS_PER_BAR
            ]
        if len(group) > constants.STEPS_PER_BAR and size % constants.PHRASE_STEPS:
            parts.append(np.full(constants.STEPS_PER_BAR, -1))
            size += constants.STEPS_PER_BAR
        parts.append(steps)
        size += len(steps)
        start = start + covered * count if end is None else end
        if num_steps <= start:
            break
    steps = np.concatenate([*parts, np.zeros(0, np.int64)])
    missing = -len(steps) % constants.PHRASE_STEPS
    if missing:  # the last phrase goes on in the song's bars
        more = _lay_out(grid, first_bar, num_steps + constants.STEPS_PER_BAR) if len(steps) else steps
        steps = more.reshape(-1)[: len(steps) + missing]
    steps = steps.reshape(-1, constants.PHRASE_STEPS)
    if len(steps):  # a pickup to a bar of several phrases needs the last of them only
        steps = steps[int((steps >= 0).any(axis=1).argmax()) :]
    steps.setflags(write=False)
    return steps
