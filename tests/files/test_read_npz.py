import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_symdiff.files.read_npz import FREE_BYTES, read_npz

ARRAYS = {
    "floats": np.linspace(0, 1, 200, dtype=np.float32).reshape(20, 10),
    "columns": np.asfortranarray(np.arange(12).reshape(3, 4)),
    "flags": np.array([True, False]),
    "names": np.array(["a", "b\u00e9"]),
    "scalar": np.int64(3),
    "empty": np.zeros((0, 5)),
}


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def declaring(descr, shape, data=b"", version=(1, 0)):
    """An archive of one array whose header says what it likes."""
    member, archive = io.BytesIO(), io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    {1: np.lib.format.write_array_header_1_0, 2: np.lib.format.write_array_header_2_0}[version[0]](member, header)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.npy", member.getvalue() + data)
    return archive.getvalue()


def test_what_numpy_writes_comes_back(tmp_path):
    (tmp_path / "a.npz").write_bytes(npz(**ARRAYS))
    for file in (tmp_path / "a.npz", npz(**ARRAYS)):
        read = read_npz(file)
        assert read.keys() == ARRAYS.keys()
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(read[name], array)
            assert read[name].dtype == array.dtype


def test_some_arrays_are_read_alone():
    assert list(read_npz(npz(**ARRAYS), ["flags", "scalar"])) == ["flags", "scalar"]
    with pytest.raises(ValueError, match=r"must hold flags, none\. Received: none of none"):
        read_npz(npz(**ARRAYS), ["flags", "none"])


@pytest.mark.parametrize(
    "data",
    [
        declaring("<f4", (10**12,)),
        declaring("<f4", (10**6, 10**6), b"\0" * 64),
        declaring("<f4", (4,), b"\0" * 15),
        declaring("<f4", (4,), b"\0" * 17),
        declaring("<f4", (-4,), b"\0" * 16),
        declaring("<f4", (2**62, 4)),
        declaring("<U100000000", (1,)),
        declaring("<f4", (10**12,), version=(2, 0)),
    ],
)
def test_a_shape_that_the_file_does_not_hold_is_refused_before_memory_is_taken(data):
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"a.npy declares [-\d,]+ bytes"):
        read_npz(data)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_an_archive_that_grows_too_much_is_refused_before_memory_is_taken():
    small, bomb = np.zeros(FREE_BYTES // 2, np.int8), npz(a=np.zeros(FREE_BYTES + 1, np.int8))
    np.testing.assert_array_equal(read_npz(npz(a=small))["a"], small)
    tracemalloc.start()
    with pytest.raises(ValueError, match="unpacks to at most 100 times its size"):
        read_npz(bomb)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a zip file"),
        (b"hello", "not a zip file"),
        (npz(a=np.zeros(3))[:-30], "not a zip file"),
        (declaring("|O", (1,), b"cos\nsystem\n."), "must hold numbers or text"),
        (declaring([("a", "<f4")], (1,), b"\0" * 4), "must hold numbers or text"),
    ],
)
def test_what_is_no_archive_of_arrays(data, message):
    with pytest.raises(ValueError, match=message):
        read_npz(data)


def test_a_single_array_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(ValueError, match="not a zip file"):
        read_npz(tmp_path / "a.npy")
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "none.npz")


def test_an_encrypted_member_is_refused():
    data = bytearray(npz(a=np.zeros(3)))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(ValueError, match="encrypted"):
        read_npz(bytes(data))


@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_changed_bytes_are_refused_or_arrays(changes):
    data = bytearray(npz(**ARRAYS))
    for place, value in changes:
        data[int(place * len(data))] = value
    try:
        arrays = read_npz(bytes(data))
    except ValueError:
        return
    assert not any(array.dtype.hasobject for array in arrays.values())
