"""Forms: which phrases of a piece repeat which, asked for by letters or drawn from real pieces."""

import dataclasses
import io
import os
import re

import numpy as np
from jaxtyping import Int, Int8

from keras_symdiff.constants import PIECE_PHRASES
from keras_symdiff.files.read_npz import read_npz
from keras_symdiff.noise_streams import Purpose, noise_streams
from keras_symdiff.write_atomically import write_atomically

SECTION_PHRASES = (4, 2)  # a letter is 8 bars long, or 4 where 8 do not fit

_LETTER = re.compile(r"[A-Z]'*")


@dataclasses.dataclass(frozen=True, eq=False)
class Form:
    """The plan of a piece of L phrases.

    Args:
        repeats: index of the earliest phrase that each one is equal to; its own where it is new.
        varies: the same, but a variation counts as equal to what it varies.

    Raises:
        ValueError: if a phrase repeats a later one, or one that itself repeats another.

    Example:
    ```python
    Form.parse("AABA'", num_phrases=8).repeats  # 0 1 0 1 4 5 6 7
    ```
    """

    repeats: Int[np.ndarray, " L"]
    varies: Int[np.ndarray, " L"]

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


@dataclasses.dataclass(frozen=True, eq=False)
class FormTable:
    """The plans of real pieces, from which those of new pieces are drawn.

    Args:
        plans: int8 array (P, 32), for each phrase the index of the earliest equal one, -1 beyond the end of a piece.

    Raises:
        ValueError: if there is no plan, or one is damaged.

    Example:
    ```python
    from keras_symdiff.music.condition import Condition

    table = FormTable.of([Condition.of(piece).repeats for piece in tokens])
    table.draw(num_phrases=16, seed=0, index=3).repeats  # (16,)
    ```
    """

    plans: Int8[np.ndarray, "P 32"]

    def __post_init__(self):
        plans = np.asarray(self.plans)
        if plans.dtype != np.int8 or plans.ndim != 2 or plans.shape[1] != PIECE_PHRASES or not len(plans):
            raise ValueError(
                f"Plans are int8 of shape (P, {PIECE_PHRASES}). Received: plans of shape {plans.shape} and "
                f"type {plans.dtype}"
            )
        for plan in plans:
            end = PIECE_PHRASES - np.argmin(np.flip(plan) == -1)
            if not is_plan(plan[:end]):
                raise ValueError(f"A phrase repeats itself or the earliest one like it. Received: plan={plan}")

    @classmethod
    def of(cls, plans: list[Int[np.ndarray, " L"]]) -> "FormTable":
        """Collects plans of up to 32 phrases each."""
        return cls(
            np.stack([np.pad(plan, (0, PIECE_PHRASES - len(plan)), constant_values=-1) for plan in plans]).astype(
                "int8"
            )
        )

    def draw(self, num_phrases: int, seed: int, index: int) -> Form:
        """Draws the plan of a new piece.

        Args:
            num_phrases: its phrases, at most 32.
            seed: int.
            index: index of the piece among those of the seed.

        Returns:
            The beginning of a plan that is long enough, each of which is as likely.

        Raises:
            ValueError: if none is.
        """
        long_enough = np.flatnonzero((self.plans >= 0).sum(axis=1) >= num_phrases)
        if num_phrases < 1 or not len(long_enough):
            raise ValueError(f"No plan is that long. Received: num_phrases={num_phrases}")
        (stream,) = noise_streams(seed, [index], Purpose.FORM)
        plan = self.plans[stream.choice(long_enough), :num_phrases].astype(np.int64)
        return Form(plan, plan)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the table to an `.npz` file."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, plans=self.plans)
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike) -> "FormTable":
        """Reads a table that `save` wrote.

        Raises:
            ValueError: if it is damaged.
        """
        try:
            return cls(read_npz(path)["plans"])
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path}: not a table of forms ({error})") from error


def is_plan(repeats: Int[np.ndarray, " L"]) -> bool:
    """Whether each phrase repeats itself, or an earlier one that repeats none."""
    at = np.arange(len(repeats))
    return bool(np.all((repeats >= 0) & (repeats <= at)) and np.all(repeats[repeats] == repeats))


def _earliest(names):
    first = {}
    return [first.setdefault(name, index) for index, name in enumerate(names)]
