import numpy as np
import pytest

from keras_symdiff import Melody
from keras_symdiff.metrics.nulls import INFILLING_NULLS, UNCONDITIONAL_NULLS

MIDDLE = np.ones(32, bool)
MIDDLE[8:24] = False
PARTS = np.isin(np.arange(32), [5, 6, 20, 31])
START = np.arange(32) >= 3


def numbered(num_pieces=6, num_phrases=32):
    """Pieces of which every phrase is different; the last note of each is held."""
    tokens = np.zeros((num_pieces, num_phrases, 32), np.int8)
    tokens[:, :, 0] = 2 + np.arange(num_phrases)
    tokens[:, :, 4] = 40 + np.arange(num_pieces)[:, None]
    return tokens


def sources(filled):
    """Which piece and phrase each phrase of `filled` comes from."""
    phrase, piece = filled[:, :, 0].astype(int) - 2, filled[:, :, 4].astype(int) - 40
    return piece, phrase


@pytest.mark.parametrize("keep_mask", [MIDDLE, PARTS, START, np.ones(32, bool)], ids=["middle", "parts", "start", "no"])
@pytest.mark.parametrize("name", INFILLING_NULLS)
def test_given_phrases_stay_and_the_input_is_not_touched(name, keep_mask):
    tokens = numbered()
    filled = INFILLING_NULLS[name](tokens, keep_mask, seed=3)
    assert filled.dtype == tokens.dtype
    np.testing.assert_array_equal(filled[:, keep_mask], tokens[:, keep_mask])
    np.testing.assert_array_equal(tokens, numbered())
    assert (filled[:, ~keep_mask] != tokens[:, ~keep_mask]).any(axis=-1).all()
    np.testing.assert_array_equal(INFILLING_NULLS[name](tokens, keep_mask, seed=3), filled)


def test_shuffled_given_phrases_are_used_evenly_and_each_piece_has_its_own_order():
    piece, phrase = sources(INFILLING_NULLS["own phrases shuffled"](numbered(), MIDDLE))
    np.testing.assert_array_equal(piece, np.arange(6)[:, None] * np.ones(32))
    given = np.flatnonzero(MIDDLE).tolist()
    assert all(sorted(row) == given for row in phrase[:, 8:24].tolist())
    assert len(set(map(tuple, phrase[:, 8:24].tolist()))) == 6
    _, phrase = sources(INFILLING_NULLS["own phrases shuffled"](numbered(), PARTS))
    counts = [np.bincount(row, minlength=32)[PARTS].tolist() for row in phrase[:, ~PARTS]]
    assert counts == [[7, 7, 7, 7]] * 6


def test_the_first_bars_are_copied_in_order():
    def filled(keep_mask):
        return sources(INFILLING_NULLS["first bars copied"](numbered(), keep_mask))[1][0].tolist()

    assert filled(MIDDLE) == [*range(8), *range(8), *range(8), *range(24, 32)]
    later = MIDDLE.copy()
    later[30] = False
    assert filled(later) == [*range(8), *range(8), *range(8), *range(24, 30), 0, 31]
    assert filled(START) == [3, 4, 5, *range(3, 32)]  # nothing before the gap: the phrases after it


def test_one_loop_repeats_the_phrase_before_each_part_of_the_gap():
    def filled(keep_mask):
        return sources(INFILLING_NULLS["one loop"](numbered(), keep_mask))[1][0].tolist()

    assert filled(MIDDLE) == [*range(8), *[7] * 16, *range(24, 32)]
    assert filled(PARTS) == [*[5] * 6, *[6] * 14, *[20] * 11, 31]


def test_another_tunes_bars_are_the_same_bars_of_one_other_piece():
    piece, phrase = sources(INFILLING_NULLS["another tune's bars"](numbered(50), MIDDLE))
    np.testing.assert_array_equal(phrase, np.arange(32) * np.ones((50, 1)))
    assert (piece[:, 8:24] == piece[:, 8:9]).all()
    assert (piece[:, 8] != np.arange(50)).all()
    assert len(set(piece[:, 8])) > 20


def test_a_silent_gap_ends_the_note_before_it_and_holds_no_other():
    filled = INFILLING_NULLS["silence"](numbered(1), MIDDLE)[0]
    melody = Melody.from_phrases(filled)
    in_gap = (melody.end_steps > 8 * 32) & (melody.start_steps < 24 * 32)
    assert not in_gap.any()
    assert melody.end_steps[melody.start_steps < 8 * 32].max() == 8 * 32
    assert not len(Melody.from_phrases(UNCONDITIONAL_NULLS["silence"](numbered(1))[0]).pitches)


def test_unconditional_nulls():
    tokens = numbered(40)
    piece, phrase = sources(UNCONDITIONAL_NULLS["own phrases shuffled"](tokens))
    assert (piece == np.arange(40)[:, None]).all()
    assert all(sorted(row) == list(range(32)) for row in phrase.tolist())
    assert len(set(map(tuple, phrase.tolist()))) == 40
    piece, phrase = sources(UNCONDITIONAL_NULLS["one loop"](tokens))
    assert (piece == np.arange(40)[:, None]).all()
    assert not phrase.any()
    piece, phrase = sources(UNCONDITIONAL_NULLS["phrases of other tunes"](tokens))
    assert (phrase == np.arange(32)).all()
    assert (piece != np.arange(40)[:, None]).all()
    assert min(len(set(row)) for row in piece.tolist()) > 10


def test_a_piece_is_shuffled_alike_whatever_comes_after_it_and_otherwise_with_another_seed():
    shuffled = UNCONDITIONAL_NULLS["own phrases shuffled"]
    np.testing.assert_array_equal(shuffled(numbered(5), seed=1)[:3], shuffled(numbered(3), seed=1))
    assert (shuffled(numbered(3), seed=1) != shuffled(numbered(3), seed=2)).any()


def test_wrong_masks_and_too_few_pieces_are_refused():
    fill = INFILLING_NULLS["one loop"]
    with pytest.raises(ValueError, match="dtype int"):
        fill(numbered(), MIDDLE.astype(int))
    with pytest.raises(ValueError, match=r"shape \(31,\)"):
        fill(numbered(), MIDDLE[1:])
    with pytest.raises(ValueError, match="At least one phrase must be given"):
        fill(numbered(), np.zeros(32, bool))
    for null in (INFILLING_NULLS["another tune's bars"], lambda t, _: UNCONDITIONAL_NULLS["phrases of other tunes"](t)):
        with pytest.raises(ValueError, match="at least two pieces"):
            null(numbered(1), MIDDLE)
