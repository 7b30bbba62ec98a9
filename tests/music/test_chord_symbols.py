import re
import zipfile

import numpy as np
import pytest

from keras_symdiff.music.chord_symbols import Chords, parse_chord
from keras_symdiff.music.harmony import chroma


@pytest.mark.parametrize(
    ("spellings", "pitch_classes"),
    [
        ("C Cmaj C:maj Cmajor", (0, 4, 7)),
        ("Am Amin A- Ami A:min Aminor", (9, 0, 4)),
        ("G7 Gdom7", (7, 11, 2, 5)),
        ("Cmaj7 CM7 CMaj7 Cma7 CΔ CΔ7 C^7 Cmajor7", (0, 4, 7, 11)),
        ("Dm7 Dmin7 D-7 Dmi7", (2, 5, 9, 0)),
        ("Cm(maj7) CmM7 C-Δ Cmmaj7", (0, 3, 7, 11)),
        ("F#m7b5 F#ø F#ø7 F#m7-5 F♯m7♭5 Gbm7b5", (6, 9, 0, 4)),
        ("Bdim B° Bo", (11, 2, 5)),
        ("Bdim7 B°7 Bo7", (11, 2, 5, 8)),
        ("Eaug E+", (4, 8, 0)),
        ("C+7 C7#5 Caug7", (0, 4, 8, 10)),
        ("C6/9 C69", (0, 4, 7, 9, 2)),
        ("Gsus4 Gsus", (7, 0, 2)),
        ("A7(#9) A7#9", (9, 1, 4, 7, 0)),
        ("C/E", (4, 0, 7)),
        ("Am/G", (7, 9, 0, 4)),
        ("C/F#", (6, 0, 4, 7)),
        ("Bb5 Bb(no3)", (10, 5)),
        ("B(b5) B(♭5)", (11, 3, 5)),
        ("Am(add9) Amadd9", (9, 0, 4, 11)),
        ("Cm13", (0, 3, 7, 10, 2, 5, 9)),
        ("Cmaj9#11 CMaj9(#11)", (0, 4, 7, 11, 2, 6)),
        ("Bbb A", (9, 1, 4)),
        ("Cb B", (11, 3, 6)),
        ("N.C. NC n.c.", ()),
    ],
)
def test_chords_are_read_as_people_write_them(spellings, pitch_classes):
    assert [parse_chord(symbol) for symbol in spellings.split()] == [pitch_classes] * len(spellings.split())


@pytest.mark.parametrize("symbol", ["H7", "c", "Cfoo", "C/", "C/1", "C/c", "", "7", "C#b", "Cm7/Hb", "%"])
def test_other_symbols_are_refused(symbol):
    with pytest.raises(ValueError, match="A chord is written like"):
        parse_chord(symbol)


def test_a_progression_is_bars_and_their_symbols():
    bars = (("C",), ("Am", "F"), ("G7",), ("G7",))
    for text in ("C | Am F | G7 | %", "| C | Am F |\n\n| G7 | G7 |", "C|Am  F||G7|%\n"):
        assert Chords.parse(text).bars == bars
    assert str(Chords.parse("C|Am F|%")) == "C | Am F | Am F"


@pytest.mark.parametrize("text", ["", " | ", "C | | G", "% | C", "C | X7", "C % | G"])
def test_other_progressions_are_refused(text):
    with pytest.raises(ValueError, match="Received"):
        Chords.parse(text)


def test_symbols_share_their_bar_and_bars_repeat():
    beats = Chords.parse("C | Am F G | N.C.").chroma(num_phrases=2)
    assert beats.shape == (2, 8, 12)
    np.testing.assert_array_equal(np.flatnonzero(beats[0, 0]), [0, 4, 7])
    np.testing.assert_allclose(beats[0, 5, [9, 0, 4, 5]], [1, 1, 1 / 3, 2 / 3])  # from Am to F after a third of it
    assert not beats[1, :4].any()
    np.testing.assert_array_equal(beats[1, 4:], beats[0, :4])


def test_notes_follow_the_bars_of_a_song():
    starts, ends, pitches = Chords.parse("C/E | F Dm").notes(np.array([100, 400, 600, 1000]))
    assert starts.tolist() == [100] * 3 + [400] * 3 + [500] * 3 + [600] * 3
    assert ends.tolist() == [400] * 3 + [500] * 3 + [600] * 3 + [1000] * 3
    assert pitches[:3].tolist() == [40, 60, 55]
    assert np.all((pitches >= 36) & (pitches <= 66))
    # The beats of a bar of 3/4 that is filled up.
    beats = chroma(starts, ends, pitches, [100, 200, 300, 400, 400])
    np.testing.assert_array_equal(beats.sum(axis=1), [3, 3, 3, 0])


@pytest.mark.parametrize("quality", ["", "m", "5", "7", "m7", "maj7", "dim", "m7b5"])
def test_what_sounds_is_named_as_it_was_written(quality):
    roots = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    chords = Chords(tuple((root + quality,) for root in roots))
    assert Chords.heard(chords.chroma(6).reshape(-1, 12)) == chords


