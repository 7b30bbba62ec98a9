import dataclasses
import pathlib
import struct
import subprocess
import sys
import tempfile

import note_seq
import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from test_melody import melodies

from keras_symdiff import Melody, read_melodies, write_midi
from keras_symdiff.music.chord_symbols import Chords
from keras_symdiff.music.key import Key
from keras_symdiff.music.midi import choose_melody
from keras_symdiff.music.song import MidiError, Song

DATA = pathlib.Path(__file__).parents[1] / "data"
FILES = [path for path in sorted(DATA.glob("*/*.mid")) if path.parent.name != "cases"]
OTHER_METRES = ("010", "107", "203")  # 1/4 within 2/4, 3/4, 6/8: note_seq cuts them every 32 steps


# --- the reference: note-seq's own parser and melody extraction ---


def reference_tokens(path):
    """Tokens by pretty_midi and `note_seq.Melody`, on the file's tick grid, one array for each usable instrument."""
    parsed = pretty_midi.PrettyMIDI(str(path))
    sequence = note_seq.midi_io.midi_to_note_sequence(parsed)
    for note in sequence.notes:
        # Seconds back to ticks, so that no tempo change bends the grid.
        for seconds, step in (("start_time", "quantized_start_step"), ("end_time", "quantized_end_step")):
            ticks = parsed.time_to_tick(getattr(note, seconds))
            setattr(note, step, note_seq.sequences_lib.quantize_to_step(ticks, 4 / parsed.resolution))
        if note.quantized_end_step == note.quantized_start_step:
            note.quantized_end_step += 1
    sequence.quantization_info.steps_per_quarter = 4
    del sequence.time_signatures[:]  # the reference drops them: 4/4 throughout
    sequence.time_signatures.add(numerator=4, denominator=4)
    usable = [note for note in sequence.notes if not note.is_drum and 21 <= note.pitch <= 108]
    result = []
    for instrument in sorted({note.instrument for note in usable}):
        part = note_seq.NoteSequence()
        part.CopyFrom(sequence)
        del part.notes[:]
        part.notes.extend(note for note in usable if note.instrument == instrument)
        melody = note_seq.Melody()
        melody.from_quantized_sequence(part, instrument=instrument, gap_bars=float("inf"), ignore_polyphonic_notes=True)
        melody.set_length(-(-len(melody) // 32) * 32)
        events = np.array(list(melody))  # -2 no event, -1 note-off, else pitch
        tokens = np.where(events < 0, events + 2, events - 19).reshape(-1, 32)
        for phrase in tokens:
            onsets = np.flatnonzero(phrase >= 2)
            phrase[: onsets[0] if len(onsets) else 32] = 0
        result.append(tokens)
    return result


@pytest.mark.parametrize("path", [path for path in FILES if path.stem not in OTHER_METRES], ids=lambda path: path.stem)
def test_tokens_equal_those_of_note_seq(path):
    for melody, expected in zip(read_melodies(path), reference_tokens(path), strict=True):
        np.testing.assert_array_equal(melody.phrases()[0], expected)


# --- round trips ---


def assert_same(first, second):
    for field in ("pitches", "start_steps", "end_steps", "velocities"):
        assert getattr(first, field).tolist() == getattr(second, field).tolist()
    for field in ("num_steps", "first_bar", "name", "program", "time_signatures"):
        assert getattr(first, field) == getattr(second, field)
    # MIDI counts whole microseconds a quarter: exact once read from a file
    np.testing.assert_allclose(first.tempos, second.tempos, rtol=1e-5)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_real_files_survive_tokens_and_midi(path, tmp_path):
    originals = read_melodies(path)
    write_midi(originals, tmp_path / "notes.mid")
    for melody, again in zip(originals, read_melodies(tmp_path / "notes.mid"), strict=True):
        assert_same(melody, again)
        assert melody.tempos == again.tempos
    tokens = [melody.phrases()[0] for melody in originals]
    write_midi([Melody.from_phrases(t) for t in tokens], tmp_path / "tokens.mid")
    for expected, again in zip(tokens, read_melodies(tmp_path / "tokens.mid"), strict=True):
        np.testing.assert_array_equal(again.phrases()[0], expected)


@settings(max_examples=60, deadline=None)
@given(melodies())
def test_any_melody_survives_midi(melody):
    with tempfile.TemporaryDirectory() as folder:
        write_midi(melody, f"{folder}/a.mid")
        [again] = read_melodies(f"{folder}/a.mid")
    assert_same(melody, again)


def test_64_bars_stay_64_bars_with_rests_on_both_sides(tmp_path):
    tokens = np.zeros((32, 32), np.int8)
    tokens[3, 20] = 50
    write_midi(Melody.from_phrases(tokens), tmp_path / "a.mid")
    [again] = read_melodies(tmp_path / "a.mid")
    np.testing.assert_array_equal(again.phrases()[0], tokens)
    # other readers see the length too
    assert pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).get_end_time() == pytest.approx(64 * 2.0)


def test_more_melodies_than_channels(tmp_path):
    written = [Melody([60 + i], [0], [4], name=str(i), program=i) for i in range(20)]
    write_midi(written, tmp_path / "a.mid")
    assert [(m.name, m.program, m.pitches[0]) for m in read_melodies(tmp_path / "a.mid")] == [
        (str(i), i, 60 + i) for i in range(20)
    ]


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", range(12))
def test_a_key_is_written_as_the_key_signature(tmp_path, tonic, mode):
    write_midi(Melody([60], [0], [4]), tmp_path / "a.mid", key=Key(tonic, mode))
    (signature,) = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).key_signature_changes
    assert (signature.time, signature.key_number) == (0, tonic + 12 * (mode == "minor"))  # as it counts keys
    write_midi(Melody([60], [0], [4]), tmp_path / "a.mid")
    assert not pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).key_signature_changes


