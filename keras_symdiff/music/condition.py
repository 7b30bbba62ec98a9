"""What the phrases of a piece hear of the rest of their song, and what is asked of them."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int, Integer

from keras_symdiff.constants import FIRST_ONSET, PHRASE_STEPS, PIECE_PHRASES, PITCH_OFFSET, STEPS_PER_BAR

BEATS_PER_PHRASE = 8  # quarters
HALVES_PER_PHRASE = PHRASE_STEPS // STEPS_PER_BAR

_DENSITY_SCALE = 8.0  # onsets per bar: sung lines have about 5
_MIDDLE_C, _REGISTER_SCALE = 60.0, 24.0
_SIZES = {
    "present": 1,
    "chroma": BEATS_PER_PHRASE * 12 + 1,
    "density": 2,
    "register": 2,
    "real_steps": HALVES_PER_PHRASE,
    "repeats": PIECE_PHRASES + 1,
}
_ENDS = np.cumsum(list(_SIZES.values())).tolist()

# Where each part stands in a row of features; the last number of a part that can be hidden is its flag, 1 where known.
PARTS = {name: slice(end - size, end) for (name, size), end in zip(_SIZES.items(), _ENDS, strict=True)}
CONDITION_DIM = _ENDS[-1]
HIDEABLE = ("chroma", "density", "register", "repeats")


def earliest_equal(values: Int[np.ndarray, "L *"]) -> Int[np.ndarray, " L"]:
    """Tells what repeats what.

    Args:
        values: L phrases, or numbers of L groups.

    Returns:
        For each one the index of the earliest one that is equal to it, its own if there is none.
    """
    _, first, inverse = np.unique(values, axis=0, return_index=True, return_inverse=True)
    return first[inverse.reshape(-1)]


@dataclasses.dataclass(frozen=True, eq=False)
class Condition:
    """What is known of each of the L phrases of a piece or a melody, besides its notes.

    Args:
        chroma: share of each beat in which the other tracks sound each pitch class; NaN where nobody knows.
        density: onsets per bar of 16 real steps; NaN where free.
        register: mean pitch of the onsets; NaN where free, or without an onset.
        real_steps: of the 16 steps of each half of a phrase, how many are time of the song and not filled up.
        repeats: index of the earliest phrase with the same notes, its own if there is none; -1 where free.

    Raises:
        ValueError: if lengths or values do not fit.

    Example:
    ```python
    condition = Condition.of(tokens[0])  # of one piece (L, 32), without harmony
    condition.hide("density")[:16].features()  # (16, CONDITION_DIM)
    ```
    """

    chroma: Float[np.ndarray, "L 8 12"]
    density: Float[np.ndarray, " L"]
    register: Float[np.ndarray, " L"]
    real_steps: Int[np.ndarray, "L 2"]
    repeats: Int[np.ndarray, " L"]

    def __post_init__(self):
        length = len(self.density)
        shapes = {
            "chroma": (length, BEATS_PER_PHRASE, 12),
            "density": (length,),
            "register": (length,),
            "real_steps": (length, HALVES_PER_PHRASE),
            "repeats": (length,),
        }
        for name, shape in shapes.items():
            values = np.asarray(getattr(self, name), "int64" if name in ("real_steps", "repeats") else "float32")
            if values.shape != shape:
                raise ValueError(f"Each part has one row per phrase, {name} {shape}. Received: {name} {values.shape}")
            object.__setattr__(self, name, values)  # the dataclass is frozen
        for name, low, high in (("chroma", 0, 1), ("density", 0, np.inf), ("register", 0, 127)):
            values = getattr(self, name)
            if np.any(values < low) or np.any(values > high) or np.any(np.isinf(values)):
                raise ValueError(f"Values of {name} are finite and in [{low}, {high}]. Received: {name}={values}")
        if np.any((self.real_steps < 0) | (self.real_steps > STEPS_PER_BAR)):
            raise ValueError(f"Half a phrase has 0 to 16 real steps. Received: real_steps={self.real_steps}")
        known = np.flatnonzero(self.repeats >= 0)
        origins = self.repeats[known]
        if np.any(self.repeats < -1) or np.any(origins > known) or np.any(self.repeats[origins] != origins):
            raise ValueError(f"A phrase repeats itself or the earliest one like it. Received: repeats={self.repeats}")

    @classmethod
    def of(
        cls,
        tokens: Int[np.ndarray, "L 32"],
        chroma: Float[np.ndarray, "L 8 12"] | None = None,
        real_steps: Integer[np.ndarray, "L 2"] | None = None,
    ) -> "Condition":
        """Describes phrases that exist.

        Args:
            tokens: the phrases.
            chroma: what the other tracks sound, NaN where nobody knows. Defaults to `None`: nobody knows.
            real_steps: steps of each half of a phrase that are not filled up. Defaults to `None`: all 16.

        Returns:
            A `Condition` with all parts known; `chroma` as far as it is given.
        """
        tokens = np.asarray(tokens)
        length = len(tokens)
        if real_steps is None:
            real_steps = np.full((length, HALVES_PER_PHRASE), STEPS_PER_BAR)
        if chroma is None:
            chroma = np.full((length, BEATS_PER_PHRASE, 12), np.nan)
        onsets = tokens >= FIRST_ONSET  # (L, 32)
        counts = onsets.sum(axis=1)
        pitches = np.where(onsets, tokens.astype(np.float64) + PITCH_OFFSET, 0).sum(axis=1)
        bars = np.asarray(real_steps).sum(axis=1) / STEPS_PER_BAR
        unknown = np.full(length, np.nan)
        return cls(
            chroma=chroma,
            density=np.divide(counts, bars, out=unknown.copy(), where=bars > 0),
            register=np.divide(pitches, counts, out=unknown.copy(), where=counts > 0),
            real_steps=real_steps,
            repeats=earliest_equal(tokens),
        )

    def __len__(self) -> int:
        return len(self.density)

    def __getitem__(self, phrases: slice) -> "Condition":
        """The condition of consecutive phrases, `condition[first:end]`; what they repeat is counted from `first`."""
        if not isinstance(phrases, slice) or phrases.step not in (None, 1):
            raise TypeError(f"A condition is cut into consecutive phrases, [first:end]. Received: {phrases}")
        parts = {field.name: getattr(self, field.name)[phrases] for field in dataclasses.fields(self)}
        parts["repeats"] = np.where(parts["repeats"] < 0, -1, earliest_equal(parts["repeats"]))
        return Condition(**parts)

    def hide(self, part: str) -> "Condition":
        """Forgets one part of all phrases.

        Args:
            part: one of `HIDEABLE`: `"chroma"`, `"density"`, `"register"`, `"repeats"`.

        Returns:
            A `Condition` without it.

        Raises:
            ValueError: if there is no such part.
        """
        if part not in HIDEABLE:
            raise ValueError(f"A part that can be hidden is one of {', '.join(HIDEABLE)}. Received: part={part!r}")
        values = getattr(self, part)
        return dataclasses.replace(self, **{part: np.full(values.shape, -1 if part == "repeats" else np.nan)})

    def transposed(self, semitones: int) -> "Condition":
        """The condition of the same phrases and harmony, so many semitones higher.

        Args:
            semitones: negative for lower.

        Returns:
            A `Condition` with the chroma rolled and the register moved.
        """
        chroma = np.roll(self.chroma, semitones, axis=-1)
        return dataclasses.replace(self, chroma=chroma, register=self.register + semitones)

    def features(self) -> Float[np.ndarray, "L C"]:
        """The condition as a network reads it: float32 rows in the order of `PARTS`.

        A part that is unknown is zeros, its flag too. The first number is 1 for each phrase, so that rows of zeros are
        phrases beyond the end of a piece.

        Returns:
            Array (L, `CONDITION_DIM`).

        Raises:
            ValueError: if it has more than 32 phrases.
        """
        length = len(self)
        if length > PIECE_PHRASES:
            raise ValueError(f"A network reads up to {PIECE_PHRASES} phrases at once. Received: {length} phrases")
        rows = np.zeros((length, CONDITION_DIM), "float32")
        rows[:, PARTS["present"]] = 1
        rows[:, PARTS["real_steps"]] = self.real_steps / STEPS_PER_BAR
        plan = np.where(self.repeats[:, None] < 0, np.nan, np.eye(PIECE_PHRASES)[self.repeats])
        values = {
            "chroma": self.chroma.reshape(length, BEATS_PER_PHRASE * 12),
            "density": self.density[:, None] / _DENSITY_SCALE,
            "register": (self.register[:, None] - _MIDDLE_C) / _REGISTER_SCALE,
            "repeats": plan,
        }
        for name, part in values.items():
            known = ~np.isnan(part).any(axis=1, keepdims=True)
            rows[:, PARTS[name]] = np.where(known, np.concatenate([part, np.ones((length, 1))], axis=1), 0)
        return rows
