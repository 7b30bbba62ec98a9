import dataclasses

import numpy as np
import pytest

from keras_symdiff.music.form import Form, FormTable, is_plan, variations


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
    table = some_table()
    plans = table.repeats.copy()
    plans[1, : len(repeats)] = repeats
    plans[1, len(repeats) :] = -1
    with pytest.raises(ValueError, match="repeats itself or the earliest"):
        dataclasses.replace(table, repeats=plans)


def some_table():
    rng = np.random.default_rng(0)
    pieces = [rng.integers(2, 4, (length, 1)) * np.ones((1, 32), int) for length in (32, 8, 20, 32)]
    pieces[0] = 2 + np.arange(32)[:, None] * np.ones((1, 32), int)  # nothing repeats
    return FormTable.of(pieces)


def test_plans_are_drawn_from_pieces_that_are_long_enough():
    table = some_table()
    drawn = [table.draw(20, seed=5, index=index).repeats for index in range(40)]
    expected = {tuple(table.repeats[row, :20]) for row in (0, 2, 3)}
    assert {tuple(plan) for plan in drawn} == expected
    assert any((drawn[i] != table.draw(20, seed=6, index=i).repeats).any() for i in range(40))
    for length in (0, 33):
        with pytest.raises(ValueError, match="No form is that long"):
            table.draw(length, seed=0, index=0)


def test_a_form_has_the_registers_densities_and_range_of_its_piece():
    tokens = np.zeros((10, 32), np.int8)
    tokens[:, 0] = 41 + np.arange(10) % 5  # C4 to E4, twice
    tokens[:9, 8] = 53  # an octave above C4
    tokens[9, 16] = 1
    form = FormTable.of([tokens]).draw(10, seed=0, index=0)
    assert form.repeats.tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 9]
    assert (form.register[0], form.register[9]) == (66, 64)
    assert (form.density[0], form.density[9]) == (1, 0.5)
    assert form.pitches == (60, 72)


def test_forms_follow_one_another():
    table = some_table()
    parts = [table.draw(32, seed=0, index=index) for index in range(2)]
    joined = Form.joined(parts)
    for name in ("repeats", "varies"):
        first, second = (getattr(part, name) for part in parts)
        np.testing.assert_array_equal(getattr(joined, name), np.concatenate([first, 32 + second]))
    assert len(joined.register) == len(joined.density) == 64


def test_a_plan_is_completed_as_in_forms_with_the_same_repeats():
    def piece(text):
        return np.array([[41 + ord(letter) - ord("A")] + [0] * 31 for letter in text])

    table = FormTable.of([piece("ABABCDAB"), piece("ABCBABCB"), piece("ABCDEFGH"), piece("ABABEDABIJ")])

    def completed(given, index=0):
        names = sorted(set(given) - {"?"})
        plan = [-1 if letter == "?" else given.index(letter) for letter in given]
        assert len(names) == len(set(plan) - {-1})
        repeats, varies, _ = table.complete(np.array(plan), np.array(plan), seed=0, index=index)
        np.testing.assert_array_equal(repeats, varies)
        return repeats.tolist()

    assert completed("AB??CDAB") == [0, 1, 0, 1, 4, 5, 0, 1]
    assert completed("ABCB????") == [0, 1, 2, 1, 0, 1, 2, 1]
    assert completed("ABCD?FGH") == [0, 1, 2, 3, 4, 5, 6, 7]
    assert completed("??AB??AB") == [2, 3, 2, 3, 4, 5, 2, 3]
    drawn = {tuple(completed("AB??????", index)) for index in range(40)}
    assert drawn == {(0, 1, 0, 1, 4, 5, 0, 1), (0, 1, 2, 1, 0, 1, 2, 1), tuple(range(8))}
    with pytest.raises(ValueError, match="No form is that long"):
        table.complete(np.arange(11), np.arange(11), seed=0, index=0)


def phrase(**onsets):
    """A phrase of onsets, `s8=60`: C4 at step 8."""
    tokens = np.zeros(32, np.int8)
    for step, pitch in onsets.items():
        tokens[int(step[1:])] = pitch - 19
    return tokens


def test_variations_share_rhythm_and_half_of_the_pitches():
    tune = phrase(s0=60, s8=62, s16=64, s24=65)
    other_end = phrase(s0=60, s8=62, s16=67, s24=69)
    one_more = phrase(s0=60, s8=62, s12=64, s16=64, s24=65)
    sequence = phrase(s0=62, s8=64, s16=65, s24=67)
    off_beat = phrase(s2=60, s8=62, s18=64, s26=65)
    silent = phrase()
    piece = np.stack([tune, sequence, other_end, silent, one_more, off_beat, tune, silent])
    assert variations(piece).tolist() == [0, 1, 0, 3, 0, 5, 0, 3]
    table = FormTable.of([piece])
    form = table.draw(8, seed=0, index=0)
    assert form.varies.tolist() == [0, 1, 0, 3, 0, 5, 0, 3]
    assert form.repeats.tolist() == [0, 1, 2, 3, 4, 5, 0, 3]
    with pytest.raises(ValueError, match="end together"):
        dataclasses.replace(table, varies=np.where(np.arange(32) < 7, table.varies, -1).astype("int8"))


def test_what_varies_a_given_phrase_is_completed_too():
    tune, ending = phrase(s0=60, s8=62, s16=64, s24=65), phrase(s0=60, s8=62, s16=67, s24=69)
    others = [phrase(s2=70, s6=71), phrase(s1=50, s3=57, s5=59)]
    table = FormTable.of([np.stack([tune, others[0], ending, others[1]])])
    known = np.array([0, 1, -1, 3])
    repeats, varies, _ = table.complete(known, known, seed=0, index=0)
    assert repeats.tolist() == [0, 1, 2, 3]
    assert varies.tolist() == [0, 1, 0, 3]


def test_a_completed_form_goes_half_as_high_as_its_own():
    high, low = phrase(s0=72), phrase(s0=60)
    table = FormTable.of([np.stack([low, high, phrase(s0=64), low, phrase()])])
    known = np.array([0, -1, 2, 0, -1])
    *_, above = table.complete(known, known, seed=0, index=0)
    assert above[[1, 4]].tolist() == pytest.approx([(72 - (60 + 64 + 60) / 3) / 2, 0], abs=0.1)


def test_a_table_is_saved_and_loaded(tmp_path):
    table = some_table()
    table.save(tmp_path / "forms.npz")
    loaded = FormTable.load(tmp_path / "forms.npz")
    for field in dataclasses.fields(FormTable):
        np.testing.assert_array_equal(getattr(loaded, field.name), getattr(table, field.name))
    whole = (tmp_path / "forms.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    np.savez(tmp_path / "other.npz", repeats=np.zeros((2, 32)))
    np.savez(tmp_path / "object.npz", repeats=np.array([None]))
    for name in ("cut.npz", "other.npz", "object.npz"):
        with pytest.raises(ValueError, match=f"{name}: not a table of forms"):
            FormTable.load(tmp_path / name)