def test_chords_and_a_key_are_written_as_they_are_asked_for(tmp_path):
    melody = Melody.from_notes([60], [0], [64], [80])
    write_midi(melody, tmp_path / "a.mid", "C | Am | F | G7", "A minor")
    write_midi(melody, tmp_path / "b.mid", Chords.parse("C | Am | F | G7"), Key.parse("A minor"))
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()
    assert [track.name for track in Song.open(tmp_path / "a.mid").tracks] == ["", "CHORDS"]


def test_writing_is_all_or_nothing(tmp_path):
    path = tmp_path / "a.mid"
    write_midi(Melody([60], [0], [4]), path)
    before = path.read_bytes()
    for wrong in ([], None, 5, "melody", [None]):
        with pytest.raises(ValueError, match="`melodies` must be at least one melody, a `Melody` or a list"):
            write_midi(wrong, path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_midi(Melody([60], [0], [4]), tmp_path / "folder")
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mid", "folder"]


# --- hard input, built from bytes ---


def number(value):
    """A variable-length quantity."""
    result = [value & 127]
    while value := value >> 7:
        result.append(value & 127 | 128)
    return bytes(reversed(result))


def chunk(events):
    events += b"\0\xff\x2f\0"
    return b"MTrk" + struct.pack(">I", len(events)) + events


def midi(*tracks, kind=1, division=480):
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division) + b"".join(map(chunk, tracks))


def note(pitch=60, length=480, delay=0, channel=0):
    return number(delay) + bytes([0x90 | channel, pitch, 64]) + number(length) + bytes([0x80 | channel, pitch, 0])


def meter(numerator, power):
    return bytes([0, 0xFF, 0x58, 4, numerator, power, 24, 8])


FAR = number((1 << 28) - 1) + b"\xff\x01\0"  # an empty text event after the longest possible wait
MANY = 1_000_000

