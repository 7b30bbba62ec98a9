import os

import pytest

from keras_symdiff.files.check_writable import check_writable


def test_a_folder_that_can_be_made_is_left_as_it_was(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()
    check_writable(tmp_path / "there")
    check_writable(tmp_path / "there" / "new" / "newer")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "there"]


def test_one_that_cannot_be_made_is_an_os_error_and_leaves_nothing(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file"):
        check_writable(tmp_path / "file")
    with pytest.raises(NotADirectoryError, match="file"):
        check_writable(tmp_path / "file" / "below")
    with pytest.raises(OSError, match="too long"):
        check_writable(tmp_path / "new" / ("a" * 300))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_one_that_is_read_only(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        check_writable(tmp_path)
    tmp_path.chmod(0o700)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder in which nobody may make files")
def test_the_error_names_the_folder():
    with pytest.raises(OSError, match=r": '/proc'$"):
        check_writable("/proc")
