import itertools

import numpy as np
import pytest

from keras_symdiff.music.harmony import chroma, sustained_ends


def test_a_note_sounds_its_share_of_each_beat():
    shares = chroma(np.array([240]), np.array([960 + 120]), np.array([62]), [0, 480, 960, 1440])
    expected = np.zeros((3, 12))
    expected[:, 2] = 0.5, 1.0, 0.25
    np.testing.assert_allclose(shares, expected)


def test_octaves_and_overlaps_count_once_and_gaps_not():
    starts, ends = np.array([0, 100, 300, 300]), np.array([200, 200, 400, 350])
    shares = chroma(starts, ends, np.array([60, 72, 48, 60]), [0, 400])
    np.testing.assert_allclose(shares[0, 0], 0.75)
    assert shares.sum() == shares[0, 0]


def test_filled_up_beats_and_silence_are_zeros():
    shares = chroma(np.array([0]), np.array([2000]), np.array([60]), [0, 480, 480, 960])
    np.testing.assert_array_equal(shares[:, 0], [1, 0, 1])
    assert chroma(*np.zeros((3, 0), int), [0, 480, 960]).tolist() == np.zeros((2, 12)).tolist()
    assert chroma(*np.zeros((3, 0), int), [0]).shape == (0, 12)


def test_it_equals_counting_ticks():
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 900, 60)
    ends = starts + rng.integers(0, 90, 60)
    pitches = rng.integers(21, 109, 60)
    borders = [0, 100, 250, 250, 600, 1000]
    sounding = np.zeros((1000, 12))
    for start, end, pitch in zip(starts, ends, pitches, strict=True):
        sounding[start:end, pitch % 12] = 1
    expected = [sounding[a:b].mean(axis=0) if b > a else np.zeros(12) for a, b in itertools.pairwise(borders)]
    np.testing.assert_allclose(chroma(starts, ends, pitches, borders), expected, atol=1e-12)


def test_transposing_the_notes_rolls_the_chroma():
    rng = np.random.default_rng(1)
    starts, pitches = rng.integers(0, 900, 40), rng.integers(30, 90, 40)
    borders = np.arange(0, 1001, 100)
    shares = chroma(starts, starts + 70, pitches, borders)
    np.testing.assert_array_equal(chroma(starts, starts + 70, pitches + 5, borders), np.roll(shares, 5, axis=1))


@pytest.mark.parametrize("borders", [[], [0, 480, 240], [[0, 480]]])
def test_borders_that_fall_are_refused(borders):
    with pytest.raises(ValueError, match="never fall"):
        chroma(*np.zeros((3, 0), int), borders)


def test_the_pedal_holds_notes_until_it_is_released_or_the_next_is_struck():
    ticks, values = np.array([100, 400, 500, 900]), np.array([127, 63, 64, 0])
    starts = np.array([0, 10, 20, 30, 40, 300, 300, 800])
    ends = np.array([50, 100, 301, 399, 400, 450, 501, 950])
    expected = [50, 100, 400, 400, 400, 450, 800, 950]
    np.testing.assert_array_equal(sustained_ends(starts, ends, ticks, values), expected)
    assert sustained_ends(
        np.array([0, 0, 240]), np.array([120, 150, 260]), np.array([0, 960]), np.array([64, 0])
    ).tolist() == [
        240,
        240,
        960,
    ]


def test_a_pedal_that_is_never_released_holds_nothing():
    starts, ends = np.array([0, 0]), np.array([50, 200])
    np.testing.assert_array_equal(sustained_ends(starts, ends, np.array([100]), np.array([127])), ends)
    np.testing.assert_array_equal(sustained_ends(starts, ends, np.array([], int), np.array([], int)), ends)