# What each hard input gives: the reason of the error, or [pitch, start, end] of all notes of all melodies.
HARD = {
    "empty file": (b"", "is empty"),
    "not a MIDI file": (b"%PDF-1.7 hello, this is no music", "is not a MIDI file"),
    "truncated header": (midi(note())[:9], "ends within its header"),
    "header alone": (midi(), "has no notes"),
    "truncated track": (midi(note())[:-6], "is damaged"),
    "chunk longer than the file": (midi()[:10] + b"\0\1\1\xe0MTrk\xff\xff\xff\xff" + note(), "is damaged"),
    "note without status byte": (midi(b"\0\x3c\x40" + note()), "is damaged"),
    "data byte above 127": (midi(b"\0\x90\xfc\x40" + note()), "is damaged"),
    "no notes": (midi(b""), "has no notes"),
    "note never ended": (midi(b"\0\x90\x3c\x40"), [[60, 0, 1]]),
    "one note": (midi(note()), [[60, 0, 4]]),
    "drums only": (midi(note(channel=9)), "has drums only"),
    "drums and a note": (midi(note(channel=9) + note(61)), [[61, 4, 8]]),
    "3/4": (midi(meter(3, 2) + note()), [[60, 0, 4]]),
    "6/8": (midi(meter(6, 3) + note()), [[60, 0, 4]]),
    "meter 0/4": (midi(meter(0, 2) + note()), [[60, 0, 4]]),
    "meter 4/2^255": (midi(meter(4, 255) + note()), [[60, 0, 4]]),
    "tempo of 0 microseconds": (midi(b"\0\xff\x51\x03\0\0\0" + note()), [[60, 0, 4]]),
    "a tick at 2^28": (midi(FAR + note(), division=24), "is longer than 4096 bars"),
    "a tick at 2^31": (midi(FAR * 8 + note(), division=24), r"has ticks beyond 2\^31"),
    "a note until 2^31": (midi(b"\0\x90\x3c\x40" + FAR * 8 + b"\0\x80\x3c\0"), "is longer than 4096 bars"),
    "pitches outside 21..108": (midi(note(20) + note(109)), "has no note between pitches 21 and 108"),
    "some pitches outside": (midi(note(20) + note(21) + note(108) + note(109)), [[21, 4, 8], [108, 8, 12]]),
    "note of no length": (midi(note(60, 0) + note(62, 480)), [[62, 0, 4]]),
    "note of no length alone": (midi(note(60, 0)), [[60, 0, 1]]),
    "overlapping notes": (midi(b"\0\x90\x3c\x40\x78\x40\x40\x78\x3c\0\x78\x40\0"), [[60, 0, 1], [64, 1, 3]]),
    "overlapping notes of one pitch": (
        midi(b"\0\x90\x3c\x40\x78\x3c\x40\x78\x3c\0\x78\x3c\0"),
        [[60, 0, 1], [60, 1, 2]],
    ),
    "half a step rounds up": (midi(note(60, 480, delay=60)), [[60, 1, 5]]),
    "odd ticks a quarter": (midi(note(60, 7), division=7), [[60, 0, 4]]),
    "format 0": (midi(note() + note(62, channel=3), kind=0), [[60, 0, 4], [62, 4, 8]]),
    "format 1": (midi(note(), note(62)), [[60, 0, 4], [62, 0, 4]]),
    "format 2": (midi(note(), note(62), kind=2), [[60, 0, 4], [62, 0, 4]]),
    "format 3": (midi(note(), kind=3), "is damaged"),
    "SMPTE timing": (midi(note(), division=0xE728), "SMPTE"),
    "0 ticks a quarter": (midi(note(), division=0), "has 0 ticks"),
    "name that is not UTF-8": (midi(b"\0\xff\x03\x03\xff\xfe\x80" + note()), [[60, 0, 4]]),
    "trailing bytes": (midi(note()) + b"\0" * 7, [[60, 0, 4]]),
    "600 instruments": (midi(*[note()] * 600), "has 600 instruments, more than 512"),
    "17 MiB": (b"MThd" + bytes(17 << 20), "is larger than 16 MiB"),
}


@pytest.mark.parametrize("name", HARD)
def test_hard_input(name, tmp_path):
    content, expected = HARD[name]
    path = tmp_path / "hard.mid"
    path.write_bytes(content)
    if isinstance(expected, str):
        with pytest.raises(MidiError, match=expected) as caught:
            read_melodies(path)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)
    else:
        found = read_melodies(path)
        notes = [np.stack([m.pitches, m.start_steps, m.end_steps], axis=1) for m in found]
        assert np.concatenate(notes).tolist() == expected
        write_midi(found, tmp_path / "again.mid")  # whatever is read can be written
        for melody, again in zip(found, read_melodies(tmp_path / "again.mid"), strict=True):
            assert melody.phrases()[0].tolist() == again.phrases()[0].tolist()


def test_signatures_that_mean_nothing_are_passed_over():
    for name, bar_steps in (("3/4", 12), ("6/8", 12), ("meter 0/4", 16), ("meter 4/2^255", 16)):
        assert Song.open(HARD[name][0]).grid.bar_lines(40).tolist() == list(range(0, 40 + bar_steps, bar_steps)), name


