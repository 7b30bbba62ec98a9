import pathlib
import shutil

from click.testing import CliRunner

from keras_symdiff.cli.inspect import inspect_command

DATA = pathlib.Path(__file__).parents[1] / "data"


def inspect(path):
    result = CliRunner().invoke(inspect_command, [str(path)])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_song_is_described():
    output = inspect(DATA / "pop909" / "010.mid")
    assert "2/4 at bar 1, 1/4 at bar 84, 2/4 at bar 87" in output
    assert "tempo     72.0 at bar 1, 69.0 at bar 8, " in output
    assert "and 15 more (quarters per minute)" in output
    assert "used      MELODY (track 1), because it is named 'MELODY'" in output
    assert "565 notes below a higher one" in output
    assert "refused   nothing" in output


def test_drums_are_dropped_and_other_metres_are_read():
    assert "1 drum track" in inspect(DATA / "lakh" / "trio_0.mid")
    output = inspect(DATA / "pop909" / "107.mid")
    assert "meter     3/4 at bar 1" in output
    assert "refused   nothing" in output


def test_a_folder_is_counted_and_its_bad_files_are_named(tmp_path):
    shutil.copy(DATA / "lakh" / "melody_0.mid", tmp_path)
    (tmp_path / "bad.mid").write_bytes(b"")
    output = inspect(tmp_path)
    assert "32  two-bar phrases" in output
    assert f"skipped {tmp_path / 'bad.mid'}: is empty" in output