def test_names_are_told_per_half_bar_where_roots_differ():
    chords = Chords.parse("Am F | N.C. | C | G7")
    assert Chords.heard(chords.chroma(2).reshape(-1, 12)) == chords
    beats = np.zeros((8, 12))
    beats[0, [0, 7]] = beats[2, 4] = beats[3, 0] = 1  # C5, then E and C: together C
    beats[4, [9, 0, 4]] = 1  # and silence after it
    assert str(Chords.heard(beats)) == "C | Am"
    assert str(Chords.heard(np.full((4, 12), np.nan))) == "N.C."


def test_a_little_of_another_note_does_not_rename_a_chord():
    rng = np.random.default_rng(0)
    beats = Chords.parse("C | F").chroma(1).reshape(-1, 12)
    assert str(Chords.heard(beats + 0.1 * rng.random(beats.shape))) == "C | F"


SCORE = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.0">
<part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>
<part id="P1">
<measure number="1">
<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>
<direction><sound tempo="97"/></direction>
<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>8</duration></note>
</measure>
<measure number="2">
<harmony><root><root-step>A</root-step></root><kind>minor-seventh</kind></harmony>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>6</duration></note>
<harmony><root><root-step>B</root-step><root-alter>-1</root-alter></root><kind>dominant</kind>
<bass><bass-step>D</bass-step></bass></harmony>
<note><pitch><step>D</step><octave>5</octave></pitch><duration>2</duration></note>
</measure>
<measure number="3">
<attributes><time><beats>3</beats><beat-type>4</beat-type></time></attributes>
<direction><sound tempo="61"/></direction>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>2</duration></note>
<harmony><kind>none</kind></harmony>
<note><rest/><duration>4</duration></note>
</measure>
<measure number="4">
<note><pitch><step>C</step><octave>5</octave></pitch><duration>6</duration></note>
</measure>
</part>
</score-partwise>
"""


def test_chord_annotations_of_musicxml_are_read_beat_by_beat(tmp_path):
    pytest.importorskip("note_seq")
    (tmp_path / "score.musicxml").write_text(SCORE)
    chords = Chords.open(tmp_path / "score.musicxml")
    assert str(chords) == "C | Am7 Am7 Am7 Bb7/D | Bb7/D N.C. N.C. | N.C."


def test_musicxml_without_chords_or_none_is_refused(tmp_path):
    pytest.importorskip("note_seq")
    (tmp_path / "bare.xml").write_text(re.sub(r"<harmony>.*?</harmony>", "", SCORE, flags=re.DOTALL))
    with pytest.raises(ValueError, match=r"bare.xml: has no chord annotations"):
        Chords.open(tmp_path / "bare.xml")
    (tmp_path / "broken.xml").write_text(SCORE[:300])
    (tmp_path / "broken.mxl").write_text("PK")
    for name in ("broken.xml", "broken.mxl"):
        with pytest.raises(ValueError, match=f"{name}: not readable as MusicXML"):
            Chords.open(tmp_path / name)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<beats>4</beats>", "<beats>0</beats>"),
        ("<beat-type>4</beat-type>", "<beat-type>0</beat-type>"),
        ("<beat-type>4</beat-type>", "<beat-type>1000000000000</beat-type>"),
        ("<divisions>2</divisions>", "<divisions>0</divisions>"),
        ("<duration>8</duration>", "<duration>many</duration>"),
        ("<octave>5</octave>", ""),
        ("<kind>major</kind>", "<kind>nothing known</kind>"),
    ],
)
def test_musicxml_that_makes_no_sense_is_refused_in_one_line(tmp_path, old, new):
    pytest.importorskip("note_seq")
    assert old in SCORE
    (tmp_path / "odd.xml").write_text(SCORE.replace(old, new, 1))
    with pytest.raises(ValueError, match=r"odd.xml: not readable as MusicXML|is not a chord"):
        Chords.open(tmp_path / "odd.xml")


def test_musicxml_that_unpacks_to_too_much_is_refused(tmp_path):
    pytest.importorskip("note_seq")
    with zipfile.ZipFile(tmp_path / "bomb.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.xml", bytes(40 << 20))
    with pytest.raises(ValueError, match=r"bomb.mxl: MusicXML has at most 32 MiB, unpacked"):
        Chords.open(tmp_path / "bomb.mxl")


def test_chords_are_read_from_a_text_file(tmp_path):
    (tmp_path / "song.txt").write_text("C | Am\n\nF | G7 |\n", encoding="utf-8-sig")
    assert str(Chords.open(tmp_path / "song.txt")) == "C | Am | F | G7"
    (tmp_path / "song.mid").write_bytes(b"MThd\x00\x00\x00\x06\xff\xfe")
    with pytest.raises(ValueError, match="not a text of chords"):
        Chords.open(tmp_path / "song.mid")
    with pytest.raises(FileNotFoundError):
        Chords.open(tmp_path / "none.txt")
