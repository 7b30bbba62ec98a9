"""What is to be composed anew in which piece, and how."""

import dataclasses
from typing import NamedTuple

from keras_symdiff.diffusion.sampler import QUALITIES, Sampler
from keras_symdiff.infilling.gaps import find_gaps, parse_bars
from keras_symdiff.infilling.locks import notes_in_gap
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.midi import choose_melody, read_melodies
from keras_symdiff.music.song import MAX_BARS, Song

MOST_TAKES = 64


class Piece(NamedTuple):
    """The melody that a request is about, why it is that one, its gaps, and the length of the whole piece in steps."""

    melody: Melody
    reason: str
    gaps: list
    num_steps: int


@dataclasses.dataclass(frozen=True)
class InfillRequest:
    """Bars of a MIDI file to compose anew, and all that decides how; only the model is missing.

    Args:
        midi: path of the MIDI file.
        bars: tuple of str, each as `parse_bars` reads it. Defaults to none, for `continue_bars` alone.
        continue_bars: int, bars to compose beyond the melody's last one. Defaults to 0.
        track: int, the melody's track from 1. Defaults to `None`: see `choose_melody`.
        track_name: str, its name, in the place of `track`. Defaults to `None`.
        keep: `"rhythm"` or `"pitches"`, what stays of the notes in the gaps. Defaults to `None`.
        num_takes: int in [1, 64]. Defaults to 1.
        seed: int. Defaults to 0.
        sampler: `Sampler`. Defaults to the quality `normal`.
        temperature: float, of decoding. Defaults to 1e-3.

    Raises:
        ValueError: if an argument is out of range, or nothing is asked for.
    """

    midi: str
    bars: tuple = ()
    continue_bars: int = 0
    track: int | None = None
    track_name: str | None = None
    keep: str | None = None
    num_takes: int = 1
    seed: int = 0
    sampler: Sampler = QUALITIES["normal"]
    temperature: float = 1e-3

    def __post_init__(self):
        for field in dataclasses.fields(self)[1:]:
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, float | int if field.type is float else field.type):
                raise ValueError(f"`{field.name}` must be a {field.type}. Received: {field.name}={value!r}")
        if not 0 <= self.continue_bars <= MAX_BARS or self.seed < 0:
            raise ValueError(
                f"`continue_bars` must be in [0, {MAX_BARS}], and `seed` at least 0. "
                f"Received: continue_bars={self.continue_bars}, seed={self.seed}"
            )
        if not self.bars and not self.continue_bars:
            raise ValueError("Name bars to compose, or how many to go on for. Received: neither")
        if self.keep not in (None, "rhythm", "pitches"):
            raise ValueError(f"`keep` must be 'rhythm' or 'pitches', if anything. Received: keep={self.keep!r}")
        if not 1 <= self.num_takes <= MOST_TAKES:
            raise ValueError(f"`num_takes` must be in [1, {MOST_TAKES}]. Received: num_takes={self.num_takes}")

    def read_piece(self):
        """Reads the file and finds the melody and the gaps.

        Returns:
            A `Piece`.

        Raises:
            MidiError: if the file is not usable, or the bars are not there.
            ValueError: if the bars or the track are none, or there is no note in them of which to keep a side.
        """
        ranges = [parse_bars(text) for text in self.bars]
        song = Song.open(self.midi)
        melody, reason = choose_melody(read_melodies(song), self.track, self.track_name)
        num_steps = song.num_steps
        gaps = find_gaps(melody, ranges, num_steps, self.midi, self.continue_bars)
        for gap in gaps if self.keep else ():
            notes_in_gap(melody, gap, "old")
        return Piece(melody, reason, gaps, num_steps)
