import numpy as np
import pytest

from keras_symdiff.music.key import Key, estimate_key, pitch_class_weights


@pytest.mark.parametrize(
    ("text", "tonic", "mode"),
    [
        ("C major", 0, "major"),
        ("A minor", 9, "minor"),
        ("f# minor", 6, "minor"),
        ("Bbm", 10, "minor"),
        ("Cb", 11, "major"),
        ("B# maj", 0, "major"),
        (" g M ", 7, "major"),
        ("Dm", 2, "minor"),
        ("b", 11, "major"),
        ("bb minor", 10, "minor"),
    ],
)
def test_keys_are_read_as_people_write_them(text, tonic, mode):
    assert Key.parse(text) == Key(tonic, mode)


@pytest.mark.parametrize("text", ["", "H major", "C dorian", "C#b", "minor", "C major major", "7"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="A key is written like"):
        Key.parse(text)


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", range(12))
def test_every_key_prints_parses_and_comes_home(tonic, mode):
    key = Key(tonic, mode)
    assert Key.parse(str(key)) == key
    assert -6 <= key.semitones_to_c <= 5
    home = key.transposed(key.semitones_to_c)
    assert str(home) == ("C major" if mode == "major" else "A minor")
    assert home.pitch_classes == (0, 2, 4, 5, 7, 9, 11)


@pytest.mark.parametrize(("tonic", "mode"), [(12, "major"), (-1, "minor"), (0, "dorian")])
def test_a_key_has_a_tonic_and_a_mode(tonic, mode):
    with pytest.raises(ValueError, match="A key has a tonic"):
        Key(tonic, mode)


def test_a_cadence_gives_its_key_in_every_transposition():
    major = np.bincount([0, 4, 7, 5, 9, 0, 7, 11, 2, 0, 4, 7], minlength=12)  # C F G C
    minor = np.bincount([9, 0, 4, 2, 5, 9, 4, 8, 11, 9, 0, 4], minlength=12)  # Am Dm E Am
    for semitones in range(12):
        assert estimate_key(np.roll(major, semitones))[0] == Key(semitones, "major")
        assert estimate_key(np.roll(minor, semitones))[0] == Key((9 + semitones) % 12, "minor")


def test_confidence_falls_to_nothing_where_nothing_tells():
    assert estimate_key(np.zeros(12)) == (Key(0, "major"), 0.0)
    assert estimate_key(np.ones(12))[1] == 0.0
    scale = np.isin(np.arange(12), Key(7, "major").pitch_classes)
    confidences = [estimate_key(scale + noise)[1] for noise in (0.0, 0.5, 5.0)]
    assert confidences[0] == pytest.approx(confidences[1])  # a constant tells nothing
    assert 0 < confidences[0] <= 1
    assert estimate_key(np.isin(np.arange(12), [0, 2, 4, 7, 9]))[1] < confidences[0]  # pentatonic: C, F or G major


def test_weights_that_are_none_are_refused():
    for weights in (np.ones(11), -np.ones(12), np.full(12, np.nan)):
        with pytest.raises(ValueError, match="12 finite weights"):
            estimate_key(weights)


def test_melody_and_harmony_weigh_the_same():
    tokens = np.zeros((2, 32), "int8")
    tokens[0, [0, 8]] = 60 - 19, 64 - 19
    tokens[0, 16] = 1
    np.testing.assert_allclose(pitch_class_weights(tokens)[[0, 4]], 0.5)
    chroma = np.zeros((2, 8, 12))
    chroma[0, :, 7] = 1
    chroma[1] = np.nan
    weights = pitch_class_weights(tokens, chroma)
    np.testing.assert_allclose(weights[[0, 4, 7]], [0.5, 0.5, 1.0])
    assert pitch_class_weights(np.zeros((1, 32), "int8"), np.full((1, 8, 12), np.nan)).sum() == 0
