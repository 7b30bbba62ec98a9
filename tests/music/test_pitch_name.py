import pytest

from keras_symdiff.music.pitch_name import parse_pitch, pitch_name


@pytest.mark.parametrize(
    ("name", "pitch"), [("C4", 60), ("c4", 60), ("A0", 21), ("C8", 108), ("F#3", 54), ("Bb2", 46), ("Cb4", 59)]
)
def test_pitches(name, pitch):
    assert parse_pitch(name) == pitch
    assert parse_pitch(pitch_name(pitch)) == pitch


@pytest.mark.parametrize("name", ["", "C", "H4", "C9", "G#0x", "60", "Ab0"])
def test_what_is_no_pitch(name):
    with pytest.raises(ValueError, match="A pitch is written like C4"):
        parse_pitch(name)
