import pathlib

import numpy as np
import symusic

from keras_symdiff import Song
from keras_symdiff.music.accompaniment import accompaniment, beat_steps, beneath_phrases
from keras_symdiff.music.key import estimate_key
from keras_symdiff.music.midi import read_melodies

DATA = pathlib.Path(__file__).parents[1] / "data"


def song(*tracks):
    """A song of tracks, each a name, whether it is drums, and notes (beat, beats, pitch)."""
    score = symusic.Score(480)
    for name, is_drum, notes in tracks:
        track = symusic.Track(name, 0, is_drum)
        for beat, length, pitch in notes:
            track.notes.append(symusic.Note(int(480 * beat), int(480 * length), pitch, 80))
        score.tracks.append(track)
    return Song.open(score.dumps_midi())


MELODY = ("melody", False, [(beat, 1, 72 + beat % 3) for beat in range(8)])


def test_all_other_pitched_tracks_are_heard_and_neither_melody_nor_drums():
    heard = song(
        MELODY,
        ("bass", False, [(0, 4, 36), (4, 4, 41)]),
        ("chords", False, [(0, 8, 64)]),
        ("drums", True, [(0, 8, 38)]),
    )
    (melody,) = (melody for melody in read_melodies(heard) if melody.name == "melody")
    beats = beneath_phrases(heard, melody.track, melody.phrase_steps)[0]  # (8, 12)
    assert beats.shape == (8, 12)
    expected = np.zeros((8, 12))
    expected[:4, 0] = expected[4:, 5] = expected[:, 4] = 1
    np.testing.assert_array_equal(beats, expected)


def test_a_song_of_one_melody_has_no_harmony():
    alone = song(MELODY, ("drums", True, [(0, 8, 38)]))
    assert np.isnan(beneath_phrases(alone, 0, read_melodies(alone)[0].phrase_steps)).all()


def test_beats_that_fill_up_a_bar_have_no_length():
    steps = np.append(np.arange(12), [-1] * 4)
    steps = np.concatenate([steps, np.where(steps < 0, -1, steps + 12)])[None]  # two bars of 3/4
    assert beat_steps(steps).tolist() == [0, 4, 8, 12, 12, 16, 20, 24, 24]


def test_a_real_song_sounds_the_key_that_its_melody_is_in():
    real = Song.open(DATA / "pop909" / "002.mid")
    melody = read_melodies(real)[0]
    lines = real.grid.bar_lines(real.num_steps)
    heard = accompaniment(real, melody.track, lines)
    assert heard.shape == (len(lines) - 1, 12)
    assert estimate_key(heard.sum(axis=0))[0] == estimate_key(np.bincount(melody.pitches % 12, minlength=12))[0]
