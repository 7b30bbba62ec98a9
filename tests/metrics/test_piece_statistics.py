import itertools
import pathlib

import numpy as np
import pytest

from keras_symdiff import read_melodies
from keras_symdiff.metrics.piece_statistics import DENSITY_BINS, RANGE_BINS, piece_statistics

DATA = pathlib.Path(__file__).parents[1] / "data"


def piece(*pitches, num_phrases=4):
    """One piece (1, L, 32) with an onset on each quarter from the start."""
    tokens = np.zeros(num_phrases * 32, np.int8)
    tokens[4 * np.arange(len(pitches))] = np.array(pitches, int) - 19
    return tokens.reshape(1, num_phrases, 32)


def only(name, tokens):
    return piece_statistics(tokens)[name].item()


def naive(tokens):
    """By the definitions, for one piece (L, 32)."""
    seen, repeats, count = set(), 0, 0
    for phrase in map(tuple, tokens.tolist()):
        if max(phrase) >= 2:
            count += 1
            repeats += phrase in seen
            seen.add(phrase)
    pitches = [token + 19 for token in tokens.reshape(-1).tolist() if token >= 2]
    sounding, bars = False, []
    for step, token in enumerate(tokens.reshape(-1).tolist()):
        sounding = token >= 2 if token else sounding
        bars += [False] * (step % 16 == 0)
        bars[-1] |= sounding
    scales = [{(tonic + degree) % 12 for degree in (0, 2, 4, 5, 7, 9, 11)} for tonic in range(12)]
    intervals = [abs(b - a) for a, b in itertools.pairwise(pitches)]
    return {
        "exact_repeat_rate": repeats / count,
        "out_of_key_rate": min(sum(p % 12 not in scale for p in pitches) for scale in scales) / len(pitches),
        "note_density": len(pitches) / (2 * len(tokens)),
        "pitch_range": max(pitches) - min(pitches),
        "leap_rate": sum(i > 12 for i in intervals) / len(intervals),
        "mean_pitch": sum(pitches) / len(pitches),
        "silent_bar_rate": 1 - sum(bars) / len(bars),
    }


def test_real_music_is_counted_as_a_naive_loop_counts_it():
    pieces = []
    for path in sorted((DATA / "lakh").glob("*.mid")):
        for melody in read_melodies(path):
            pieces += [tokens for tokens in [melody.phrases()[0][:32]] if len(tokens) == 32]
    assert len(pieces) > 5
    statistics = piece_statistics(np.stack(pieces))
    expected = [naive(tokens) for tokens in pieces]
    assert list(statistics) == list(expected[0])
    for name, values in statistics.items():
        assert values.dtype == np.float64
        np.testing.assert_allclose(values, [one[name] for one in expected], rtol=1e-12, err_msg=name)


def test_repeats_are_looked_for_in_the_same_piece_and_rests_are_no_phrases():
    a, b, rest = (piece(*pitches, num_phrases=1)[0] for pitches in ([60, 62], [60, 64], []))
    same = np.stack([np.concatenate(phrases) for phrases in ([a, b, a, a], [b, rest, rest, a], [a, rest, a, rest])])
    np.testing.assert_array_equal(piece_statistics(same)["exact_repeat_rate"], [0.5, 0.0, 0.5])


def test_the_key_is_the_best_of_twelve():
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    assert all(only("out_of_key_rate", piece(*(50 + tonic + scale))) == 0 for tonic in range(12))
    assert only("out_of_key_rate", piece(60, 62, 64, 65, 67, 69, 71, 61)) == 1 / 8
    assert only("out_of_key_rate", piece(*range(60, 72))) == pytest.approx(5 / 12)


def test_an_octave_is_no_leap_and_pieces_are_not_joined():
    assert only("leap_rate", piece(60, 72, 60, 73)) == 1 / 3
    pair = np.concatenate([piece(30, 31), piece(90, 91)])
    np.testing.assert_array_equal(piece_statistics(pair)["leap_rate"], [0, 0])
    np.testing.assert_array_equal(piece_statistics(pair)["pitch_range"], [1, 1])
    np.testing.assert_array_equal(piece_statistics(pair)["note_density"], [0.25, 0.25])


def test_silence_has_a_density_only_and_a_single_note_no_intervals():
    silent = np.zeros((1, 4, 32), np.int8)
    silent[0, 0, 0] = 1  # a note-off is no note
    both = piece_statistics(np.concatenate([silent, piece(60)]))
    assert {name for name, values in both.items() if np.isnan(values[0])} == set(both) - {
        "note_density",
        "silent_bar_rate",
    }
    assert both["note_density"][0] == 0
    assert both["silent_bar_rate"].tolist() == [1, 0]
    assert {name for name, values in both.items() if np.isnan(values[1])} == {"leap_rate"}
    assert both["pitch_range"][1] == 0


def test_bins_hold_everything_that_tokens_can_say():
    full = piece_statistics(np.concatenate([np.full((1, 4, 32), 2), np.tile([2, 89], (1, 4, 16))]))
    assert np.histogram(full["note_density"], DENSITY_BINS)[0].sum() == 2
    assert np.histogram(full["pitch_range"], RANGE_BINS)[0][[0, -1]].tolist() == [1, 1]


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(P, L, 32\). Received: tokens of shape \(4, 32\)"):
        piece_statistics(np.zeros((4, 32), int))
