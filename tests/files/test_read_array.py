import numpy as np
import pytest

from keras_symdiff.files.read_array import read_array


def test_an_array_of_the_right_kind_comes_back(tmp_path):
    path, array = tmp_path / "file.npz", np.arange(6, dtype="int8").reshape(2, 3)
    assert read_array(path, "tokens", "int8", (None, 3)) is None
    np.savez(path, tokens=array)
    np.testing.assert_array_equal(read_array(path, "tokens", "int8", (None, 3)), array)


@pytest.mark.parametrize("kind", [("int16", (None, 3)), ("int8", (None, 4)), ("int8", (None,)), ("int8", (1, 3))])
def test_another_kind_is_refused(tmp_path, kind):
    np.savez(tmp_path / "file.npz", tokens=np.zeros((2, 3), "int8"))
    with pytest.raises(ValueError, match=r"must hold .* Received: int8 \(2, 3\)"):
        read_array(tmp_path / "file.npz", "tokens", *kind)


@pytest.mark.parametrize("content", [b"", b"no archive", "another name"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "file.npz"
    path.write_bytes(content) if isinstance(content, bytes) else np.savez(path, other=np.zeros(3))
    with pytest.raises(ValueError, match=r"file\.npz does not hold tokens"):
        read_array(path, "tokens", "int8", (None,))
