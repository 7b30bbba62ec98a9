import numpy as np
import pytest

from keras_symdiff.infilling.asked import Asked
from keras_symdiff.music.key import Key

SILENCE = np.full((1, 8, 12), np.nan)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"chords": "H7"}, "A chord is written like"),
        ({"chords": 5}, "`chords` must be a string"),
        ({"key": "H major"}, "A key is written like"),
        ({"density": 0}, r"`density` must be in \(0, 16\] onsets per bar"),
        ({"density": "3"}, "or relative such as"),
        ({"density": float("nan")}, "density=nan"),
        ({"pitch_range": "C4"}, "must be two pitches, such as 'C4-C6'"),
        ({"pitch_range": 7}, "must be two pitches"),
        ({"pitch_range": {"C4": 1, "C6": 2}}, "must be two pitches"),
        ({"pitch_range": ("C4",)}, "must be two pitches"),
        ({"pitch_range": ("C4", "H5")}, "must be two pitches"),
        ({"pitch_range": ("C6", "C4")}, "must span a fifth or more, low to high"),
        ({"form": "aaba"}, "A form is capital letters"),
        ({"key_cost": -1}, r"`key_cost` must be in \[0, 100\]"),
        ({"key_cost": 1e300}, r"`key_cost` must be in \[0, 100\]"),
    ],
)
def test_what_cannot_be_read_is_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        Asked(**asked)


def test_a_range_is_text_or_two_pitches():
    assert Asked(pitch_range="C4-C6") == Asked(pitch_range=("C4", "C6")) == Asked(pitch_range=["C4", "C6"])
    assert Asked(pitch_range="Bb3-F#5").pitches == (58, 78)


def test_the_key_of_new_music_is_the_one_asked_for_or_that_of_sure_chords():
    assert str(Asked(key="D", chords="Am | E7").key_of_new(4)) == "D major"
    assert str(Asked(chords="C | F | G7 | C").key_of_new(4)) == "C major"
    assert Asked(chords="C | F#").key_of_new(4) is None
    assert Asked().key_of_new(4) is None


def test_a_form_fits_the_length_of_a_new_melody():
    Asked(form="AABA").check_new(16)
    Asked(form="none").check_new(5)
    with pytest.raises(ValueError, match=r"a multiple of 2 bars. Received: form='AB', bars=15"):
        Asked(form="AB").check_new(15)
    with pytest.raises(ValueError, match=r"AABA needs 16. Received: 14"):
        Asked(form="AABA").check_new(14)


def test_a_density_is_absolute_or_relative():
    assert Asked(density=3).onsets_per_bar(7.0) == 3
    assert Asked(density="+1.5").onsets_per_bar(7.0) == 8.5
    assert Asked(density="-9").onsets_per_bar(7.0) == 0.5
    assert np.isnan(Asked().onsets_per_bar(7.0))


def test_decoding_keeps_to_the_range_and_pays_for_notes_outside_the_key():
    assert Asked().decoding_bias(SILENCE, None, None) is None
    assert Asked(key_cost=0).decoding_bias(SILENCE, Key(0, "major"), None) is None
    in_key = Asked().decoding_bias(SILENCE, Key(0, "major"), None)[0, 0]
    assert (in_key[60 - 19], in_key[61 - 19]) == (0, -2)
    ranged = Asked(key_cost=0).decoding_bias(SILENCE, None, (62, 86))[0, 0]
    allowed = np.flatnonzero(ranged == 0)
    assert allowed.tolist() == [0, 1, *range(62 - 19, 86 - 19 + 1)]  # no event, note-off, and D4 to D6
    assert ranged.min() < -1000
