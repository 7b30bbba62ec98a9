import numpy as np
import pytest

from keras_symdiff.presets.reference_pieces import REFERENCE_FILE, read_reference_pieces, write_reference_pieces


def test_pieces_come_back(tmp_path):
    tokens = np.random.default_rng(0).integers(0, 90, (3, 32, 32)).astype("int8")
    assert read_reference_pieces(tmp_path) is None
    write_reference_pieces(tmp_path, tokens)
    np.testing.assert_array_equal(read_reference_pieces(tmp_path), tokens)


@pytest.mark.parametrize(
    "tokens", [np.zeros((3, 32, 31), "int8"), np.zeros((3, 32, 32)), np.full((1, 32, 32), 90, "i1")]
)
def test_anything_else_is_refused(tokens, tmp_path):
    np.savez(tmp_path / REFERENCE_FILE, tokens=tokens)
    with pytest.raises(ValueError, match="must hold"):
        read_reference_pieces(tmp_path)
    (tmp_path / REFERENCE_FILE).write_bytes(b"nothing")
    with pytest.raises(ValueError, match="does not hold tokens"):
        read_reference_pieces(tmp_path)
