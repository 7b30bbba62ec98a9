import pathlib
import shutil

from click.testing import CliRunner

from keras_symdiff.cli.infill import infill_command
from keras_symdiff.cli.inspect import inspect_command
from keras_symdiff.music.song import Song

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
    assert "metre     3/4 at bar 1" in output
    assert "refused   nothing" in output


def test_a_folder_is_counted_and_its_bad_files_are_named(tmp_path):
    shutil.copy(DATA / "lakh" / "melody_0.mid", tmp_path)
    (tmp_path / "bad.mid").write_bytes(b"")
    output = inspect(tmp_path)
    assert "32  two-bar phrases" in output
    assert f"skipped {tmp_path / 'bad.mid'}: is empty" in output


def test_a_song_says_its_swing_what_has_no_length_and_what_infilling_refuses(tmp_path):
    assert "swing     triplets, three notes per beat" in inspect(DATA / "pop909" / "801.mid")
    assert "swing     none" in inspect(DATA / "lakh" / "melody_0.mid")
    assert "1 of no length" in inspect(DATA / "cases" / "zero_len2.mid")
    song = Song.open(DATA / "cases" / "m44_24_44.mid")
    odd = song.data.replace(bytes.fromhex("ff58040202"), bytes.fromhex("ff58040705"))
    (tmp_path / "odd.mid").write_bytes(odd)
    assert "refused   bar 5 is in 7/32, which is no whole number of sixteenth notes" in inspect(tmp_path / "odd.mid")
    notes = bytes.fromhex("4d546864 00000006 0000 0001 0002 4d54726b 0000000c 00903c40 02803c00 00ff2f00")
    (tmp_path / "coarse.mid").write_bytes(notes)
    assert "refused   has 2 ticks per quarter, too few for sixteenth notes" in inspect(tmp_path / "coarse.mid")


def test_standard_input_is_read():
    data = (DATA / "cases" / "m24.mid").read_bytes()
    result = CliRunner().invoke(inspect_command, ["-"], input=data)
    assert "metre     2/4 at bar 1" in result.output
    arguments = ["-", "--bars", "9-12", "--dry-run", "-o", "nowhere"]
    result = CliRunner().invoke(infill_command, arguments, input=data)
    assert "Composing bars 9-12" in result.output


def test_infill_says_that_other_tracks_stop_where_the_melody_is_continued():
    song, words = str(DATA / "pop909" / "002.mid"), "Only the melody goes on: the other tracks stop where they do"
    arguments = [song, "--dry-run", "-o", "nowhere"]
    assert words in CliRunner().invoke(infill_command, [*arguments, "--continue", "4"]).output
    assert words not in CliRunner().invoke(infill_command, [*arguments, "--bars", "9-12"]).output
