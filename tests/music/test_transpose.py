import numpy as np
import pytest

from keras_symdiff.music.corpus import Corpus
from keras_symdiff.music.key import Key
from keras_symdiff.music.transpose import corpus_in_home_key, to_home_key, transpose, transpose_corpus


def random_phrases(low, high):
    stream = np.random.default_rng(0)
    tokens = stream.integers(low, high, (50, 32)).astype("int8")
    tokens[stream.random(tokens.shape) < 0.6] = 0
    tokens[stream.random(tokens.shape) < 0.1] = 1
    return tokens


def test_moves_onsets_and_nothing_else_and_back():
    tokens = random_phrases(20, 70)
    semitones = np.arange(50) % 11 - 5
    moved = transpose(tokens, semitones)
    assert moved.dtype == tokens.dtype
    onsets = tokens >= 2
    np.testing.assert_array_equal(moved[~onsets], tokens[~onsets])
    np.testing.assert_array_equal((moved - tokens)[onsets], np.repeat(semitones, onsets.sum(axis=1)))
    np.testing.assert_array_equal(transpose(moved, -semitones), tokens)


def test_intervals_shrink_to_stay_within_the_88_pitches():
    tokens = np.zeros((3, 32), "int8")
    tokens[0, [0, 8]] = 4, 40
    tokens[1, [0, 8]] = 88, 40
    tokens[2, 3] = 1  # no onset at all
    np.testing.assert_array_equal(
        transpose(tokens, np.array([-5, 5, 5]))[:, [0, 8, 3]], [[2, 38, 0], [89, 41, 0], [0, 0, 1]]
    )


def test_a_melody_is_transposed_as_a_whole():
    tokens = np.zeros((3, 32), "int8")
    tokens[:, 0] = 40, 3, 60  # the first melody could not fall by 2
    corpus = Corpus(tokens, np.zeros(3, bool), np.array([0, 2, 3]), ["a.mid#x", "b.mid#y"], 2, [])
    more = transpose_corpus(corpus, 2)
    np.testing.assert_array_equal(
        more.tokens[:, 0].reshape(5, 3), [[40, 3, 60], [39, 2, 58], [39, 2, 59], [41, 4, 61], [42, 5, 62]]
    )
    np.testing.assert_array_equal(more.offsets, [0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15])
    assert more.names[:4] == ["a.mid#x", "b.mid#y", "a.mid#x-2", "b.mid#y-2"]
    assert more.rests.shape == (15,)


@pytest.mark.parametrize("key", ["C major", "A minor", "F# major", "Eb minor", "B major"])
def test_a_piece_comes_home_with_its_harmony(key):
    key = Key.parse(key)
    scale = np.array(key.pitch_classes)
    tokens = np.zeros((2, 32), "int8")
    tokens[:, ::4] = 60 - 19 + np.tile(np.append(scale, scale[0]), (2, 1))
    tokens[1, 2] = 1
    chroma = np.zeros((2, 8, 12))
    chroma[:, :, scale] = 1
    moved, harmony, semitones = to_home_key(tokens, chroma, key)
    assert moved.dtype == tokens.dtype
    assert -6 <= semitones <= 5
    assert set((moved[moved > 1].astype(int) + 19) % 12) == {0, 2, 4, 5, 7, 9, 11}
    assert np.flatnonzero(harmony[0, 0]).tolist() == [0, 2, 4, 5, 7, 9, 11]
    np.testing.assert_array_equal(moved > 1, tokens > 1)
    np.testing.assert_array_equal(np.where(moved > 1, moved - semitones, moved), tokens)


@pytest.mark.parametrize(("pitch", "key"), [(108, "A major"), (21, "F major")])
def test_a_piece_at_the_end_of_the_keyboard_goes_the_other_way(pitch, key):
    tokens = np.zeros((1, 32), "int8")
    tokens[0, 0] = pitch - 19
    moved, _, semitones = to_home_key(tokens, np.zeros((1, 8, 12)), Key.parse(key))
    assert moved[0, 0] == tokens[0, 0] + semitones
    assert semitones == {"A major": -9, "F major": 7}[key]


def test_a_collection_comes_home_melody_by_melody_with_its_harmony():
    tokens = np.zeros((2, 32), "int8")
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12])
    tokens[0, ::4], tokens[1, ::4] = 60 - 19 + 2 + scale, 60 - 19 + 5 + scale  # D major, F major
    chroma = np.full((2, 8, 12), 255, np.uint8)
    chroma[0] = 0
    chroma[0, :, [2, 6, 9]] = 254
    corpus = Corpus(tokens, np.zeros(2, bool), np.array([0, 1, 2]), ["a", "b"], 2, [], chroma)
    home = corpus_in_home_key(corpus)
    np.testing.assert_array_equal(home.tokens[:, ::4], 60 - 19 + np.tile(scale, (2, 1)))
    assert np.flatnonzero(home.harmony(0)[3]).tolist() == [0, 4, 7]
    assert np.isnan(home.harmony(1)).all()
    up = transpose_corpus(corpus, 1)
    assert np.flatnonzero(up.harmony(4)[0]).tolist() == [3, 7, 10]