HEAVY = {
    "10^6 notes of one pitch": lambda: midi(b"\0\x90\x3c\x40\1\x3c\0" + b"\0\x3c\x40\1\x3c\0" * MANY),
    "10^6 notes at once": lambda: midi(b"\0\x90\x3c\x40" + b"\0\x3c\x40" * MANY + b"\1\x3c\0" + b"\0\x3c\0" * MANY),
    "350,000 notes never ended": lambda: midi(b"\0\x90\x3c\x40" + b"\0\x3c\x40" * 350_000),
    "140,000 tempos": lambda: midi(b"\1\xff\x51\x03\7\7\7" * 140_000 + note()),
    "120,000 meters": lambda: midi(b"\1" + meter(4, 2)[1:] + (b"\1" + meter(3, 2)[1:]) * 120_000 + note()),
    "512 instruments of 4096 bars": lambda: midi(*[note() + note(delay=7_800_000)] * 512),
    "60,000 tracks": lambda: midi(*[b""] * 60_000),
    "30,000 tracks with a note": lambda: midi(*[note()] * 30_000),
    "random bytes": lambda: midi(np.random.default_rng(0).bytes(1 << 20)),
}


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module is for Unix")
@pytest.mark.parametrize("name", HEAVY)
def test_hostile_files_are_cheap(name, tmp_path):
    path = tmp_path / "hostile.mid"
    path.write_bytes(HEAVY[name]())
    code = f"""
import resource, time
from keras_symdiff.music.corpus import read_corpus
import symusic
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, start = peak(), time.process_time()
try:
    print(len(read_corpus({str(path)!r}).tokens))
except ValueError as error:
    print(error)
print(time.process_time() - start, (peak() - before) / 1024)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    seconds, mebibytes = map(float, run.stdout.splitlines()[-1].split())
    assert seconds < 5
    assert mebibytes < 500


# --- which melody ---


def test_a_melody_is_chosen_by_name_then_by_how_much_of_a_line_it_is():
    steps = np.arange(0, 64, 4)
    chords = Melody.from_notes(
        np.repeat([60, 64], 16), np.tile(steps, 2), np.tile(steps + 4, 2), np.full(32, 80), name="Piano"
    )
    line = Melody([70] * 16, steps, steps + 4, name="Flute")
    bass = Melody([40] * 16, steps, steps + 4, name="Bass")
    sparse = Melody([80], [0], [4], name="Bell")
    named = Melody([60], [0], [4], name="Lead vocal")
    assert choose_melody([chords, bass, line, sparse])[0] is line
    chosen, reason = choose_melody([chords, bass, line, named])
    assert chosen is named
    assert reason == "it is named 'Lead vocal'"
    assert choose_melody([bass])[1] == "it is the only melody"
    with pytest.raises(ValueError, match="at least one melody"):
        choose_melody([])
    assert choose_melody([named, bass], name="BASS")[0] is bass
    with pytest.raises(ValueError, match=r"no melody in a track named 'x'; tracks with one: 1 .*Lead vocal"):
        choose_melody([named], name="x")
    with pytest.raises(ValueError, match="no melody in track 9"):
        choose_melody([named], track=9)
    assert choose_melody([named], track=1) == (named, "track 1 was asked for")


def test_of_several_names_the_better_line_is_the_melody():
    steps = np.arange(0, 64, 4)
    lead = Melody([70] * 16, steps, steps + 4, name="Lead Vocal", track=1)
    backing = Melody([60], [0], [4], name="Backing Vocals")
    trumpet = Melody([70] * 16, steps, steps + 4, name="Trumpet", track=1)
    pad = Melody.from_notes(np.tile([60, 64, 67], 4), np.repeat(steps[:4], 3), np.repeat(steps[:4] + 4, 3),
                            np.full(12, 80), name="Synth Voice Pad")  # fmt: skip
    chosen, reason = choose_melody([backing, lead])
    assert chosen is lead
    assert reason.startswith("of those with such a name, 'Lead Vocal' has notes in 4 of 4 bars")
    assert choose_melody([pad, trumpet])[0] is trumpet
    same = [Melody([40] * 16, steps, steps + 4, name="Lead me home"), dataclasses.replace(lead, name="Lead me home")]
    assert choose_melody(same)[0] is same[1]


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_melodies(tmp_path / "none.mid")
