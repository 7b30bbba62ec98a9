import os

import pytest

from keras_symdiff.write_atomically import write_atomically


def test_a_name_as_long_as_can_be(tmp_path):
    path = tmp_path / (251 * "a" + ".mid")
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("name", [256 * "a", "none/file"])
def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing(tmp_path, name):
    with pytest.raises(OSError, match=r"\w") as caught:
        write_atomically(tmp_path / name, b"one")
    assert caught.value.filename == str(tmp_path / name)
    assert str(caught.value).endswith(repr(str(tmp_path / name)))
    assert os.listdir(tmp_path) == []
