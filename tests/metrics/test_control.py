import numpy as np
import pytest

from keras_symdiff.metrics.control import asked_against_got, form_fit
from keras_symdiff.music.condition import Condition


def test_perfect_obedience_and_none():
    asked = np.array([1.0, 2, 4, 8])
    assert asked_against_got(asked, asked) == {"correlation": pytest.approx(1), "slope": pytest.approx(1)}
    assert asked_against_got(asked, 3 - 0.5 * asked) == {"correlation": pytest.approx(-1), "slope": pytest.approx(-0.5)}
    deaf = asked_against_got(asked, np.full(4, 2.0))
    assert np.isnan(deaf["correlation"])
    assert deaf["slope"] == 0


def test_it_equals_numpy_and_leaves_out_what_has_no_number():
    rng = np.random.default_rng(0)
    asked, got = rng.random(50), rng.random(50)
    result = asked_against_got(np.append(asked, 3.0), np.append(got, np.nan))
    assert result["correlation"] == pytest.approx(np.corrcoef(asked, got)[0, 1])
    assert result["slope"] == pytest.approx(np.polyfit(asked, got, 1)[0])


@pytest.mark.parametrize("asked", [[], [1.0], [2.0, 2.0, 2.0]])
def test_what_cannot_be_told_is_nan(asked):
    result = asked_against_got(np.array(asked), np.arange(float(len(asked))))
    assert np.isnan(result["correlation"])
    assert np.isnan(result["slope"])


def test_unlike_shapes_are_refused():
    with pytest.raises(ValueError, match="one number got for each asked"):
        asked_against_got(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="Received: tokens of shape"):
        form_fit(np.zeros((2, 4, 32), int), np.zeros((2, 3), int))


def pieces(*names):
    """Tokens (P, L, 32): each letter a phrase of its own, `-` silence."""
    tokens = np.zeros((len(names), len(names[0]), 32), int)
    for piece, letters in zip(tokens, names, strict=True):
        piece[:, 3] = [0 if letter == "-" else ord(letter) - ord("A") + 30 for letter in letters]
    return tokens


def test_planned_repeats_and_unplanned_ones_are_counted():
    plan = np.array([0, 1, 0, 1, 4])  # A B A B C
    fit = form_fit(pieces("ABABC", "ABACC", "AAAAA", "----A"), np.tile(plan, (4, 1)))
    np.testing.assert_allclose(fit["planned_exact"], [1, 0.5, 1, 1])
    # Eight pairs are planned as different; in the second piece one of them is equal, C and C.
    np.testing.assert_allclose(fit["unplanned_equal"], [0, 1 / 8, 1, np.nan])


def test_a_piece_fits_its_own_plan():
    rng = np.random.default_rng(0)
    for tokens in rng.integers(0, 2, (20, 12, 32)) * (np.arange(32) < 2) * 40:
        fit = form_fit(tokens, Condition.of(tokens).repeats)
        assert fit["planned_exact"] == 1
        assert fit["unplanned_equal"] == 0


def test_free_phrases_are_not_judged():
    fit = form_fit(pieces("AAB"), np.array([[0, -1, 0]]))
    assert fit["planned_exact"] == 0
    assert np.isnan(fit["unplanned_equal"])
