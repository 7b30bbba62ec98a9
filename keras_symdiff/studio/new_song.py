"""A song from nothing: chords, and a track for a melody to come."""

from typing import Any

import numpy as np

from keras_symdiff.constants import STEPS_PER_BAR
from keras_symdiff.music.chord_symbols import Chords
from keras_symdiff.music.grid import Grid
from keras_symdiff.music.key import Key
from keras_symdiff.music.song import Song

_VELOCITY = 60


def new_song(chords: str, bars: int, tempo: float, key: str | None = None) -> Song:
    """Makes a song in 4/4 of a track of chords and a track without notes, in which a melody can be composed.

    Args:
        chords: progression, repeated to the length; see `Chords.parse`.
        bars: length.
        tempo: quarters per minute.
        key: such as `"A minor"`, written into the file. Defaults to `None`: none is.

    Returns:
        The `Song`; see `Song.with_new_line`.

    Raises:
        ValueError: if chords or key cannot be read, or no chord sounds.
    """
    import symusic

    grid = Grid.from_signatures(((0, 4, 4),))
    end = grid.ticks(bars * STEPS_PER_BAR)
    starts, ends, pitches = Chords.parse(chords).notes(grid.ticks(grid.bar_lines(bars * STEPS_PER_BAR)))
    if not len(pitches):
        raise ValueError(f"A song from nothing needs a chord that sounds. Received: chords={chords!r:.200}")
    starts, ends = starts.round().astype(np.int32), ends.round().astype(np.int32)
    score: Any = symusic.Score(grid.ticks_per_quarter)
    score.tempos.append(symusic.Tempo(0, tempo))
    score.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    if key is not None:
        parsed = Key.parse(key)
        score.key_signatures.append(symusic.KeySignature(0, parsed.num_sharps, parsed.mode == "minor"))
    sounding: Any = symusic.Track("Chords", 0, False)
    velocities = np.full(len(pitches), _VELOCITY, np.int8)
    sounding.notes = symusic.Note.from_numpy(starts, ends - starts, pitches.astype(np.int8), velocities)
    line: Any = symusic.Track("Melody", 0, False)
    for tick, value in ((0, 0), (end, 127)):  # as `write_midi` marks where a melody begins and ends
        line.controls.append(symusic.ControlChange(tick, 119, value))
    score.tracks.append(sounding)
    score.tracks.append(line)
    return Song.open(score.dumps_midi())
