"""What the other tracks of a song sound beneath a melody."""

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff.constants import STEPS_PER_QUARTER
from keras_symdiff.music.condition import BEATS_PER_PHRASE
from keras_symdiff.music.harmony import chroma, sustained_ends
from keras_symdiff.music.song import Song


def accompaniment(song: Song, track: int, steps: Int[np.ndarray, " B1"]) -> Float[np.ndarray, "B 12"]:
    """Measures what all other pitched tracks sound between steps.

    Args:
        song: `Song`.
        track: index of the melody's track, which is not heard.
        steps: the song's steps at which beats, or other spans, begin and the last one ends.

    Returns:
        Shares of the beats, as `harmony.chroma` measures them; NaN where the song has no other pitched track.

    Example:
    ```python
    song = Song.open("song.mid")
    bars = song.grid.bar_lines(song.num_steps)
    accompaniment(song, track=0, steps=bars)  # (bars, 12)
    ```
    """
    others = [other for other in song.tracks if not other.is_drum and other.index != track]
    if not others:
        return np.full((len(steps) - 1, 12), np.nan)
    starts = np.concatenate([other.notes.start for other in others])
    ends = np.concatenate([sustained_ends(other.notes.start, other.notes.end, *other.pedal) for other in others])
    pitches = np.concatenate([other.notes.pitch for other in others])
    return chroma(starts, ends, pitches, song.grid.ticks(steps))


def beneath_phrases(song: Song, track: int, steps: Int[np.ndarray, "N 32"]) -> Float[np.ndarray, "N 8 12"]:
    """The same in each beat of phrases.

    Args:
        song: `Song`.
        track: index of the melody's track.
        steps: the song's step of each step of the phrases, -1 where a bar is filled up; see `Grid.phrase_steps`.

    Returns:
        Shares of the beats.
    """
    return accompaniment(song, track, beat_steps(steps)).reshape(-1, BEATS_PER_PHRASE, 12)


def beat_steps(steps: Int[np.ndarray, "N 32"]) -> Int[np.ndarray, " B1"]:
    """The song's steps at which the beats of phrases begin, and the last one ends; filled-up beats have no length."""
    real = steps.reshape(-1) >= 0
    before = np.concatenate([[0], np.cumsum(real)])[::STEPS_PER_QUARTER]
    return int(steps.reshape(-1)[real.argmax()]) + before
