import dataclasses

import numpy as np
import pytest

from keras_symdiff.music.condition import CONDITION_DIM, HIDEABLE, PARTS, Condition


def some_phrases():
    """Six phrases A B A C B -, and a harmony that is unknown in the fourth."""
    rng = np.random.default_rng(0)
    a, b, c = (np.where(rng.random(32) < 0.3, rng.integers(40, 60, 32), 0) for _ in range(3))
    tokens = np.stack([a, b, a, c, b, np.zeros(32, int)]).astype("int8")
    chroma = rng.random((6, 8, 12))
    chroma[3, 2] = np.nan
    return tokens, chroma


def test_a_phrase_is_described_by_its_onsets():
    tokens = np.zeros((3, 32), "int8")
    tokens[0, [0, 4, 8]] = 60 - 19, 64 - 19, 1
    tokens[1, 0] = 108 - 19
    condition = Condition.of(tokens, real_steps=np.array([[12, 12], [16, 16], [16, 0]]))
    np.testing.assert_allclose(condition.density, [2 / 1.5, 0.5, 0])
    np.testing.assert_array_equal(condition.register, np.float32([62, 108, np.nan]))
    assert condition.repeats.tolist() == [0, 1, 2]
    assert np.isnan(condition.chroma).all()


def test_repeats_point_at_the_earliest_equal_phrase_and_are_counted_anew_in_a_slice():
    tokens, chroma = some_phrases()
    condition = Condition.of(tokens, chroma)
    assert condition.repeats.tolist() == [0, 1, 0, 3, 1, 5]
    for first in range(6):
        for end in range(first, 7):
            cut, anew = condition[first:end], Condition.of(tokens[first:end], chroma[first:end])
            for field in dataclasses.fields(Condition):
                np.testing.assert_array_equal(getattr(cut, field.name), getattr(anew, field.name))
    assert condition.hide("repeats")[2:].repeats.tolist() == [-1] * 4


def test_a_partly_known_plan_keeps_its_free_phrases_in_a_slice():
    condition = dataclasses.replace(Condition.of(some_phrases()[0]), repeats=[0, -1, 0, -1, 4, 4])
    assert condition[1:].repeats.tolist() == [-1, 1, -1, 3, 3]


def test_features_stand_where_the_network_reads_them():
    tokens, chroma = some_phrases()
    condition = Condition.of(tokens, chroma, np.full((6, 2), 12))
    features = condition.features()
    assert features.shape == (6, CONDITION_DIM)
    assert features.dtype == np.float32
    assert CONDITION_DIM == 1 + 97 + 2 + 2 + 2 + 33
    assert {name: (part.start, part.stop) for name, part in PARTS.items()} == {
        "present": (0, 1),
        "chroma": (1, 98),
        "density": (98, 100),
        "register": (100, 102),
        "real_steps": (102, 104),
        "repeats": (104, 137),
    }
    np.testing.assert_array_equal(features[:, 0], 1)
    np.testing.assert_allclose(features[0, 1:97], chroma[0].reshape(-1), rtol=1e-6)
    np.testing.assert_array_equal(features[:, 97], [1, 1, 1, 0, 1, 1])
    np.testing.assert_array_equal(features[3, 1:98], 0)
    np.testing.assert_allclose(features[:, 98], condition.density / 8, rtol=1e-6)
    np.testing.assert_array_equal(features[:, 99], 1)
    np.testing.assert_allclose(features[:5, 100], (condition.register[:5] - 60) / 24, rtol=1e-6)
    np.testing.assert_array_equal(features[:, 101], [1, 1, 1, 1, 1, 0])
    np.testing.assert_array_equal(features[:, 102:104], 0.75)
    np.testing.assert_array_equal(features[:, 104:136].argmax(axis=1), [0, 1, 0, 3, 1, 5])
    np.testing.assert_array_equal(features[:, 136], 1)
    assert np.isfinite(features).all()


@pytest.mark.parametrize("part", HIDEABLE)
def test_a_hidden_part_leaves_zeros_and_touches_no_other(part):
    tokens, chroma = some_phrases()
    condition = Condition.of(tokens, chroma)
    expected = condition.features()
    expected[:, PARTS[part]] = 0
    np.testing.assert_array_equal(condition.hide(part).features(), expected)
    for name in HIDEABLE:
        condition = condition.hide(name)
    assert condition.features().sum() == len(tokens) * 3  # present, and two bars of 16 steps


def test_it_is_transposed_with_the_notes():
    tokens, chroma = some_phrases()
    higher = np.where(tokens > 1, tokens + 5, tokens)
    moved = Condition.of(tokens, chroma).transposed(5)
    np.testing.assert_allclose(moved.register, Condition.of(higher, chroma).register)
    np.testing.assert_array_equal(moved.chroma[0, 0, 5], np.float32(chroma[0, 0, 0]))
    back = moved.transposed(-5)
    np.testing.assert_array_equal(back.chroma, np.float32(chroma))
    np.testing.assert_allclose(back.features(), Condition.of(tokens, chroma).features(), atol=1e-6)


def test_what_does_not_fit_is_refused():
    good = Condition.of(some_phrases()[0])
    for part, values, rule in (
        ("chroma", np.zeros((5, 8, 12)), "one row per phrase"),
        ("chroma", np.full((6, 8, 12), 1.5), "in \\[0, 1\\]"),
        ("density", np.full(6, -1.0), "in \\[0, inf\\]"),
        ("density", np.full(6, np.inf), "finite"),
        ("register", np.full(6, 200.0), "in \\[0, 127\\]"),
        ("real_steps", np.full((6, 2), 17), "0 to 16 real steps"),
        ("repeats", np.arange(6) + 1, "repeats itself or the earliest"),
        ("repeats", np.array([0, 0, 1, 3, 4, 5]), "repeats itself or the earliest"),
        ("repeats", np.full(6, -2), "repeats itself or the earliest"),
    ):
        with pytest.raises(ValueError, match=rule):
            dataclasses.replace(good, **{part: values})
    with pytest.raises(ValueError, match="can be hidden"):
        good.hide("tempo")
    with pytest.raises(TypeError, match="consecutive phrases"):
        good[::2]
    with pytest.raises(ValueError, match="up to 32 phrases"):
        Condition.of(np.zeros((33, 32), "int8")).features()
