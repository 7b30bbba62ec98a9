"""The chords that a song's other tracks sound, by name."""

import numpy as np

from keras_symdiff.music.accompaniment import accompaniment
from keras_symdiff.music.chord_symbols import Chords
from keras_symdiff.music.song import Song


def heard_chords(song: Song, track: int) -> Chords | None:
    """Names what sounds in each half of each bar.

    Args:
        song: `Song`.
        track: the melody's, which is left out.

    Returns:
        A progression with one or two chords per bar; `None` if there is no other pitched track.
    """
    lines = song.grid.bar_lines(song.num_steps)
    halves = np.append(np.stack([lines[:-1], (lines[:-1] + lines[1:]) // 2], axis=1), lines[-1])
    heard = accompaniment(song, track, halves)
    return None if np.isnan(heard).all() else Chords.heard(heard, beats_per_bar=2)
