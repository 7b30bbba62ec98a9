import hashlib
import io
import os
import pathlib
import tarfile
import zipfile

import pytest

from tfds_lmd_latents import midi_files
from tfds_lmd_latents.midi_files import MidiFile, cut_into_blocks, find_midi_files, hash_of_files, open_source


def test_files_are_listed_once_by_name(songs):
    files, dropped = find_midi_files(songs)
    assert [file.name for file in files] == ["0.mid", "1.mid", "2.mid", "3.mid", "bad.mid", "below/4.mid"]
    assert dropped == [("9.mid", "is a copy of another file (0.mid)")]
    assert [file.name for file in find_midi_files(songs, "below/*")[0]] == ["below/4.mid"]


def test_the_hash_tells_other_input(songs):
    files, _ = find_midi_files(songs)
    before = hash_of_files(files)
    (songs / "bad.mid").write_bytes(b"MThe")
    assert hash_of_files(find_midi_files(songs)[0]) != before
    assert hash_of_files(files[:-1]) != before


def test_blocks_hold_one_split_each_train_first(songs, monkeypatch):
    monkeypatch.setattr(midi_files, "FILES_PER_BLOCK", 2)
    files, _ = find_midi_files(songs)
    blocks = cut_into_blocks(files)
    assert [block.number for block in blocks] == list(range(len(blocks)))
    assert [block.split for block in blocks] == sorted(block.split for block in blocks)
    assert max(len(block.files) for block in blocks) == 2
    assert sorted((f for block in blocks for f in block.files), key=lambda f: f.name) == files
    assert [file.name for file in blocks[-1].files] == ["below/4.mid"]  # made so that its hash is 0 modulo 100


def test_every_set_has_a_validation_split_by_hash(songs):
    (songs / "below" / "4.mid").unlink()
    files, _ = find_midi_files(songs)

    def held_out(share, files=files):
        return {file for block in cut_into_blocks(files, share) for file in block.files if block.split == "validation"}

    assert len(held_out(0.01)) == 1  # no hash is below, so that the lowest is taken
    assert held_out(0.01) == held_out(0.01, files[::-1])
    assert held_out(0.0) == held_out(0.5, files[:1]) - set(files) == set()
    assert held_out(0.01) <= held_out(0.5) <= held_out(0.999)
    many = [MidiFile("", "", hashlib.sha256(str(number).encode()).hexdigest()) for number in range(2000)]
    assert len(held_out(0.2, many)) == pytest.approx(400, abs=60)
    assert held_out(0.01, many) == {file for file in many if int(file.sha256[:16], 16) % 100 == 0}


def test_names_of_any_bytes_are_text(songs):
    with open(os.fsencode(songs) + b"/caf\xe9 $x$.mid", "wb") as file:
        file.write(b"MThd of its own")
    files, _ = find_midi_files(songs)
    (file,) = [file for file in files if "caf" in file.name]
    assert file.name == r"caf\xe9 $x$.mid"
    assert pathlib.Path(file.path).read_bytes() == b"MThd of its own"
    assert len(hash_of_files(files)) == 64


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz", ".zip"])
def test_an_archive_is_its_folder(songs, tmp_path, suffix):
    path = tmp_path / "only" / f"songs{suffix}"
    path.parent.mkdir()
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in songs.rglob("*.mid"):
                archive.write(file, file.relative_to(songs))
    else:
        with tarfile.open(path, "w:" + suffix.removeprefix(".tar").removeprefix(".")) as archive:
            archive.add(songs, ".")
    expected = hash_of_files(find_midi_files(songs)[0])
    for source in (path, path.parent, songs):
        folder = open_source(source, tmp_path / "unpacked")
        assert hash_of_files(find_midi_files(folder)[0]) == expected
    assert len(list((tmp_path / "unpacked").iterdir())) == 1


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz", ".zip"])
def test_an_archive_that_breaks_off_leaves_one_line_and_nothing_else(songs, tmp_path, suffix):
    path = tmp_path / f"songs{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(songs / "0.mid")
    else:
        with tarfile.open(path, "w:" + suffix.removeprefix(".tar").removeprefix(".")) as archive:
            archive.add(songs, ".")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"a folder or a whole archive\. Received: .*songs"):
        open_source(path, tmp_path / "unpacked")
    assert list((tmp_path / "unpacked").iterdir()) == []


@pytest.mark.parametrize("name", ["../evil.mid", "/evil.mid"])
def test_a_zip_stays_in_its_folder_too(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(name, b"MThd")
    with pytest.raises(ValueError, match=rf"evil\.zip \(the files of an archive lie inside it\. Received: '{name}'\)"):
        open_source(tmp_path / "evil.zip", tmp_path / "unpacked")
    assert not list(tmp_path.rglob("evil.mid"))


def test_what_is_no_midi_file_is_not_unpacked_and_what_a_kill_left_is_taken_away(songs, tmp_path):
    (tmp_path / "unpacked" / ".incomplete.killed").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "songs.zip", "w") as archive:
        archive.write(songs / "0.mid", "0.mid")
        archive.writestr("evil.so", b"code")
    folder = open_source(tmp_path / "songs.zip", tmp_path / "unpacked")
    assert os.listdir(folder) == ["0.mid"]
    assert os.listdir(tmp_path / "unpacked") == [folder.name]


def test_an_archive_stays_in_its_folder(tmp_path):
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        member = tarfile.TarInfo("../evil.mid")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"MThd"))
    with pytest.raises(ValueError, match="a folder or a whole archive"):
        open_source(tmp_path / "evil.tar", tmp_path / "unpacked")
    assert not (tmp_path / "evil.mid").exists()


def test_a_source_without_midi_files_is_named(tmp_path):
    with pytest.raises(ValueError, match="must hold MIDI files"):
        find_midi_files(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_source(tmp_path / "none", tmp_path)
