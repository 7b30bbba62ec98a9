import numpy as np
import pytest

from keras_symdiff.music.condition import CONDITION_DIM, PARTS
from keras_symdiff.training.piece_batches import PieceBatches


def make_songs(lengths=(8, 20, 60)):
    """Songs whose phrase and condition say where they stand: row `100 s + i`, with every fourth phrase the first."""
    songs = np.full((len(lengths), max(lengths)), -1)
    for number, length in enumerate(lengths):
        songs[number, :length] = 100 * number + np.arange(length)
        songs[number, :length:4] = 100 * number
    phrases = np.repeat(np.arange(300.0)[:, None] + 1, 2, axis=1)  # (U, 2)
    conditions = np.random.default_rng(0).random((*songs.shape, CONDITION_DIM)).astype("float16")
    conditions[:, :, PARTS["present"]] = 1
    return phrases, songs, conditions


def batches(**options):
    return PieceBatches(*make_songs(), **{"batch_size": 64, "steps": 10, "seed": 3} | options)


def test_pieces_are_successive_phrases_of_a_song_with_their_conditions_then_padding():
    _phrases, songs, conditions = make_songs()
    lengths = []
    for index in range(5):
        ((latents, condition),) = batches()[index]
        assert latents.dtype == condition.dtype == np.float32
        assert latents.shape == (64, 32, 2)
        assert condition.shape == (64, 32, CONDITION_DIM)
        for x, c in zip(latents, condition, strict=True):
            length = int(c[:, 0].sum())
            lengths.append(length)
            assert not x[length:].any()
            assert not c[length:].any()
            rows = (x[:length, 0] - 1).astype(int)
            song = rows[0] // 100
            (starts,) = np.nonzero((np.lib.stride_tricks.sliding_window_view(songs[song], length) == rows).all(axis=1))
            told = slice(0, PARTS["repeats"].start)
            assert any(np.array_equal(c[:length, told], conditions[song, s : s + length, told]) for s in starts)
            repeats = c[:length, PARTS["repeats"]]
            np.testing.assert_array_equal(repeats[:, -1], 1)
            earliest = [rows.tolist().index(row) for row in rows]
            np.testing.assert_array_equal(repeats[:, :-1], np.eye(32)[earliest])
    assert min(lengths) == 8
    assert max(lengths) == 32
    assert len(set(lengths)) > 20


def test_songs_are_drawn_by_weight():
    def shares(weights):
        song = [(x[:, 0, 0] - 1) // 100 for index in range(30) for ((x, _),) in [batches(weights=weights)[index]]]
        return np.bincount(np.concatenate(song).astype(int), minlength=3) / (30 * 64)

    np.testing.assert_allclose(shares(None), np.array([8, 20, 60]) / 88, atol=0.03)
    np.testing.assert_allclose(shares([1.0, 1.0, 0.0]), [0.5, 0.5, 0.0], atol=0.03)


def test_batches_depend_on_seed_epoch_and_step_only():
    some = batches()
    some.epoch = 2
    ((latents, condition),) = some[5]
    again = batches()
    ((other, _),) = again[5]
    assert not np.array_equal(latents, other)
    again.epoch = 2
    ((other, other_condition),) = again[5]
    np.testing.assert_array_equal(latents, other)
    np.testing.assert_array_equal(condition, other_condition)
    again = batches(seed=4)
    again.epoch = 2
    assert not np.array_equal(latents, again[5][0][0])


def test_what_does_not_fit_is_refused():
    phrases, songs, conditions = make_songs()
    with pytest.raises(ValueError, match="a weight"):
        PieceBatches(phrases, songs, conditions, 4, 1, weights=[1.0])
    with pytest.raises(ValueError, match="a weight"):
        PieceBatches(phrases, songs, conditions[:, :-1], 4, 1)
    phrases, songs, conditions = make_songs((7, 30))
    with pytest.raises(ValueError, match="Received: one of 7 phrases"):
        PieceBatches(phrases, songs, conditions, 4, 1)
