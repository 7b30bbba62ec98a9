"""A monophonic melody on a grid of sixteenth notes, and its two-bar token phrases."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Int, Int8

from keras_symdiff import constants
from keras_symdiff.music.grid import Grid
from keras_symdiff.music.key import estimate_key
from keras_symdiff.music.pitch_name import pitch_name
from keras_symdiff.music.swing import NO_SWING, Swing

if TYPE_CHECKING:
    import note_seq

DEFAULT_QPM = 120.0  # the MIDI standard's tempo where a file names none
DEFAULT_VELOCITY = 100  # note-seq's
_FROM_THE_NOTES: Any = None  # defaults of what `__post_init__` works out
_NEAREST = 8  # notes on either side that say how loud it is there


@dataclasses.dataclass(frozen=True, eq=False)
class Melody:
    """One line of notes, at most one sounding at a time.

    All positions are absolute: steps of a sixteenth note (a quarter / 4) from the start of the file. The time
    signatures say where its bars are, see `Grid`; tempos are data that travel along. A *phrase* is 32 phrase steps, two
    bars in 4/4; the phrases of a melody start at `first_bar`.

    Args:
        pitches: MIDI pitches in [21, 108].
        start_steps: strictly increasing onsets.
        end_steps: ends; each after its own onset and not after the next one.
        velocities: in [1, 127]. Defaults to 100 for each note.
        num_steps: total length. Defaults to the end of the last note, and is never before it.
        first_bar: bar from 0 in which the phrases start; a pickup is bar 0. Defaults to the bar of the first note,
            or the one that begins the 16 steps which that shares, and is never after it.
        name: name of the instrument.
        program: General MIDI program in [0, 127].
        track: index of the instrument among those of its file.
        num_source_notes: notes of the instrument (within the pitch range) from which this line was taken.
            Defaults to M.
        tempos: pairs (step, quarters per minute), the first at step 0.
        time_signatures: triples (step, numerator, denominator); none where the file has none.
        swing: that of the song that it was read from.

    Raises:
        ValueError: if the notes are not one line, or lie outside the ranges above.

    Example:
    ```python
    melody = Melody(pitches=[60, 62, 64], start_steps=[0, 4, 8], end_steps=[4, 8, 16])
    tokens, rests = melody.phrases()  # (1, 32), (1,)
    ```

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), section 3.1
    """

    pitches: Int[np.ndarray, " M"]
    start_steps: Int[np.ndarray, " M"]
    end_steps: Int[np.ndarray, " M"]
    velocities: Int[np.ndarray, " M"] = _FROM_THE_NOTES
    num_steps: int = _FROM_THE_NOTES
    first_bar: int = _FROM_THE_NOTES
    name: str = ""
    program: int = 0
    track: int = 0
    num_source_notes: int = _FROM_THE_NOTES
    tempos: tuple[tuple[int, float], ...] = ((0, DEFAULT_QPM),)
    time_signatures: tuple[tuple[int, int, int], ...] = ()
    swing: Swing = NO_SWING

    def __post_init__(self):
        count = len(self.pitches)
        velocities = np.full(count, DEFAULT_VELOCITY) if self.velocities is None else self.velocities
        pitches, starts, ends, velocities = (
            np.asarray(values, dtype=np.int64)
            for values in (self.pitches, self.start_steps, self.end_steps, velocities)
        )
        shapes = [values.shape for values in (pitches, starts, ends, velocities)]
        if any(shape != (count,) for shape in shapes):
            raise ValueError(f"Pitches, starts, ends and velocities must be equally long. Received: shapes={shapes}")
        if count and not (pitches.min() >= constants.MIN_PITCH and pitches.max() <= constants.MAX_PITCH):
            raise ValueError(
                f"Pitches must lie in [{constants.MIN_PITCH}, {constants.MAX_PITCH}]. "
                f"Received: pitches from {pitches.min()} to {pitches.max()}"
            )
        if count and (starts[0] < 0 or np.any(ends <= starts) or np.any(ends[:-1] > starts[1:])):
            raise ValueError(
                "Notes must follow one another without overlap. Use `Melody.from_notes` to make them a line."
            )
        last = int(ends[-1]) if count else 0
        num_steps = last if self.num_steps is None else int(self.num_steps)
        if num_steps < last:
            raise ValueError(f"The length must reach the last note's end, step {last}. Received: num_steps={num_steps}")
        note_bar = self.grid.bar_of(int(starts[0])) if count else 0
        first_bar = self.grid.phrase_bar(note_bar) if self.first_bar is None else int(self.first_bar)
        if first_bar < 0 or (count and first_bar > note_bar):
            raise ValueError(f"The first bar must lie in [0, bar of the first note]. Received: first_bar={first_bar}")
        if not self.tempos or self.tempos[0][0] != 0:
            raise ValueError(f"The first tempo must stand at step 0. Received: tempos={self.tempos[:1]}")
        values = {
            "pitches": pitches,
            "start_steps": starts,
            "end_steps": ends,
            "velocities": velocities,
            "num_steps": num_steps,
            "first_bar": first_bar,
            "num_source_notes": count if self.num_source_notes is None else int(self.num_source_notes),
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)  # the dataclass is frozen

    def __repr__(self) -> str:
        name, count = f"{self.name!r}: " if self.name else "", len(self.pitches)
        if not count:
            return f"Melody({name}{self.num_bars} bars, no notes)"
        weights = np.bincount(self.pitches % 12, weights=self.end_steps - self.start_steps, minlength=12)
        low, high = (pitch_name(int(pitch)) for pitch in (self.pitches.min(), self.pitches.max()))
        key, _ = estimate_key(weights)
        return f"Melody({name}{self.num_bars} bars, {count} notes from {low} to {high}, about {key})"

    @classmethod
    def from_notes(
        cls,
        pitches: Sequence[int] | Int[np.ndarray, " M"],
        start_steps: Sequence[int] | Int[np.ndarray, " M"],
        end_steps: Sequence[int] | Int[np.ndarray, " M"],
        velocities: Sequence[int] | Int[np.ndarray, " M"],
        **context: Any,
    ) -> "Melody":
        """Takes the top line of any notes.

        Notes outside pitches 21..108 are dropped, a note lasts at least one step, the highest of equal onsets wins,
        and a note is cut at the next onset.

        Args:
            pitches: MIDI pitches.
            start_steps: quantised onsets.
            end_steps: quantised ends.
            velocities: MIDI velocities.
            **context: further arguments of `Melody`.

        Returns:
            A `Melody`, without notes if none is usable.
        """
        pitches, starts, ends, velocities = (
            np.asarray(values, dtype=np.int64) for values in (pitches, start_steps, end_steps, velocities)
        )
        usable = np.flatnonzero((pitches >= constants.MIN_PITCH) & (pitches <= constants.MAX_PITCH))
        order = usable[np.lexsort((-pitches[usable], starts[usable]))]
        highest = np.ones(len(order), dtype=bool)
        highest[1:] = starts[order][1:] != starts[order][:-1]
        order = order[highest]
        starts = starts[order]
        ends = np.maximum(ends[order], starts + 1)
        ends[:-1] = np.minimum(ends[:-1], starts[1:])
        return cls(pitches[order], starts, ends, velocities[order], num_source_notes=len(usable), **context)

    @classmethod
    def from_phrases(
        cls, tokens: Int[np.ndarray, "N 32"], qpm: float = DEFAULT_QPM, first_bar: int = 0, **context: Any
    ) -> "Melody":
        """Turns token phrases into notes, the inverse of `phrases`.

        The phrases are one stream of tokens: a note sounds until the next note-off, the next onset or the end, across
        the borders of phrases too. A note-off while nothing sounds has no effect. The bars are those of the time
        signatures in `context`, and 4/4 without any.

        Args:
            tokens: tokens in [0, 89].
            qpm: tempo in quarters per minute. Defaults to `120.0`.
            first_bar: bar from 0 in which the first phrase starts. Defaults to `0`.
            **context: further arguments of `Melody`, e.g. `name`.

        Returns:
            A `Melody` of N phrases: its length is kept even where it begins or ends with rests.

        Raises:
            ValueError: if shape or values of `tokens` are others, or notes would stand before the file or in steps that
                fill a bar up.
        """
        stream = checked_tokens(tokens).reshape(-1)
        context = {"tempos": ((0, float(qpm)),), **context}
        grid = Grid.from_signatures(context.get("time_signatures", ()))
        # No phrase step is left of a song this long.
        num_steps = max(0, grid.phrase_origin(first_bar)) + len(stream)
        is_filled = grid.phrase_steps(first_bar, num_steps).reshape(-1)[: len(stream)] < 0
        borders = grid.phrase_borders(first_bar, num_steps)[: len(stream) + 1]
        pitches, starts, ends = _stream_to_notes(stream)
        if is_filled[starts].any():
            raise ValueError(
                "Notes must not start in the steps that fill a bar up, nor before the file. "
                f"Received: an onset at phrase step {int(starts[is_filled[starts]][0])}, first_bar={first_bar}"
            )
        return cls(pitches, borders[starts], borders[ends], num_steps=int(borders[-1]), first_bar=first_bar, **context)

    @functools.cached_property
    def grid(self) -> Grid:
        """The bars and phrases of the song, by its time signatures; ticks at 480 a quarter."""
        return dataclasses.replace(Grid.from_signatures(self.time_signatures), swing=self.swing)

    @property
    def num_phrases(self) -> int:
        """Number of phrases from `first_bar` to the end, the last one filled up."""
        return len(self.phrase_steps)

    @property
    def phrase_steps(self) -> Int[np.ndarray, "N 32"]:
        """The song's step for each step of the phrases, -1 where a bar is filled up; see `Grid.phrase_steps`."""
        return self.grid.phrase_steps(self.first_bar, self.num_steps)

    @property
    def phrase_borders(self) -> Int[np.ndarray, " B"]:
        """The song's steps at which the steps of the phrases begin, and the last one ends; see `Grid`."""
        return self.grid.phrase_borders(self.first_bar, self.num_steps)

    @property
    def phrase_bars(self) -> Int[np.ndarray, " N"]:
        """The bars, from 0, in which the phrases begin."""
        return self.grid.bar_of(self.phrase_borders[: -1 : constants.PHRASE_STEPS])

    @property
    def first_step(self) -> int:
        """Step at which the phrases start; below 0 where notes stand in a pickup bar, which ends its 16 steps."""
        return self.grid.phrase_origin(self.first_bar)

    @property
    def num_bars(self) -> int:
        """Number of bars from the start of the file to the end of the melody, a begun bar counted whole."""
        return self.grid.bar_of(self.num_steps - 1) + 1 if self.num_steps else 0

    def phrases(self) -> tuple[Int8[np.ndarray, "N 32"], Bool[np.ndarray, " N"]]:
        """Cuts the melody into phrases of tokens, from the bar of its first note.

        Token 0 is no event (a note or a rest goes on), 1 is note-off, 2..89 the onset of MIDI pitch `token + 19`. A
        phrase knows nothing of the one before it: a note-off before its first onset becomes no event. Steps that fill
        a bar up have no event.

        Returns:
            Tuple of:
            - the tokens; the last phrase is padded with no events.
            - rests: True for a phrase without onset. The tokens of such a phrase are all no event,
                also where a note is held into it. (The reference implementation's rule is far wider: it calls a
                phrase a rest if its first onset is in its second bar, or if it ends within its first.)
        """
        steps = self.phrase_steps
        tokens = np.where(steps >= 0, self.events(max(self.num_steps, steps.max(initial=-1) + 1))[steps], 0)
        onsets = tokens >= constants.FIRST_ONSET
        tokens[np.logical_not(np.logical_or.accumulate(onsets, axis=1))] = constants.NO_EVENT
        return tokens.astype(np.int8), ~np.logical_or.reduce(onsets, axis=1)

    def events(self, num_steps: int) -> Int8[np.ndarray, " S"]:
        """The token of each step of the song, without any filling.

        Args:
            num_steps: steps from the start of the file.
        """
        stream = np.zeros(num_steps, np.int8)
        stream[self.end_steps[self.end_steps < num_steps]] = constants.NOTE_OFF
        # After the ends, because an onset on the same step stands for both.
        stream[self.start_steps] = self.pitches - constants.PITCH_OFFSET
        return stream

    def replace_steps(self, first_step: int, stream: Sequence[int] | Int[np.ndarray, " S"]) -> "Melody":
        """Puts other notes in the place of those that start in a stretch of steps.

        Every note that starts outside stays as it was, except that one which sounds into the stretch is cut where it
        begins. New notes end with the stretch at the latest. Their velocity is the median of the eight notes
        before and the eight after, plus what the other notes have more than theirs at such a place of the bar (median),
        plus as much per semitone above the median pitch as the other notes have (least squares).

        Args:
            first_step: where the stretch begins.
            stream: int array (S,) of tokens in [0, 89], the new notes. A note that none of the tokens began does not
                sound: the stretch begins with a rest unless its first token is an onset.

        Returns:
            A new `Melody` that reaches as far as the stretch, to both sides.

        Raises:
            ValueError: if the stretch begins before step 0.
        """
        end_step = first_step + len(stream)
        if first_step < 0:
            raise ValueError(f"Steps count from 0. Received: first_step={first_step}")
        before = self.start_steps < first_step
        after = self.start_steps >= end_step
        pitches, starts, ends = _stream_to_notes(np.asarray(stream))
        velocities = self._velocities(before, after, pitches, starts + first_step)
        ends = np.concatenate(
            [np.minimum(self.end_steps[before], first_step), ends + first_step, self.end_steps[after]]
        )
        return dataclasses.replace(
            self,
            pitches=np.concatenate([self.pitches[before], pitches, self.pitches[after]]),
            start_steps=np.concatenate([self.start_steps[before], starts + first_step, self.start_steps[after]]),
            end_steps=ends,
            velocities=np.concatenate([self.velocities[before], velocities, self.velocities[after]]),
            num_steps=max(self.num_steps, end_step),
            first_bar=min(self.first_bar, self.grid.phrase_bar(self.grid.bar_of(first_step))),
            num_source_notes=_FROM_THE_NOTES,
        )

    def _velocities(self, before, after, pitches, start_steps):
        """Velocities of new notes between those `before` and those `after` (bool (M,)); see `replace_steps`."""
        kept = before | after
        if not kept.any():
            return np.full(len(pitches), DEFAULT_VELOCITY)
        old, old_pitches = self.velocities[kept], self.pitches[kept]
        above, higher = old - _running_median(old), old_pitches - _running_median(old_pitches)
        old_places, places = self._accents(self.start_steps[kept]), self._accents(start_steps)
        accents = np.zeros(len(pitches))
        for place in np.unique(places):
            alike = old_places == place
            if alike.any():
                accents[places == place] = np.median(above[alike])
                above[alike] -= np.median(above[alike])
        slope = higher @ above / max(1.0, higher @ higher)
        near = np.concatenate([np.flatnonzero(before)[-_NEAREST:], np.flatnonzero(after)[:_NEAREST]])
        level, centre = np.median(self.velocities[near]), np.median(self.pitches[near])
        result = np.floor(level + accents + slope * (pitches - centre) + 0.5)
        return np.clip(result, old.min(), old.max()).astype(np.int64)

    def _accents(self, steps):
        """Kinds of places in bars: 0 the first beat, 1 other beats, 2 eighths off the beat, 3 sixteenths."""
        within = steps - self.grid.bar_step(self.grid.bar_of(steps))
        beats = self.grid.beat_steps(steps)
        return np.select([within == 0, within % beats == 0, within % 2 == 0], [0, 1, 2], 3)

    def to_note_sequence(self) -> "note_seq.NoteSequence":
        """Converts to note-seq's `NoteSequence`, in seconds by the tempo map.

        Returns:
            A `note_seq.NoteSequence`; `total_time` is the full length.
        """
        import note_seq

        sequence = note_seq.NoteSequence(ticks_per_quarter=note_seq.STANDARD_PPQ)
        sequence.total_time = float(self._seconds(self.num_steps))
        for step, qpm in self.tempos:
            sequence.tempos.add(time=float(self._seconds(step)), qpm=qpm)
        for step, numerator, denominator in self.time_signatures:
            sequence.time_signatures.add(time=float(self._seconds(step)), numerator=numerator, denominator=denominator)
        if self.name:
            sequence.instrument_infos.add(instrument=0, name=self.name)
        starts, ends = self._seconds(self.start_steps), self._seconds(self.end_steps)
        for pitch, start, end, velocity in zip(self.pitches, starts, ends, self.velocities, strict=True):
            sequence.notes.add(
                pitch=int(pitch), start_time=start, end_time=end, velocity=int(velocity), program=self.program
            )
        return sequence

    @classmethod
    def from_note_sequence(cls, sequence: "note_seq.NoteSequence", instrument: int = 0) -> "Melody":
        """Takes the top line of one instrument of a `NoteSequence`, by its times in seconds and its tempo map.

        Drums and notes of velocity 0 are left out. Positions are quantised by floor(x + 0.5).

        Args:
            sequence: the sequence.
            instrument: the instrument's number in the sequence. Defaults to `0`.

        Returns:
            A `Melody`, without notes if none is usable.
        """
        changes = sorted((tempo.time, tempo.qpm) for tempo in sequence.tempos if tempo.qpm > 0)
        if not changes or changes[0][0] > 0:
            changes.insert(0, (0.0, DEFAULT_QPM))
        times, qpms = (np.array(values) for values in zip(*changes, strict=True))
        per_second = qpms * constants.STEPS_PER_QUARTER / 60
        at_changes = np.concatenate([[0.0], np.cumsum(np.diff(times) * per_second[:-1])])

        def steps(seconds):
            seconds = np.asarray(seconds, dtype=np.float64)
            index = np.maximum(np.searchsorted(times, seconds, side="right") - 1, 0)
            return np.floor(at_changes[index] + (seconds - times[index]) * per_second[index] + 0.5).astype(np.int64)

        notes = [n for n in sequence.notes if n.instrument == instrument and not n.is_drum and n.velocity]
        names = [info.name for info in sequence.instrument_infos if info.instrument == instrument]
        starts, ends = steps([n.start_time for n in notes]), steps([n.end_time for n in notes])
        signatures = {int(steps(s.time)): (s.numerator, s.denominator) for s in sequence.time_signatures}
        return cls.from_notes(
            [n.pitch for n in notes],
            starts,
            ends,
            [n.velocity for n in notes],
            num_steps=max(int(steps(sequence.total_time)), int(np.maximum(ends, starts + 1).max(initial=0))),
            name=names[0] if names else "",
            program=notes[0].program if notes else 0,
            track=instrument,
            tempos=tuple(dict(zip(steps(times).tolist(), qpms.tolist(), strict=True)).items()),
            time_signatures=tuple((step, *signature) for step, signature in sorted(signatures.items())),
        )

    def _seconds(self, steps):
        """Times of `steps` by the tempo map, in seconds from the start."""
        at, qpms = (np.array(values, dtype=np.float64) for values in zip(*self.tempos, strict=True))
        per_step = 60 / (qpms * constants.STEPS_PER_QUARTER)
        at_changes = np.concatenate([[0.0], np.cumsum(np.diff(at) * per_step[:-1])])
        index = np.searchsorted(at, steps, side="right") - 1
        return at_changes[index] + (steps - at[index]) * per_step[index]


