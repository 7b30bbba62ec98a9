import io
import tarfile
import zipfile

import pytest

from tfds_lmd_latents import midi_files
from tfds_lmd_latents.midi_files import cut_into_blocks, find_midi_files, hash_of_files, open_source


def test_files_are_listed_once_by_name(songs):
    files, dropped = find_midi_files(songs)
    assert [file.name for file in files] == ["0.mid", "1.mid", "2.mid", "3.mid", "bad.mid", "below/4.mid"]
    assert dropped == [("9.mid", "is a copy of another file (0.mid)")]
    assert [file.split for file in files][:4] == ["train"] * 4
    assert files[-1].split == "validation"
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
    assert all(file.split == block.split for block in blocks for file in block.files)


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
