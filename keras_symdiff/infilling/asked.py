"""What is asked of new music."""

import dataclasses
import math
import re
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
from jaxtyping import Float

from keras_symdiff.constants import (
    BARS_PER_PHRASE,
    FIRST_ONSET,
    MOST_TEMPERATURE,
    NUM_TOKENS,
    PHRASE_STEPS,
    PITCH_OFFSET,
    STEPS_PER_BAR,
)
from keras_symdiff.music.chord_symbols import Chords
from keras_symdiff.music.form import Form
from keras_symdiff.music.key import SURE, Key, estimate_key
from keras_symdiff.music.key_cost import KEY_COST, MOST_KEY_COST
from keras_symdiff.music.pitch_bias import pitch_bias
from keras_symdiff.music.pitch_name import parse_pitch

NO_FORM = "none"  # nothing is made to repeat
ORIGINAL_FORM = "original"  # an infill repeats what the song repeats there

_LONGEST = 50_000  # letters of a progression
_MOST_DENSITY = 16.0  # onsets per bar: one in each sixteenth
_OUTSIDE = 1e4  # nats: never
_RELATIVE = re.compile(r"[+-]\d+(?:\.\d+)?", re.ASCII)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of new music, whatever its place; all of it may be left free.

    Args:
        chords: progression over which to compose, such as `"C | Am F | G7 | %"`; see `Chords.parse`.
        key: such as `"A minor"`. Defaults to `None`: estimated.
        density: onsets per bar; in infills also relative to the given bars: `"+1"`, `"-0.5"`.
        pitch_range: lowest and highest pitch, such as `"C4-C6"` or `("C4", "C6")`.
        form: letters such as `"AABA'"`, `"none"`, or for infills `"original"`.
        key_cost: nats that notes outside the key cost in decoding, where the key is sure; 0 for free decoding.

    Raises:
        ValueError: if one of them cannot be read.
    """

    chords: str | None = None
    key: str | None = None
    density: float | str | None = None
    pitch_range: str | Sequence[str] | None = None
    form: str | None = None
    key_cost: float = KEY_COST

    def __post_init__(self):
        for name in ("chords", "key", "form"):
            value = getattr(self, name)
            if not isinstance(value, str | None) or len(value or "") > _LONGEST:
                raise ValueError(
                    f"`{name}` must be a string of at most {_LONGEST} letters. Received: {name}={value!r:.200}"
                )
        if not _is_number(self.key_cost) or not 0 <= self.key_cost <= MOST_KEY_COST:
            raise ValueError(f"`key_cost` must be in [0, {MOST_KEY_COST}]. Received: key_cost={self.key_cost!r}")
        pitch_range = self.pitch_range.split("-", 1) if isinstance(self.pitch_range, str) else self.pitch_range
        if isinstance(pitch_range, list):
            object.__setattr__(self, "pitch_range", tuple(pitch_range))  # the dataclass is frozen
        _ = self.parsed_chords, self.parsed_key, self.pitches
        if self.letters is not None:
            Form.parse(self.letters, 128)
        relative = isinstance(self.density, str) and _RELATIVE.fullmatch(self.density)
        density = self.density
        absolute = isinstance(density, int | float) and not isinstance(density, bool) and 0 < density <= _MOST_DENSITY
        if self.density is not None and not relative and not absolute:
            raise ValueError(
                f"`density` must be in (0, {_MOST_DENSITY:g}] onsets per bar, or relative such as '+1'. "
                f"Received: density={self.density!r}"
            )

    def check_new(self, bars: int) -> None:
        """Checks that all of it can be asked of a new melody.

        Args:
            bars: its length in 4/4 bars.

        Raises:
            ValueError: if it refers to the bars of a song, or the letters of the form do not fit the length.
        """
        if isinstance(self.density, str) or self.form == ORIGINAL_FORM:
            raise ValueError(
                f"A new melody has no bars to compare with. Received: density={self.density!r}, form={self.form!r}"
            )
        if self.letters is not None:
            check_letters(self.letters, 0, bars * STEPS_PER_BAR, BARS_PER_PHRASE, f"bars={bars}")

    @property
    def letters(self) -> str | None:
        """The form, if it is one of letters."""
        return None if self.form in (None, NO_FORM, ORIGINAL_FORM) else self.form

    @property
    def parsed_chords(self) -> Chords | None:
        """The progression."""
        return None if self.chords is None else Chords.parse(self.chords)

    @property
    def parsed_key(self) -> Key | None:
        """The key."""
        return None if self.key is None else Key.parse(self.key)

    def key_of_new(self, num_phrases: int) -> Key | None:
        """The key of a new melody: what is asked for, else that of the chords; `None` where it is not sure."""
        chords = self.parsed_chords
        if self.key is not None or chords is None:
            return self.parsed_key
        key, confidence = estimate_key(np.nansum(chords.chroma(num_phrases), axis=(0, 1)))
        return key if confidence >= SURE else None

    @property
    def pitches(self) -> tuple[int, int] | None:
        """Lowest and highest pitch.

        Raises:
            ValueError: if they are not two pitches, a fifth or more apart.
        """
        if self.pitch_range is None:
            return None
        try:
            low, high = map(parse_pitch, self.pitch_range if isinstance(self.pitch_range, tuple) else ())
        except (AttributeError, ValueError) as error:
            raise ValueError(
                f"`pitch_range` must be two pitches, such as 'C4-C6'. Received: pitch_range={self.pitch_range!r:.200}"
            ) from error
        if high - low < 7:
            raise ValueError(
                f"`pitch_range` must span a fifth or more, low to high. Received: pitch_range={self.pitch_range!r}"
            )
        return low, high

    def onsets_per_bar(self, given: float) -> float:
        """Density that is asked for, where the given bars have so many onsets; NaN if it is free."""
        if self.density is None:
            return math.nan
        if isinstance(self.density, str):
            return min(max(given + float(self.density), 0.5), _MOST_DENSITY)
        return float(self.density)

    def decoding_bias(
        self, chroma: Float[np.ndarray, "N 8 12"], key: Key | None, pitches: tuple[int, int] | None
    ) -> Float[np.ndarray, "N 32 90"] | None:
        """What decoding adds to the logits of tokens.

        Args:
            chroma: what sounds in each beat, in the model's key; NaN where nobody knows.
            key: the key of the music as the model hears it; `None` where it is not sure.
            pitches: lowest and highest pitch, as the model hears them; `None` for all.

        Returns:
            Nats, or `None` for nothing.
        """
        costs_key = key is not None and self.key_cost > 0
        if not costs_key and pitches is None:
            return None
        bias = pitch_bias(chroma, key if costs_key else None, self.key_cost)
        if pitches is not None:
            low, high = pitches
            all_pitches = np.arange(FIRST_ONSET, NUM_TOKENS) + PITCH_OFFSET
            bias[:, :, FIRST_ONSET:] -= _OUTSIDE * ((all_pitches < low) | (all_pitches > high)).astype("float32")
        return bias


def check_letters(form: str, first: int, end: int, bars_per_phrase: int, received: str) -> None:
    """Checks that the letters of a form describe new bars whole.

    Args:
        form: letters such as `"AABA"`.
        first: where the new bars begin, in steps from the beginning of a phrase.
        end: where they end.
        bars_per_phrase: bars of their metre that a phrase holds.
        received: what was asked for, for the message.

    Raises:
        ValueError: if the bars are no whole phrases, or too few.
    """
    if first % PHRASE_STEPS or end % PHRASE_STEPS:
        raise ValueError(
            f"The letters of a form are made of phrases of {bars_per_phrase} bars, counted from the first new bar: "
            f"name whole phrases, a multiple of {bars_per_phrase} bars. Received: form={form!r}, {received}"
        )
    Form.parse(form, (end - first) // PHRASE_STEPS)


def check_temperature(temperature: Any) -> None:
    """Checks a temperature of decoding.

    Raises:
        ValueError: if it is no number in its range.
    """
    if not _is_number(temperature) or not 0 < temperature <= MOST_TEMPERATURE:
        raise ValueError(
            f"`temperature` must be in (0, {MOST_TEMPERATURE}]. Received: temperature={temperature!r:.200}"
        )


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
