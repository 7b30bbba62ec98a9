import numpy as np
import pytest

from keras_symdiff.music.key import Key
from keras_symdiff.music.pitch_bias import pitch_bias

UNKNOWN = np.full((2, 8, 12), np.nan)


def token(pitch):
    return pitch - 19


def test_onsets_outside_the_key_cost_and_nothing_else_does():
    bias = pitch_bias(UNKNOWN, Key.parse("D major"))
    assert bias.shape == (2, 32, 90)
    assert bias.dtype == np.float32
    assert not bias[:, :, :2].any()
    inside = np.isin(np.arange(21, 109) % 12, [2, 4, 6, 7, 9, 11, 1])
    np.testing.assert_array_equal(bias[:, :, 2:], np.broadcast_to(np.where(inside, 0, -np.float32(2)), (2, 32, 88)))


def test_a_sounding_pitch_class_costs_nothing_in_its_beat():
    chroma = np.zeros((1, 8, 12))
    chroma[0, 3, 8] = 1  # the leading note of A minor
    bias = pitch_bias(chroma, Key.parse("A minor"), key_cost=2.0)
    np.testing.assert_array_equal(bias[0, :, token(68)].reshape(8, 4)[:, 0], np.where(np.arange(8) == 3, 0, -2))


def test_the_chord_counts_on_strong_beats_where_one_is_heard():
    chroma = np.zeros((2, 8, 12))
    chroma[0, :, [0, 4, 7]] = 1
    bias = pitch_bias(chroma, chord_cost=1.0)
    assert not bias[1].any()
    assert not bias[0, :, [token(60), token(64), token(67)]].any()
    np.testing.assert_array_equal(np.flatnonzero(bias[0, :, token(62)]), [0, 8, 16, 24])
    both = pitch_bias(chroma, Key.parse("C major"), chord_cost=1.0)
    np.testing.assert_allclose(both[0, [0, 1], token(61)], [-3, -2])


def test_no_key_and_no_chord_cost_is_no_bias():
    assert not pitch_bias(UNKNOWN).any()
    assert not pitch_bias(UNKNOWN, Key(0, "major"), key_cost=0).any()


@pytest.mark.parametrize("cost", [-1.0, np.inf, np.nan])
def test_costs_are_finite_and_not_negative(cost):
    with pytest.raises(ValueError, match="finite and at least 0"):
        pitch_bias(UNKNOWN, chord_cost=cost)
