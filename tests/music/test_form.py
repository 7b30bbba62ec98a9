import numpy as np
import pytest

from keras_symdiff.music.condition import Condition
from keras_symdiff.music.form import Form, FormTable, is_plan


def test_letters_are_eight_bars_and_a_dash_varies():
    form = Form.parse("AABA'", num_phrases=16)
    assert form.repeats.tolist() == [0, 1, 2, 3] * 2 + list(range(8, 16))
    assert form.varies.tolist() == [0, 1, 2, 3] * 2 + [8, 9, 10, 11] + [0, 1, 2, 3]


def test_letters_are_four_bars_where_eight_do_not_fit():
    assert Form.parse("AAB", num_phrases=6).repeats.tolist() == [0, 1, 0, 1, 4, 5]
    assert Form.parse("AB", num_phrases=8).repeats.tolist() == list(range(8))
    assert Form.parse("A", num_phrases=2).repeats.tolist() == [0, 1]


def test_a_short_form_begins_again_and_is_cut_off():
    assert Form.parse("A", num_phrases=10).repeats.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert Form.parse("A A'", num_phrases=19).repeats.tolist() == [*range(8), *range(8), 0, 1, 2]


def test_equal_variations_are_equal():
    form = Form.parse("AA'A'A''", num_phrases=8)
    assert form.repeats.tolist() == [0, 1, 2, 3, 2, 3, 6, 7]
    assert form.varies.tolist() == [0, 1] * 4


@pytest.mark.parametrize("text", ["", "aaba", "A-B", "'A", "AAB1", "none"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="A form is capital letters"):
        Form.parse(text, 16)


def test_a_form_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"AABA needs 16. Received: 14"):
        Form.parse("AABA", 7)


@pytest.mark.parametrize("repeats", [[0, 2, 2], [0, 0, 1], [-1, 0], [1]])
def test_plans_that_are_none_are_refused(repeats):
    assert not is_plan(np.array(repeats))
    with pytest.raises(ValueError, match="repeats itself or the earliest"):
        Form(repeats, np.arange(len(repeats)))
    with pytest.raises(ValueError, match="repeats itself or the earliest"):
        FormTable.of([np.array(repeats)])


def some_table():
    rng = np.random.default_rng(0)
    pieces = [rng.integers(2, 4, (length, 1)) * np.ones((1, 32), int) for length in (32, 8, 20, 32)]
    pieces[0] = 2 + np.arange(32)[:, None] * np.ones((1, 32), int)  # nothing repeats
    return FormTable.of([Condition.of(piece).repeats for piece in pieces])


def test_plans_are_drawn_from_pieces_that_are_long_enough():
    table = some_table()
    drawn = [table.draw(20, seed=5, index=index).repeats for index in range(40)]
    expected = {tuple(table.plans[row, :20]) for row in (0, 2, 3)}
    assert {tuple(plan) for plan in drawn} == expected
    np.testing.assert_array_equal(drawn[7], table.draw(20, seed=5, index=7).varies)
    assert any((drawn[i] != table.draw(20, seed=6, index=i).repeats).any() for i in range(40))
    for length in (0, 33):
        with pytest.raises(ValueError, match="No plan is that long"):
            table.draw(length, seed=0, index=0)


def test_a_table_is_saved_and_loaded(tmp_path):
    table = some_table()
    table.save(tmp_path / "forms.npz")
    np.testing.assert_array_equal(FormTable.load(tmp_path / "forms.npz").plans, table.plans)
    whole = (tmp_path / "forms.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    np.savez(tmp_path / "other.npz", plans=np.zeros((2, 32)))
    np.savez(tmp_path / "object.npz", plans=np.array([None]))
    for name in ("cut.npz", "other.npz", "object.npz"):
        with pytest.raises(ValueError, match=f"{name}: not a table of forms"):
            FormTable.load(tmp_path / name)
