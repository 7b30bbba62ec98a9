import numpy as np
import pytest

from keras_symdiff.metrics.memorisation import distinct_in_any_key, training_phrase_rate


def phrase(*events):
    """A phrase (32,) with tokens on its first eighths."""
    tokens = np.zeros(32, np.int8)
    tokens[2 * np.arange(len(events))] = events
    return tokens


TRAINING = np.stack([phrase(40, 0, 44, 1), phrase(2, 89), phrase()])


@pytest.mark.parametrize(
    ("candidate", "known"),
    [
        (phrase(40, 0, 44, 1), 1),
        (phrase(2, 0, 6, 1), 1),  # the lowest key
        (phrase(85, 0, 89, 1), 1),  # the highest
        (phrase(40, 0, 43, 1), 0),  # another interval
        (phrase(44, 0, 40, 1), 0),  # the interval down
        (phrase(40, 0, 44), 0),  # no note-off
        (phrase(40, 44, 0, 1), 0),  # another rhythm
        (phrase(2, 89), 1),
        (phrase(89, 2), 0),
        (phrase(1, 40, 0, 44), 0),
    ],
)
def test_a_phrase_is_known_in_any_key_only_if_all_events_agree(candidate, known):
    assert training_phrase_rate(candidate[None, None], TRAINING).tolist() == [known]


def test_the_rate_is_a_share_of_the_sounding_phrases():
    tokens = np.stack(
        [
            [phrase(50, 0, 54, 1), phrase(50), phrase(), phrase(1)],
            [phrase(50, 0, 54, 1), phrase(3, 0, 7, 1), phrase(), phrase()],
            [phrase(), phrase(1), phrase(), phrase()],
        ]
    )
    np.testing.assert_array_equal(training_phrase_rate(tokens, TRAINING), [0.5, 1.0, np.nan])


def test_every_transposition_of_training_data_is_known_and_random_phrases_are_not():
    rng = np.random.default_rng(0)
    training = rng.choice([0, 1, *range(30, 60)], (500, 32)).astype(np.int8)
    moved = np.where(training >= 2, training + rng.integers(-28, 30, (500, 1)), training).astype(np.int8)
    assert (training_phrase_rate(moved.reshape(50, 10, 32), training) == 1).all()
    other = rng.choice([0, 1, *range(30, 60)], (500, 32)).astype(np.int8)
    assert (training_phrase_rate(other.reshape(50, 10, 32), training) == 0).all()


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"tokens of shape \(3, 32\)"):
        training_phrase_rate(TRAINING, TRAINING)
    with pytest.raises(ValueError, match=r"training_tokens of shape \(3, 31\)"):
        training_phrase_rate(TRAINING[None], TRAINING[:, 1:])


def test_one_of_all_transpositions_is_enough():
    tokens = np.stack([phrase(40, 0, 44, 1), phrase(2, 89), phrase(2, 0, 6, 1), phrase(60), phrase(40)])
    np.testing.assert_array_equal(distinct_in_any_key(tokens), tokens[[0, 1, 3]])
    candidates = np.stack([phrase(12, 0, 16, 1), phrase(77), phrase(77, 0, 78, 1)])[:, None]
    np.testing.assert_array_equal(training_phrase_rate(candidates, tokens), [1, 1, 0])
    np.testing.assert_array_equal(training_phrase_rate(candidates, distinct_in_any_key(tokens)), [1, 1, 0])