def _running_median(values):
    """Median of each value and the eight on either side; the first and the last value go on beyond the ends."""
    padded = np.pad(values, _NEAREST, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEAREST + 1), axis=1)


def checked_tokens(tokens: Int[np.ndarray, "N 32"]) -> Int[np.ndarray, "N 32"]:
    """Returns tokens (N, 32) as an array; a ValueError says what is wrong with their shape, type or values."""
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or tokens.shape[1] != constants.PHRASE_STEPS or not np.issubdtype(tokens.dtype, np.integer):
        raise ValueError(
            f"Tokens must be integers of shape (N, {constants.PHRASE_STEPS}). "
            f"Received: tokens of shape {tokens.shape} and dtype {tokens.dtype}"
        )
    if tokens.size and not (tokens.min() >= 0 and tokens.max() < constants.NUM_TOKENS):
        raise ValueError(
            f"Tokens must lie in [0, {constants.NUM_TOKENS - 1}]. "
            f"Received: tokens from {tokens.min()} to {tokens.max()}"
        )
    return tokens


def _stream_to_notes(stream):
    """Reads pitches, starts and ends off one stream of tokens (S,); a note sounds until the next event or the end."""
    events = np.flatnonzero(stream)
    following = np.append(events[1:], len(stream))
    onset = stream[events] >= constants.FIRST_ONSET
    starts = events[onset]
    return stream[starts].astype(np.int64) + constants.PITCH_OFFSET, starts, following[onset]
