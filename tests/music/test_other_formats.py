import struct
import sys
import zipfile

import note_seq
import pytest

from keras_symdiff import Melody, Song, write_midi
from keras_symdiff.music.corpus import read_corpus
from keras_symdiff.music.song import MidiError

MUSICXML = """<?xml version="1.0"?>
<score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>2</divisions><time><beats>3</beats><beat-type>4</beat-type>
</time></attributes>{notes}</measure></part></score-partwise>
""".format(
    notes="".join(
        f"<note><pitch><step>{step}</step><octave>4</octave></pitch><duration>2</duration><voice>1</voice></note>"
        for step in "CEG"
    )
)
CONTAINER = (
    '<container><rootfiles><rootfile full-path="song.xml" media-type="application/vnd.recordare.musicxml+xml"/>'
    "</rootfiles></container>"
)
ABC = """X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|

X:2\nT:Two\nM:3/4\nL:1/4\nK:G\nGAB|

X:3\nT:Voices\nM:4/4\nL:1/4\nV:1\nK:C\nC4|
"""


def _notes(song):
    (melody,) = song.melodies()
    return melody.pitches.tolist(), melody.start_steps.tolist(), melody.time_signatures[0][1:]


@pytest.mark.parametrize("suffix", [".xml", ".musicxml", ".mxl"])
def test_reads_musicxml(tmp_path, suffix):
    path = tmp_path / f"song{suffix}"
    if suffix == ".mxl":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("META-INF/container.xml", CONTAINER)
            archive.writestr("song.xml", MUSICXML)
    else:
        path.write_text(MUSICXML, encoding="utf-8")
    assert _notes(Song.open(path)) == ([60, 64, 67], [0, 4, 8], (3, 4))


def test_reads_the_tunes_of_an_abc_file_and_leaves_out_what_note_seq_cannot(tmp_path):
    (tmp_path / "tunes.abc").write_text(ABC, encoding="utf-8")
    path = tmp_path / "tunes.abc"
    one, two = Song.open_all(path)
    assert (one.name, two.name) == (f"{path}#1 One", f"{path}#2 Two")
    assert _notes(one) == ([60, 62, 64, 65], [0, 4, 8, 12], (4, 4))
    assert _notes(two) == ([67, 69, 71], [0, 4, 8], (3, 4))


def test_reads_note_sequences_alone_and_in_records(tmp_path):
    sequence = Melody([60, 62], [0, 4], [4, 16]).to_note_sequence()
    data = sequence.SerializeToString()
    (tmp_path / "one.pb").write_bytes(data)
    record = struct.pack("<QI", len(data), 0) + data + bytes(4)
    (tmp_path / "two.tfrecord").write_bytes(record * 2)
    song = Song.open(tmp_path / "one.pb")
    assert [again.data for again in Song.open_all(tmp_path / "two.tfrecord")] == [song.data] * 2
    assert _notes(song)[:2] == ([60, 62], [0, 4])
    assert note_seq.midi_to_note_sequence(song.data).notes[1].end_time == sequence.notes[1].end_time


def test_one_tune_is_wanted_where_there_are_two_and_a_corpus_takes_both(tmp_path):
    path = tmp_path / "tunes.abc"
    path.write_text(ABC, encoding="utf-8")
    with pytest.raises(MidiError, match="holds 2 tunes"):
        Song.open(path)
    corpus = read_corpus(tmp_path)
    assert (corpus.num_files, len(corpus.names), len(corpus.tokens)) == (1, 2, 2)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xml", b"<html>"),
        ("a.mxl", b"PK"),
        ("a.abc", b"no tune"),
        ("a.pb", b"\xff\xff"),
        ("a.tfrecord", b"\xff" * 40),
        ("a.tfrecord", b"\x01"),
    ],
)
def test_a_damaged_file_is_told_in_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MidiError, match=r"a\.\w+: is damaged") as caught:
        Song.open(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_an_archive_that_unpacks_to_gigabytes_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("song.xml", bytes(1 << 25))
    with pytest.raises(MidiError, match="unpacks to more than 16 MiB"):
        Song.open(tmp_path / "bomb.mxl")


def test_without_note_seq_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "note_seq", None)
    (tmp_path / "a.abc").write_text(ABC, encoding="utf-8")
    with pytest.raises(ImportError, match=r"pip install 'keras_symdiff\[note-seq\]'"):
        Song.open(tmp_path / "a.abc")
    write_midi(Melody([60], [0], [32]), tmp_path / "b.mid")
    ((skipped, reason),) = read_corpus(tmp_path).skipped
    assert skipped.endswith("a.abc")
    assert "pip install" in reason
