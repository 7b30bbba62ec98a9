import pathlib

import numpy as np

from keras_symdiff.music.chord_symbols import Chords
from keras_symdiff.music.heard_chords import heard_chords
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.midi import write_midi
from keras_symdiff.music.song import Song

DATA = pathlib.Path(__file__).parents[1] / "data"


def test_chords_that_were_written_beneath_a_melody_are_heard(tmp_path):
    tokens = np.zeros((2, 32), "int8")
    tokens[:, ::8] = 62  # four bars of a held note
    chords = Chords.parse("C | Am F | G7 | Dm")
    write_midi(Melody.from_phrases(tokens), tmp_path / "song.mid", chords)
    heard = heard_chords(Song.open(tmp_path / "song.mid"), 0)
    assert str(heard) == str(chords)


def test_a_melody_alone_has_none():
    assert heard_chords(Song.open(DATA / "lakh" / "melody_0.mid"), 0) is None
