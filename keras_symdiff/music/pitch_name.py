"""Names of pitches."""

import re

from keras_symdiff.constants import MAX_PITCH, MIN_PITCH

_NAME = re.compile(r"([A-Ga-g])(#{0,2}|b{0,2})(-?\d)", re.ASCII)
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def pitch_name(pitch: int) -> str:
    """Names a MIDI pitch, such as `"C4"` for 60."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def parse_pitch(name: str) -> int:
    """Reads the name of a pitch.

    Args:
        name: a letter, accidentals (`#` or `b`) and an octave; `"C4"` is middle C.

    Returns:
        The MIDI pitch; 60 for middle C.

    Raises:
        ValueError: if it is not a pitch from A0 to C8.

    Example:
        >>> parse_pitch("F#3")
        54
    """
    match = _NAME.fullmatch(name.strip())
    if match:
        letter, accidentals, octave = match.groups()
        pitch = 12 * (int(octave) + 1) + _LETTERS[letter.upper()] + accidentals.count("#") - accidentals.count("b")
        if MIN_PITCH <= pitch <= MAX_PITCH:
            return pitch
    raise ValueError(f"A pitch is written like C4 (middle C) or F#3, from A0 to C8. Received: {name!r}")
