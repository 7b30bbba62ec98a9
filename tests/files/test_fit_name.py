import os

import pytest

from keras_symdiff.files.fit_name import fit_name


@pytest.mark.parametrize("stem", [300 * "a", 200 * "\u00e9", os.fsdecode(300 * b"\xe9"), 255 * "a"])
def test_a_long_name_fits_and_can_be_made(tmp_path, stem):
    name = fit_name(stem, "_take1.mid") + "_take1.mid"
    assert 254 <= len(os.fsencode(name)) <= 255
    (tmp_path / name).touch()
    assert name in os.listdir(tmp_path)


def test_a_short_name_stays():
    assert fit_name("song", "_take1.mid") == "song"
