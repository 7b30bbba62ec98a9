import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from keras_symdiff import Melody, write_midi
from keras_symdiff.music.song import Song

sys.path.insert(0, str(Path(__file__).parents[2] / "recipes"))

import collect
from prepare_songs import letters, split_of

SHEET = """<?xml version="1.0"?>
<score-partwise version="3.0"><part-list><score-part id="P1"><part-name>Lead</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>1</divisions>
<time><beats>3</beats><beat-type>4</beat-type></time>
</attributes><harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>
<note><pitch><step>E</step><octave>5</octave></pitch><duration>3</duration><voice>1</voice></note></measure>
<measure number="2"><harmony><root><root-step>G</root-step></root><kind>dominant</kind></harmony>
<note><pitch><step>D</step><octave>5</octave></pitch><duration>3</duration><voice>1</voice></note></measure></part>
</score-partwise>
"""


def test_a_lead_sheet_becomes_its_melody_and_its_chords_on_its_own_bars(tmp_path):
    pytest.importorskip("note_seq")
    (tmp_path / "sheet.musicxml").write_text(SHEET)
    song = Song.open(collect.lead_sheet(tmp_path / "sheet.musicxml"))
    melody, chords = song.melodies()
    assert melody.pitches.tolist() == [76, 74]
    assert melody.start_steps.tolist() == [0, 12]
    assert chords.start_steps.tolist() == [0, 12]
    notes = song.tracks[chords.track].notes
    first = notes.start == 0
    assert set(notes.pitch[first] % 12) == {0, 4, 7}
    assert set(notes.pitch[~first] % 12) == {7, 11, 2, 5}


def test_data_sets_are_laid_out_once_and_a_second_run_leaves_what_is_there(tmp_path):
    clone, data = tmp_path / "clone" / "POP909" / "001", tmp_path / "data"
    clone.mkdir(parents=True)
    (clone / "001.mid").write_bytes(b"one")
    (clone / "beat_midi.txt").write_text("0 1 1\n")
    for _ in range(2):
        result = CliRunner().invoke(collect.main, [str(data), "--pop909", str(tmp_path / "clone")])
        assert result.exit_code == 0, result.output
        assert (data / "pop909" / "001.mid").read_bytes() == b"one"
        assert (data / "pop909" / "001.beats.txt").read_text() == "0 1 1\n"
        (clone / "001.mid").write_bytes(b"two")

    song = tmp_path / "lieder" / "Arne,_Thomas" / "_" / "By_Dimpled_Brook" / "lc1.mid"
    song.parent.mkdir(parents=True)
    write_midi(Melody(np.array([60]), [0], [4]), song)
    CliRunner().invoke(collect.main, [str(data), "--lieder", str(tmp_path / "lieder")])
    assert [path.name for path in (data / "lieder_piano").iterdir()] == ["Arne_Thomas_By_Dimpled_Brook.mid"]


def test_held_out_songs_are_known_by_name_and_in_other_editions_by_their_letters():
    held_out = {"lieder/00007_Arne_Thomas_By_Dimpled_Brook": "test", "pop909/015": "test"}
    titles = {letters(song): split for song, split in held_out.items()}
    expected = {
        "lieder/00007_Arne_Thomas_By_Dimpled_Brook": "test",
        "lieder/Arne_Thomas_By_Dimpled_Brook": "test",
        "lieder/Arne_Thomas_Where_the_Bee_Sucks": "train",
        "lieder/00008_Arne_Thomas_By_Dimpled_Brook": "train",  # the lists know all numbered songs by name
        "songs/Arne_Thomas_By_Dimpled_Brook": "train",
        "pop909/015": "test",
        "pop909/016": "train",
    }
    assert {song: split_of(song, held_out, titles) for song in expected} == expected
