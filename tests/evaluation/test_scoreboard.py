import json

import numpy as np
import pytest

from keras_symdiff.evaluation.scoreboard import GAP, keep_mask, scoreboard, scoreboard_table

# AABA in letters of 4 bars: bars 7 to 10 are the end of an A and the start of B.
PHRASES = np.random.default_rng(0).choice([0, 0, 0, 1, 41, 43, 45], size=(20, 4, 32))
TOKENS = PHRASES[:, [0, 1, 0, 1, 2, 3, 0, 1]]


def test_the_gap_is_bars_7_to_10():
    assert np.flatnonzero(~keep_mask()).tolist() == [3, 4]
    assert [phrase * 2 + 1 for phrase in range(8)][GAP] == [7, 9]


def test_the_original_has_all_and_a_copy_what_it_repeats():
    board = scoreboard({"Original": lambda: TOKENS}, TOKENS)
    assert all(figure["value"] == figure["low"] == figure["high"] == 1 for figure in board["Original"].values())
    for name in ("Null: bars 3-6 copied", "Null: bars 1-4 copied", "Null: own phrases at random"):
        for figure in board[name].values():
            assert 0 < figure["low"] < figure["value"] < figure["high"] < 1
    assert json.loads(json.dumps(board)) == board


def test_the_same_seed_draws_the_same_phrases():
    boards = [scoreboard({}, TOKENS, seed) for seed in (3, 3, 4)]
    assert boards[0] == boards[1] != boards[2]


def test_the_table_has_a_row_for_each_and_the_published_figures():
    table = scoreboard_table({"num_pieces": 20, "rows": scoreboard({"Ours": lambda: TOKENS}, TOKENS)})
    assert "| Ours | 1.000 [1.000, 1.000] |" in table
    assert "SketchNet (Chen et al., 2020), Irish tunes | 0.914 | 0.560 | 0.868 |" in table


def test_pieces_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match=r"\(20, 7, 32\)"):
        scoreboard({}, TOKENS[:, :7])


def test_silence_has_no_pitches_to_be_right_and_json_can_say_so():
    board = scoreboard({"Silence": lambda: 0 * TOKENS}, TOKENS)
    assert board["Silence"]["position_f1"]["value"] == 0
    assert board["Silence"]["pitch_accuracy"] == {"value": None, "low": None, "high": None}
    json.dumps(board, allow_nan=False)
