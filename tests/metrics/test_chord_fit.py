import numpy as np
import pytest

from keras_symdiff.metrics.chord_fit import chord_fit

C_MAJOR = np.isin(np.arange(12), [0, 4, 7]).astype(float)


def phrase(*events):
    """Tokens (1, 32) of (step, MIDI pitch or None for a note-off)."""
    tokens = np.zeros((1, 32), "int8")
    for step, pitch in events:
        tokens[0, step] = 1 if pitch is None else pitch - 19
    return tokens


def random_pieces(seed=0, shape=(5, 4)):
    rng = np.random.default_rng(seed)
    tokens = rng.integers(40, 60, (*shape, 32))
    tokens[rng.random(tokens.shape) < 0.7] = 0
    tokens[rng.random(tokens.shape) < 0.05] = 1
    chroma = np.where(rng.random((*shape, 8, 12)) < 0.3, rng.random((*shape, 8, 12)), 0)
    return tokens.astype("int8"), chroma


def test_time_onsets_strong_beats_and_clashes_are_counted():
    # Over C major: C for 8 steps, C# for 4, E for 4; in the second bar D for 2 and a rest.
    tokens = phrase((0, 60), (8, 61), (12, 64), (16, 62), (18, None))
    fit = chord_fit(tokens, np.tile(C_MAJOR, (1, 8, 1)))
    assert fit["chord_tone_time"] == pytest.approx(12 / 18)
    assert fit["chord_tone_onsets"] == pytest.approx(2 / 4)
    assert fit["chord_tone_strong"] == pytest.approx(1 / 3)
    assert fit["clash_time"] == pytest.approx(4 / 18)  # D lies two semitones from C and E
    assert fit["clash_bars"] == pytest.approx(1 / 2)
    assert fit["in_key"] == pytest.approx(14 / 18)


def test_a_clash_of_less_than_a_quarter_note_spoils_no_bar():
    fit = chord_fit(phrase((0, 60), (4, 61), (7, 60)), np.tile(C_MAJOR, (1, 8, 1)))
    assert fit["clash_time"] == pytest.approx(3 / 32)
    assert fit["clash_bars"] == 0


def test_a_note_beside_one_class_and_on_another_does_not_clash():
    chroma = np.tile(np.isin(np.arange(12), [0, 11]).astype(float), (1, 8, 1))
    assert chord_fit(phrase((0, 60)), chroma)["clash_time"] == 0


def test_notes_sound_over_the_ends_of_phrases():
    tokens = np.concatenate([phrase((16, 60)), phrase((16, None))])
    chroma = np.zeros((2, 8, 12))
    chroma[1] = C_MAJOR
    fit = chord_fit(tokens, chroma)
    assert fit["chord_tone_time"] == 1
    assert np.isnan(fit["chord_tone_onsets"])  # it began while nothing was heard


def test_only_time_with_a_harmony_is_judged_and_scraps_are_none():
    tokens = np.concatenate([phrase((0, 61)), phrase((0, 60)), phrase((0, 61))])
    chroma = np.zeros((3, 8, 12))
    chroma[0] = np.nan
    chroma[1, :4] = C_MAJOR
    chroma[1, 4:] = C_MAJOR / 10  # less than half a sixteenth
    fit = chord_fit(tokens, chroma)
    assert fit["chord_tone_time"] == 1
    assert fit["clash_bars"] == 0


def test_what_has_no_meaning_is_nan():
    silence = chord_fit(np.zeros((2, 3, 32), int), np.tile(C_MAJOR, (2, 3, 8, 1)))
    alone = chord_fit(np.tile(phrase((0, 60)), (2, 3, 1)), np.full((2, 3, 8, 12), np.nan))
    for fit in (silence, alone):
        assert len(fit) == 6
        assert all(values.shape == (2,) and np.isnan(values).all() for values in fit.values())


def test_pieces_do_not_hear_each_other():
    tokens, chroma = random_pieces()
    together = chord_fit(tokens, chroma)
    for name, values in together.items():
        np.testing.assert_array_equal(values, [chord_fit(t, c)[name] for t, c in zip(tokens, chroma, strict=True)])


@pytest.mark.parametrize("semitones", [-11, -1, 3, 12])
def test_it_does_not_change_with_transposition(semitones):
    tokens, chroma = random_pieces()
    moved = chord_fit(np.where(tokens > 1, tokens + semitones, tokens), np.roll(chroma, semitones, axis=-1))
    for name, values in chord_fit(tokens, chroma).items():
        np.testing.assert_array_equal(moved[name], values)


def test_shares_are_shares_and_a_fuller_harmony_fits_better():
    tokens, chroma = random_pieces(1, (20, 8))
    fit, fuller = chord_fit(tokens, chroma), chord_fit(tokens, np.where(chroma.any(-1, keepdims=True), chroma + 0.5, 0))
    for name, values in fit.items():
        assert np.all((values >= 0) & (values <= 1)), name
    assert np.all(fit["chord_tone_time"] + fit["clash_time"] <= 1)
    assert np.all(fuller["chord_tone_time"] == 1)
    assert np.all(fuller["clash_time"] == 0)


def test_other_shapes_are_refused():
    for tokens, chroma in (
        (np.zeros((2, 31), int), np.zeros((2, 8, 12))),
        (np.zeros((2, 32), int), np.zeros((3, 8, 12))),
        (np.zeros(32, int), np.zeros((8, 12))),
    ):
        with pytest.raises(ValueError, match="Received: tokens of shape"):
            chord_fit(tokens, chroma)
