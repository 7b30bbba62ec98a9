"""The bars of a tune that are to be composed anew."""

import dataclasses
import re

from keras_symdiff import constants
from keras_symdiff.music.midi import MidiError


@dataclasses.dataclass(frozen=True)
class Gap:
    """Phrases of a melody to compose.

    Args:
        melody_first_step: int, step where the melody's phrase grid starts.
        first_phrase: int, 0-based first phrase.
        num_phrases: int, how many.
    """

    melody_first_step: int
    first_phrase: int
    num_phrases: int

    @property
    def first_step(self):
        """First step of the gap, from the start of the file."""
        return self.melody_first_step + self.first_phrase * constants.PHRASE_STEPS

    @property
    def end_step(self):
        """First step after the gap."""
        return self.first_step + self.num_phrases * constants.PHRASE_STEPS

    @property
    def first_bar(self):
        """First bar of the gap, from 1."""
        return self.first_step // constants.STEPS_PER_BAR + 1

    @property
    def last_bar(self):
        """Last bar of the gap, from 1."""
        return self.end_step // constants.STEPS_PER_BAR


def parse_bars(text):
    """Reads a range of bars.

    Args:
        text: `"17-32"` or `"17"`; bars count from 1, both ends included.

    Returns:
        `(first, last)`.

    Raises:
        ValueError: when it is no such range.
    """
    match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last:
        raise ValueError(f"Bars are FIRST-LAST, counted from 1, such as 17-32. Received: {text}")
    return first, last


def find_gap(melody, first_bar, last_bar, path):
    """Finds the whole phrases that cover bars of a melody.

    Args:
        melody: `Melody`.
        first_bar: int, from 1.
        last_bar: int, from 1, included.
        path: the file's path, for messages.

    Returns:
        A `Gap`.

    Raises:
        MidiError: when the melody is not in 4/4, or the bars lie outside it or make up more than a piece can hold.
    """
    if melody.meter_problem:
        raise MidiError(path, f"is not in 4/4 ({melody.meter_problem})")
    begin = melody.first_bar + 1
    end = melody.first_bar + melody.num_phrases * constants.BARS_PER_PHRASE
    if not begin <= first_bar <= last_bar <= end:
        raise MidiError(path, f"bars {first_bar}-{last_bar} are outside the melody's bars {begin}-{end}")
    first_phrase = (first_bar - begin) // constants.BARS_PER_PHRASE
    num_phrases = (last_bar - begin) // constants.BARS_PER_PHRASE + 1 - first_phrase
    if num_phrases > constants.PIECE_PHRASES:
        raise MidiError(path, f"at most 64 bars can be composed at once, not {first_bar}-{last_bar}")
    return Gap(melody.first_bar * constants.STEPS_PER_BAR, first_phrase, num_phrases)
