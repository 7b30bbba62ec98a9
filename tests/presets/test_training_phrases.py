import numpy as np
import pytest

from keras_symdiff.metrics.memorisation import training_phrase_rate
from keras_symdiff.presets.training_phrases import (
    known_phrase_rate,
    phrase_hashes,
    read_training_phrases,
    write_training_phrases,
)


def random_phrases(count, seed=0):
    generator = np.random.default_rng(seed)
    onsets = generator.random((count, 32)) < 0.3
    return np.where(onsets, generator.integers(30, 60, (count, 32)), 0)


def test_transpositions_are_one_and_nothing_else_is():
    phrases = random_phrases(2000)
    moved = np.where(phrases > 1, phrases + 7, phrases)
    np.testing.assert_array_equal(phrase_hashes(phrases), phrase_hashes(moved))
    assert len(np.unique(phrase_hashes(phrases))) == 2000
    later = np.roll(phrases[:1], 1, axis=1)
    assert phrase_hashes(later) != phrase_hashes(phrases[:1])


def test_the_hash_is_the_same_everywhere():
    phrase = np.zeros((1, 32), np.int8)
    phrase[0, [0, 8, 12]] = (41, 45, 1)
    assert phrase_hashes(phrase).tolist() == [1840311199]


def test_a_file_of_100_000_phrases_is_small_and_seldom_wrong(tmp_path):
    phrases = random_phrases(100_000)
    write_training_phrases(tmp_path, np.concatenate([phrases, phrases[:500]]))
    assert (tmp_path / "training_phrases.npz").stat().st_size < 450_000
    known = read_training_phrases(tmp_path)
    assert np.isin(phrase_hashes(phrases), known).all()
    assert np.isin(phrase_hashes(random_phrases(20_000, seed=1)), known).sum() <= 5  # 0.5 are to be expected


def test_fine_tuning_keeps_what_was_known_before(tmp_path):
    first, second = random_phrases(50), random_phrases(50, seed=1)
    assert read_training_phrases(tmp_path) is None
    write_training_phrases(tmp_path, first)
    write_training_phrases(tmp_path, second, read_training_phrases(tmp_path))
    expected = np.unique(phrase_hashes(np.concatenate([first, second])))
    np.testing.assert_array_equal(read_training_phrases(tmp_path), expected)


@pytest.mark.parametrize("content", [b"", b"no archive", "floats"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "training_phrases.npz"
    if content == "floats":
        np.savez(path, hashes=np.zeros(3))
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"training_phrases\.npz"):
        read_training_phrases(tmp_path)


def test_hashes_tell_as_many_known_phrases_as_the_phrases_themselves():
    stream = np.random.default_rng(0)
    tokens = stream.integers(20, 60, (4, 8, 32)).astype("int8")
    tokens[0] = 0
    training = np.concatenate([tokens[1:, :3].reshape(-1, 32) + np.int8(5), stream.integers(20, 60, (9, 32), "int8")])
    rates = known_phrase_rate(tokens, np.unique(phrase_hashes(training)))
    np.testing.assert_array_equal(rates, training_phrase_rate(tokens, training))
    np.testing.assert_array_equal(rates, [np.nan, 3 / 8, 3 / 8, 3 / 8])
