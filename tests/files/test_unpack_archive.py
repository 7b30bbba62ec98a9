import contextlib
import io
import tarfile
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_symdiff.files import unpack_archive as module
from keras_symdiff.files.unpack_archive import unpack_archive

SONG = bytes(range(256)) * 4
FILES = {"1.mid": SONG, "below/2.mid": SONG[::-1], "BZ.mid": b"", "cover.png": b"picture"}
KINDS = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]


def pack(path, files):
    """Writes an archive of (name, data) of the kind that its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files:
                archive.writestr(name, data)
    else:
        mode = "w:" + path.name.split(".", 1)[1].removeprefix("tar").removeprefix(".")
        with tarfile.open(path, mode) as archive:
            for name, data in files:
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return path


def unpacked(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def all_midi(name):
    return name.endswith(".mid")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wanted_comes_out(tmp_path, kind):
    path = pack(tmp_path / f"songs.{kind}", sorted(FILES.items()))
    unpack_archive(path, tmp_path / "out", all_midi)
    assert unpacked(tmp_path / "out") == {name: data for name, data in FILES.items() if all_midi(name)}
    unpack_archive(path, tmp_path / "short", all_midi, most_bytes=300)
    assert unpacked(tmp_path / "short") == {name: data[:300] for name, data in FILES.items() if all_midi(name)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["../evil.mid", "a/../../evil.mid", "/tmp/evil.mid", "C:\\evil.mid", "..\\evil.mid"])
def test_a_name_that_leads_outside_is_refused_by_name(tmp_path, kind, name):
    path = pack(tmp_path / f"songs.{kind}", [("1.mid", SONG), (name, SONG)])
    with pytest.raises(ValueError, match=r"files of an archive lie inside it\. Received: .*evil\.mid"):
        unpack_archive(path, tmp_path / "out" / "deep", all_midi)
    assert unpacked(tmp_path / "out") == {"deep/1.mid": SONG}
    assert not list(tmp_path.rglob("evil.mid"))


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz"])
def test_an_archive_that_grows_too_much_is_refused_before_it_does(tmp_path, kind, wanted, monkeypatch):
    monkeypatch.setattr(module, "FREE_BYTES", 1 << 20)
    half = bytes(1 << 19)
    fits = pack(tmp_path / f"fits.{kind}", [("1.mid", half), ("2.mid", half)])
    unpack_archive(fits, tmp_path / "fits", lambda name: wanted)
    path = pack(tmp_path / f"bomb.{kind}", [("1.mid", half), ("2.mid", half), ("3.mid", half)])
    with pytest.raises(ValueError, match=r"at most 100 times its size\. Received: one that exceeds [\d,]+ bytes$"):
        unpack_archive(path, tmp_path / "out", lambda name: wanted)
    assert sum(map(len, unpacked(tmp_path / "out").values())) <= 1 << 20


def test_a_header_that_grows_too_much_is_refused(tmp_path, monkeypatch):
    """A comment of 50 MB: `tarfile` reads it into memory."""
    monkeypatch.setattr(module, "FREE_BYTES", 1 << 20)
    comment = {"comment": "x" * 50_000_000}
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz", format=tarfile.PAX_FORMAT, pax_headers=comment):
        pass
    tracemalloc.start()
    with pytest.raises(ValueError, match="at most 100 times its size"):
        unpack_archive(tmp_path / "bomb.tar.gz", tmp_path / "out", all_midi)
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_files_are_refused(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(module, "MOST_FILES", 3)
    path = pack(tmp_path / f"songs.{kind}", sorted(FILES.items()))
    with pytest.raises(ValueError, match="at most 3 files"):
        unpack_archive(path, tmp_path / "out", all_midi)


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_breaks_off_is_refused(tmp_path, kind):
    path = pack(tmp_path / f"songs.{kind}", [(f"{n}.mid", SONG) for n in range(30)])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"\w"):
        unpack_archive(path, tmp_path / "out", all_midi)


def test_what_is_no_archive(tmp_path):
    for data in (b"", b"hello", SONG):
        (tmp_path / "songs").write_bytes(data)
        with pytest.raises(ValueError, match=r"\w"):
            unpack_archive(tmp_path / "songs", tmp_path / "out", all_midi)
    assert not (tmp_path / "out").exists()
    with pytest.raises(FileNotFoundError):
        unpack_archive(tmp_path / "none", tmp_path / "out", all_midi)


def set_in_headers(path, local, central, value):
    """Changes two bytes of the first file's both headers of a zip."""
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        at = data.index(signature) + offset
        data[at : at + 2] = value.to_bytes(2, "little")
    path.write_bytes(data)


def test_encrypted_and_unknown_members_are_named(tmp_path):
    path = pack(tmp_path / "songs.zip", [("1.mid", SONG)])
    set_in_headers(path, 6, 8, 1)
    with pytest.raises(ValueError, match=r"1\.mid.* is encrypted"):
        unpack_archive(path, tmp_path / "out", all_midi)
    path = pack(tmp_path / "songs.zip", [("1.mid", SONG)])
    set_in_headers(path, 8, 10, 99)
    with pytest.raises(ValueError, match="compression method is not supported"):
        unpack_archive(path, tmp_path / "out", all_midi)


def test_links_are_passed_over(tmp_path):
    with tarfile.open(tmp_path / "songs.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
            member = tarfile.TarInfo("evil.mid")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        member = tarfile.TarInfo("1.mid")
        member.size = len(SONG)
        archive.addfile(member, io.BytesIO(SONG))
    unpack_archive(tmp_path / "songs.tar", tmp_path / "out", all_midi)
    assert unpacked(tmp_path / "out") == {"1.mid": SONG}


@given(st.sampled_from(KINDS), st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1))
@settings(max_examples=200, deadline=None)
def test_changed_bytes_are_refused_or_stay_inside(tmp_path_factory, kind, changes):
    folder = tmp_path_factory.mktemp("changed")
    path = pack(folder / f"songs.{kind}", sorted(FILES.items()))
    data = bytearray(path.read_bytes())
    for place, value in changes:
        data[int(place * len(data))] = value
    path.write_bytes(data)
    with contextlib.suppress(ValueError, OSError):  # OSError: a name that is too long
        unpack_archive(path, folder / "out" / "deep", all_midi)
    assert {entry.name for entry in folder.iterdir()} <= {path.name, "out"}
    assert not (folder / "out").exists() or {entry.name for entry in (folder / "out").iterdir()} == {"deep"}
