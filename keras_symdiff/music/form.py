"""Forms: which phrases of a piece repeat which, asked for by letters or drawn from real pieces."""

import dataclasses
import io
import os
import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float16, Int, Int8

from keras_symdiff.constants import FIRST_ONSET, MAX_PITCH, MIN_PITCH, PIECE_PHRASES, PITCH_OFFSET
from keras_symdiff.files.read_npz import read_npz
from keras_symdiff.music.condition import Condition, earliest_equal
from keras_symdiff.noise_streams import Purpose, noise_streams
from keras_symdiff.write_atomically import write_atomically

SECTION_PHRASES = (4, 2)  # a letter is 8 bars long, or 4 where 8 do not fit

_LETTER = re.compile(r"[A-Z]'*")
# A variation shares so many of its onsets (F1), and so many of these have the same pitch.
_SHARED_ONSETS, _SAME_PITCHES = 0.7, 0.5
# What a completed form takes of another piece's registers: all of it leaps, none of it stays on one line.
_REGISTER_SHARE = 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class Form:
    """The plan of a piece of L phrases.

    Args:
        repeats: index of the earliest phrase that each one is equal to; its own where it is new.
        varies: index of the earliest phrase that each one repeats or is a variation of; its own where there is none.
        register: mean pitch of each phrase, of a form that is drawn; NaN where it has no onset. Defaults to `None`.
        density: onsets per bar of each phrase, likewise.
        pitches: lowest and highest pitch of the piece, likewise.

    Raises:
        ValueError: if a phrase repeats a later one, or one that itself repeats another.

    Example:
    ```python
    Form.parse("AABA'", num_phrases=8).repeats  # 0 1 0 1 4 5 6 7
    ```
    """

    repeats: Int[np.ndarray, " L"]
    varies: Int[np.ndarray, " L"]
    register: Float[np.ndarray, " L"] | None = None
    density: Float[np.ndarray, " L"] | None = None
    pitches: tuple[int, int] | None = None

    def __post_init__(self):
        for name in ("repeats", "varies"):
            values = np.asarray(getattr(self, name), dtype=np.int64)
            if values.shape != np.shape(self.repeats) or not is_plan(values):
                raise ValueError(f"A phrase repeats itself or the earliest one like it. Received: {name}={values}")
            object.__setattr__(self, name, values)  # the dataclass is frozen

    @classmethod
    def parse(cls, text: str, num_phrases: int) -> "Form":
        """Reads a form as musicians write it.

        Args:
            text: letters, `"AABA"`; equal ones are equal music, and `'` marks a variation, `"AABA'"`. A letter lasts
                8 bars, or 4 if the form would not fit otherwise; a form shorter than the piece begins again.
            num_phrases: phrases of two bars of the piece.

        Returns:
            The `Form`.

        Raises:
            ValueError: if it is not a form, or does not fit.
        """
        written = text.replace(" ", "")
        letters = _LETTER.findall(written)
        if not letters or "".join(letters) != written:
            raise ValueError(f"A form is capital letters, ' for a variation, like AABA'. Received: {text!r}")
        size = next((size for size in SECTION_PHRASES if size * len(letters) <= num_phrases), None)
        if size is None:
            raise ValueError(
                f"A letter of a form lasts at least {2 * SECTION_PHRASES[-1]} bars of 4/4: {text} needs "
                f"{2 * SECTION_PHRASES[-1] * len(letters)}. Received: {2 * num_phrases}"
            )
        # The letter of each phrase and its place within it: phrases of one name are equal.
        names = [(letters[i // size % len(letters)], i % size) for i in range(num_phrases)]
        varies = _earliest([(letter[0], place) for letter, place in names])
        return cls(np.array(_earliest(names)), np.array(varies))

    @classmethod
    def joined(cls, forms: Sequence["Form"]) -> "Form":
        """Drawn forms one after the other; none repeats another."""
        starts = np.cumsum([0, *(len(form.repeats) for form in forms[:-1])])
        plans = {
            name: np.concatenate([start + getattr(form, name) for start, form in zip(starts, forms, strict=True)])
            for name in ("repeats", "varies")
        }
        lows, highs = zip(*(form.pitches for form in forms), strict=True)
        parts = {name: np.concatenate([getattr(form, name) for form in forms]) for name in ("register", "density")}
        return cls(**plans, **parts, pitches=(min(lows), max(highs)))


@dataclasses.dataclass(frozen=True, eq=False)
class FormTable:
    """The forms of real pieces, from which those of new pieces are drawn.

    Args:
        repeats: for each phrase the index of the earliest equal one, -1 beyond the end of a piece.
        varies: for each phrase what `variations` tells, -1 beyond the end.
        registers: mean pitch of each phrase; NaN beyond the end, or without an onset.
        densities: onsets per bar of each phrase; NaN beyond the end.
        pitches: lowest and highest pitch of each piece.

    Raises:
        ValueError: if there is no form, or one is damaged.

    Example:
    ```python
    table = FormTable.of(list(tokens))  # (P, 32, 32)
    table.draw(num_phrases=16, seed=0, index=3).repeats  # (16,)
    ```
    """

    repeats: Int8[np.ndarray, "P 32"]
    varies: Int8[np.ndarray, "P 32"]
    registers: Float16[np.ndarray, "P 32"]
    densities: Float16[np.ndarray, "P 32"]
    pitches: Int8[np.ndarray, "P 2"]

    def __post_init__(self):
        number = np.size(self.repeats, axis=0) if np.ndim(self.repeats) else 0
        expected = {
            "repeats": ("int8", PIECE_PHRASES),
            "varies": ("int8", PIECE_PHRASES),
            "registers": ("float16", PIECE_PHRASES),
            "densities": ("float16", PIECE_PHRASES),
            "pitches": ("int8", 2),
        }
        for name, (dtype, width) in expected.items():
            values = np.asarray(getattr(self, name))
            if not number or values.dtype != dtype or values.shape != (number, width):
                raise ValueError(
                    f"{name.capitalize()} are {dtype} of shape (P, {width}). Received: {name} of shape {values.shape} "
                    f"and type {values.dtype}"
                )
            if np.any(values < -1) or np.any(values > MAX_PITCH):
                raise ValueError(f"Values of {name} are at least -1 and at most {MAX_PITCH}. Received: others")
        if np.any(self.pitches[:, 0] > self.pitches[:, 1]):
            raise ValueError("The lowest pitch of a piece is not above its highest. Received: others")
        for plan in (*self.repeats, *self.varies):
            end = PIECE_PHRASES - np.argmin(np.flip(plan) == -1)
            if not is_plan(plan[:end]):
                raise ValueError(f"A phrase repeats itself or the earliest one like it. Received: plan={plan}")
        if np.any((self.repeats < 0) != (self.varies < 0)):
            raise ValueError("Repeats and variations of a piece end together. Received: others")

    @classmethod
    def of(
        cls,
        pieces: Sequence[Int[np.ndarray, "L 32"]],
        real_steps: Sequence[Int[np.ndarray, "L 2"]] | None = None,
    ) -> "FormTable":
        """Collects the forms of pieces of up to 32 phrases each.

        Args:
            pieces: their tokens.
            real_steps: of their phrases, see `Condition`. Defaults to `None`: all are 4/4.
        """
        number = len(pieces)
        repeats, varies = np.full((2, number, PIECE_PHRASES), -1, "int8")
        registers, densities = np.full((2, number, PIECE_PHRASES), np.nan, "float16")
        pitches = np.tile(np.array([MIN_PITCH, MAX_PITCH], "int8"), (number, 1))
        for index, tokens in enumerate(pieces):
            condition = Condition.of(tokens, real_steps=None if real_steps is None else real_steps[index])
            repeats[index, : len(tokens)] = condition.repeats
            varies[index, : len(tokens)] = variations(tokens)
            registers[index, : len(tokens)] = np.round(2 * condition.register) / 2  # fewer values are a smaller file
            densities[index, : len(tokens)] = condition.density
            onsets = np.asarray(tokens)[np.asarray(tokens) >= FIRST_ONSET]
            if len(onsets):
                pitches[index] = onsets.min() + PITCH_OFFSET, onsets.max() + PITCH_OFFSET
        return cls(repeats, varies, registers, densities, pitches)

    def draw(self, num_phrases: int, seed: int, index: int) -> Form:
        """Draws the form of a new piece.

        Args:
            num_phrases: its phrases, at most 32.
            seed: int.
            index: index of the piece among those of the seed.

        Returns:
            The beginning of a form that is long enough, each of which is as likely.

        Raises:
            ValueError: if none is.
        """
        row = _stream(seed, index).choice(self._long_enough(num_phrases))
        repeats, varies = (plans[row, :num_phrases].astype(np.int64) for plans in (self.repeats, self.varies))
        register, density = (rows[row, :num_phrases].astype("float32") for rows in (self.registers, self.densities))
        low, high = self.pitches[row].tolist()
        return Form(repeats, varies, register, density, (low, high))

    def complete(
        self, repeats: Int[np.ndarray, " L"], varies: Int[np.ndarray, " L"], seed: int, index: int
    ) -> tuple[Int[np.ndarray, " L"], Int[np.ndarray, " L"], Float[np.ndarray, " L"]]:
        """Completes the form of a piece of which some phrases are to be composed.

        Args:
            repeats: for each phrase the earliest one that is equal to it, -1 where it is to be composed.
            varies: for each phrase the earliest one that it repeats or varies, -1 likewise.
            seed: int.
            index: index of the take among those of the seed.

        Returns:
            For each phrase one that it repeats, and one that it repeats or varies, as in one of the forms most like
            that of the given phrases, each of which is as likely: a given one, or the earliest one that is to be
            composed. And how many semitones above the mean register of the given phrases each one is to be: half of
            what it is in that form.

        Raises:
            ValueError: if no form is long enough.
        """
        long_enough, length, given = self._long_enough(len(repeats)), len(repeats), np.flatnonzero(repeats >= 0)
        known = [(self.repeats[long_enough, :length], repeats), (self.varies[long_enough, :length], varies)]
        unlike = sum(
            ((rows[:, given, None] == rows[:, None, given]) != (plan[given, None] == plan[given])).sum(axis=(1, 2))
            for rows, plan in known
        )
        row = _stream(seed, index).choice(np.flatnonzero(unlike == np.min(unlike)))
        register = self.registers[long_enough[row], :length].astype("float32")
        above = register - _mean(register[given])
        repeats, varies = (_completed(plan, rows[row]) for rows, plan in known)
        return repeats, varies, _REGISTER_SHARE * np.nan_to_num(above)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the table to an `.npz` file."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **dataclasses.asdict(self))
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike) -> "FormTable":
        """Reads a table that `save` wrote.

        Raises:
            ValueError: if it is damaged.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        try:
            return cls(**read_npz(path, names))
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path}: not a table of forms ({error})") from error

    def _long_enough(self, num_phrases):
        rows = np.flatnonzero((self.repeats >= 0).sum(axis=1) >= num_phrases)
        if num_phrases < 1 or not len(rows):
            raise ValueError(f"No form is that long. Received: num_phrases={num_phrases}")
        return rows


def is_plan(repeats: Int[np.ndarray, " L"]) -> bool:
    """Whether each phrase repeats itself, or an earlier one that repeats none."""
    at = np.arange(len(repeats))
    return bool(np.all((repeats >= 0) & (repeats <= at)) and np.all(repeats[repeats] == repeats))


def variations(tokens: Int[np.ndarray, "L 32"]) -> Int[np.ndarray, " L"]:
    """Tells which phrases are variations of earlier ones.

    Args:
        tokens: the phrases of a piece.

    Returns:
        For each phrase the earliest one that varies none itself and that it repeats or varies: at least 70 % of the
        onsets are at the same steps (F1), and at least half of these have the same pitch. Its own if there is none.
    """
    tokens, repeats = np.asarray(tokens), earliest_equal(tokens)
    onsets = (tokens >= FIRST_ONSET).astype("float32")  # (L, 32)
    counts, shared = onsets.sum(axis=1), onsets @ onsets.T
    same = sum(np.equal.outer(step, step) & (step >= FIRST_ONSET) for step in tokens.T)  # (L, L), by step for memory
    rhythm = (shared > 0) & (2 * shared >= _SHARED_ONSETS * np.add.outer(counts, counts))
    alike = np.equal.outer(repeats, repeats) | (rhythm & (same >= _SAME_PITCHES * shared))
    varies = np.arange(len(tokens))
    for phrase in range(len(tokens)):
        varies[phrase] = np.argmax(alike[phrase] & (varies == np.arange(len(tokens))))
    return varies


def _mean(values):
    """The mean of what is known; NaN if nothing is."""
    known = values[~np.isnan(values)]
    return known.mean() if len(known) else np.nan


def _completed(plan, row):
    """A plan (L,) whose unknown phrases, -1, go with those that a complete one, `row`, has them go with."""
    completed = plan.astype(np.int64)
    for phrase in np.flatnonzero(plan < 0):
        (alike,) = np.nonzero(row == row[phrase])
        first = alike[plan[alike] >= 0][:1]
        completed[phrase] = plan[first[0]] if len(first) else alike[0]
    return completed


def _earliest(names):
    first = {}
    return [first.setdefault(name, index) for index, name in enumerate(names)]


def _stream(seed, index):
    (stream,) = noise_streams(seed, [index], Purpose.FORM)
    return stream
