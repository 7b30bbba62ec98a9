import pytest

from keras_symdiff import Melody, Song, write_midi
from keras_symdiff.infilling.describe_hearing import describe_hearing
from keras_symdiff.infilling.infill_request import InfillRequest
from keras_symdiff.music.chord_symbols import Chords

TUNE = Melody([60] * 32, range(0, 512, 16), range(8, 520, 16), name="melody")


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """A melody of 32 bars alone, and over chords."""
    folder = tmp_path_factory.mktemp("songs")
    write_midi(TUNE, folder / "alone.mid")
    write_midi(TUNE, folder / "chords.mid", Chords.parse("C | G"))
    return {name: Song.open(folder / f"{name}.mid") for name in ("alone", "chords")}


@pytest.mark.parametrize(
    ("name", "asked", "hears", "expected"),
    [
        ("chords", {"bars": ("9-16",)}, True, "Hearing the other tracks: CHORDS"),
        ("chords", {"bars": ("9-16",)}, False, "Not hearing the other tracks: CHORDS"),
        ("chords", {"bars": ("9-16",), "harmony": False}, True, "Not hearing the other tracks: CHORDS"),
        ("chords", {"bars": ("9-16",), "chords": "F"}, True,
         "Hearing the chords asked for in bars 9-16, elsewhere the other tracks: CHORDS"),
        ("chords", {"continue_bars": 8}, True,
         "Hearing the other tracks around bars 33-40, where they are silent (see --chords): CHORDS"),
        ("alone", {"continue_bars": 8}, True, "Hearing the melody alone: there are no other pitched tracks"),
        ("alone", {"continue_bars": 8, "chords": "F"}, True, "Hearing the chords asked for in bars 33-40"),
        ("alone", {"continue_bars": 8, "chords": "F"}, False,
         "Hearing the melody alone: there are no other pitched tracks"),
    ],
)  # fmt: skip
def test_what_the_model_hears_is_told(songs, name, asked, hears, expected):
    request = InfillRequest(**asked)
    assert describe_hearing(request, request.find(songs[name]), hears) == expected
