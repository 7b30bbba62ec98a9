import hashlib
import io
import os
import pathlib

import mido
import numpy as np
import pytest

from keras_symdiff.music.midi import choose_melody, read_melodies
from keras_symdiff.music.song import MidiError, Song, decode_name
from keras_symdiff.music.splice import splice_melody

DATA = pathlib.Path(__file__).parents[1] / "data"
CASES = DATA / "cases"


def midi(*bodies, kind=1, header=b"", count=None):
    """A file of track bodies in hexadecimal digits, 480 ticks a quarter."""
    count = len(bodies) if count is None else count
    chunks = [b"MTrk" + len(body).to_bytes(4) + body for body in map(bytes.fromhex, bodies)]
    sizes = (6 + len(header)).to_bytes(4) + kind.to_bytes(2) + count.to_bytes(2) + (480).to_bytes(2)
    return b"MThd" + sizes + header + b"".join(chunks)


NOTE = "00 903c40 8360 803c00"  # a quarter long
END = "00 ff2f00"


def notes(source):
    return [
        list(zip(*(column.tolist() for column in track.notes[:3]), strict=True)) for track in Song.open(source).tracks
    ]


def outside(path_or_data, first_tick, end_tick):
    """All events of a file outside some ticks, by mido, but no ends of notes that start inside."""
    file = mido.MidiFile(file=io.BytesIO(path_or_data))
    events = []
    for track in file.tracks:
        now, sounding = 0, {}
        for message in track:
            now += message.time
            begun = now
            if message.type == "note_on" and message.velocity:
                sounding.setdefault(message.note, []).append(now)
            elif message.type in ("note_on", "note_off"):
                begun = max([start for start in sounding[message.note] if start < now] or [now])
                sounding[message.note] = [start for start in sounding[message.note] if start >= now]
            is_inside = first_tick <= begun < end_tick or first_tick <= now < end_tick
            if not is_inside and message.type != "end_of_track":
                events.append((now, message.copy(time=0)))
    return events


def composed_anew(source, bars):
    """A file with other notes in some bars (first, last), and the ticks of these bars."""
    song = Song.open(source)
    melody, _ = choose_melody(read_melodies(song))
    first, end = (song.grid.bar_step(bar) for bar in (bars[0] - 1, bars[1]))
    stream = np.where(np.arange(end - first) % 3 == 0, 50 + np.arange(end - first) % 7, 0)
    data = splice_melody(song, melody.replace_steps(first, stream), [(first, end)])
    return data, song.grid.ticks(first), song.grid.ticks(end), stream


# --- each case: what it reads as, and what stays when bars are composed ---


@pytest.mark.parametrize(
    ("name", "bars", "quarters"),
    [
        ("stray_on", (5, 8), (16, 32)),
        ("zero_len2", (5, 8), (16, 32)),
        ("prog_mid", (5, 8), (16, 32)),
        ("f7", (5, 8), (16, 32)),
        ("m24", (9, 12), (16, 24)),
        ("m44_24_44", (9, 12), (30, 46)),
        ("title0", (5, 8), (16, 32)),
    ],
)
def test_bars_of_the_cases_are_composed_and_nothing_else(name, bars, quarters):
    source = (CASES / f"{name}.mid").read_bytes()
    data, first, end, stream = composed_anew(source, bars)
    assert (first, end) == (480 * quarters[0], 480 * quarters[1])
    assert outside(data, first, end) == outside(source, first, end)
    melody, _ = choose_melody(read_melodies(data))
    inside = (melody.start_steps >= 4 * quarters[0]) & (melody.start_steps < 4 * quarters[1])
    np.testing.assert_array_equal(melody.start_steps[inside] - 4 * quarters[0], np.flatnonzero(stream))
    np.testing.assert_array_equal(melody.pitches[inside] - 19, stream[stream > 0])


def test_every_note_on_is_a_note():
    for track in mido.MidiFile(CASES / "stray_on.mid").tracks:
        onsets = sum(message.type == "note_on" and message.velocity > 0 for message in track)
    assert len(notes(CASES / "stray_on.mid")[0]) == onsets == 177
    twice = "00 903c40 60 903c40 60 803c00 60 903c40 60 803c00"  # on, on, off; on, off
    assert notes(midi(twice * 50 + END))[0] == [
        (at + start, at + end, 60) for at in range(0, 384 * 50, 384) for start, end in ((0, 192), (96, 192), (288, 384))
    ]
    assert notes(midi("00 903c40 60" + END[2:])) == [[(0, 96, 60)]]  # never ended: until the end


def test_overlapping_notes_of_one_pitch_end_with_the_first_note_off():
    song = Song.open(midi("00 903c40 60 903c40 60 803c00 60 803c00" + END))
    assert notes(song) == [[(0, 192, 60), (96, 192, 60)]]
    assert song.tracks[0].notes.off.tolist() == [2, 2]


def test_notes_at_one_tick():
    # A note-on before the note-off of the note before it, as some programs sort them.
    assert notes(midi("00 903c40 60 903c40 00 803c00 60 803c00" + END)) == [[(0, 96, 60), (96, 192, 60)]]
    assert notes(midi("00 903c40 00 803c00 60 903e40 60 803e00" + END)) == [[(0, 0, 60), (96, 192, 62)]]


def test_sysex_in_packets_takes_its_time():
    assert read_melodies(CASES / "f7.mid")[0].start_steps[:6].tolist() == [0, 2, 4, 6, 8, 12]


def test_a_track_is_all_its_notes_and_knows_its_programs_pedal_and_drums():
    body = "00 c005 00 903c40 60 c007 60 b0407f 60 803c00 60 b04000 00 903e40 60 803e00 00 992440 60 892400" + END
    song = Song.open(midi("00 ff0304 4c656164 " + body))
    lead, drums = song.tracks
    assert (lead.name, lead.programs, lead.program, lead.is_drum, drums.is_drum) == ("Lead", (5, 7), 5, False, True)
    assert (lead.pedal.ticks.tolist(), lead.pedal.values.tolist()) == ([192, 384], [127, 0])
    assert [track.index for track in song.tracks] == [0, 1]
    assert (lead.notes.velocity.tolist(), song.end_tick, song.num_steps) == ([64, 64], 576, 5)


def test_phrases_begin_on_bar_lines_after_the_odd_bar():
    (melody,) = read_melodies(CASES / "m44_24_44.mid")
    assert melody.phrase_bars.tolist() == list(range(0, 34, 2))
    assert (melody.phrase_steps[2, :16] >= 0).sum() == 8


# --- names ---


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"Melodie f\xfcr Fl\xf6te", "Melodie f\xfcr Fl\xf6te"),
        (b"caf\xe9", "caf\xe9"),
        (b"\xc9tude en r\xe9", "\xc9tude en r\xe9"),
        (b"G\xe4rtner", "G\xe4rtner"),
        (b"Don\x92t", "Don\u2019t"),
        ("Melod\u00eda \U0001f3b5".encode(), "Melod\u00eda \U0001f3b5"),
        ("\u4e3b\u65cb\u5f8b".encode(), "\u4e3b\u65cb\u5f8b"),
        ("\u30e1\u30ed\u30c7\u30a3".encode("shift_jis"), "\u30e1\u30ed\u30c7\u30a3"),
        ("\u6b4c".encode("shift_jis"), "\u6b4c"),
        ("\u4e3b\u65cb\u5f8b 1".encode("shift_jis"), "\u4e3b\u65cb\u5f8b 1"),
        (b"\xd2\xdb\xc3\xde\xa8", "\uff92\uff9b\uff83\uff9e\uff68"),
        (b"Lead\x00\x1b[31m", "Lead[31m"),
        ("\u00e9".encode() * 100, "\u00e9" * 64),
        (b"", ""),
    ],
)
def test_names_are_readable(name, text):
    assert decode_name(name) == text


def test_a_name_is_asked_for_as_it_is_typed():
    tracks = [midi(f"00 ff03{len(name):02x} {name.hex()} {NOTE}{END}")[14:] for name in (b"Fl\xf6te", b"B\xc4SS")]
    melodies = read_melodies(b"MThd" + bytes.fromhex("00000006 0001 0002 01e0") + b"".join(tracks))
    assert [melody.name for melody in melodies] == ["Fl\xf6te", "B\xc4SS"]
    assert choose_melody(melodies, name="fl\xf6te")[0] is melodies[0]
    assert choose_melody(melodies, name="Ba\u0308ss")[0] is melodies[1]  # the accent as a character of its own


def test_the_better_line_of_several_names_and_not_a_name_that_all_share(tmp_path):
    chosen, reason = choose_melody(read_melodies(CASES / "title0.mid"))
    assert chosen.track == 1
    assert reason.startswith("it has notes in 32 of 32 bars")


# --- containers ---


def riff(data, odd=b""):
    info = b"LIST" + (4).to_bytes(4, "little") + b"INFO"
    body = b"RMID" + b"data" + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2) + info + odd
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def test_rmi_files_are_read_and_written():
    for name in ("stray_on", "m24", "f7"):
        source = (CASES / f"{name}.mid").read_bytes()
        assert notes(riff(source)) == notes(source)
        plain, *_ = composed_anew(source, (5, 8))
        data, *_ = composed_anew(riff(source), (5, 8))
        assert data == riff(plain)


def test_sources_are_paths_of_any_bytes_bytes_and_songs(tmp_path):
    data = (CASES / "m24.mid").read_bytes()
    path = pathlib.Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9$x$.mid"))
    path.write_bytes(data)
    songs = [Song.open(path), Song.open(str(path)), Song.open(data), Song.open(CASES / "m24.mid")]
    assert {song.sha256 for song in songs} == {hashlib.sha256(data).hexdigest()}
    assert Song.open(songs[0]) is songs[0]
    assert songs[0].data == data
    long = tmp_path / ("x" * 251 + ".mid")
    long.write_bytes(data)
    assert Song.open(long).sha256 == songs[0].sha256


def test_headers_that_lie():
    two = [NOTE + END, NOTE.replace("3c", "3e") + END]
    assert notes(midi(*two, count=1)) == notes(midi(*two, count=9)) == notes(midi(*two)) != []
    assert notes(midi(*two, header=b"\0\0\0\0")) == notes(midi(*two))
    assert notes(midi(NOTE)) == [[(0, 480, 60)]]  # no end of the track


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"MThd\0\0\0\6\0\1", "ends within its header"),
        (midi("00 903cc0 60 803c00" + END), "is damaged .an event has a data byte above 127"),
        (midi("00 b040ff" + END), "is damaged .an event has a data byte above 127"),
        (midi("00 903c40 8080808000 803c00" + END), "is damaged .a length or time has more than four bytes"),
        (midi(NOTE + END)[:-2], "is damaged .a track ends before its length is over"),
        (riff(b"no music"), "is not a MIDI file"),
    ],
)
def test_damaged_files_are_refused_by_everybody(data, reason):
    with pytest.raises(MidiError, match=f"the MIDI file: {reason}"):
        Song.open(data)


def test_seconds_follow_the_tempo_map():
    song = Song.open(midi("00 ff5103 0f4240 8360 ff5103 07a120 8360 903c40 8360 803c00" + END))
    np.testing.assert_allclose(song.seconds(np.array([0, 240, 480, 960, 1440])), [0, 0.5, 1, 1.5, 2])


def test_an_empty_last_track_is_a_place_for_a_new_line():
    song = Song.open(midi(NOTE + END, "00 ff03024869 00 b27740" + END))
    assert song.has_new_line
    assert len(song.tracks) == 1
    with_line, line = song.with_new_line()
    assert (with_line.tracks[1].name, with_line.tracks[1].channel, len(line.pitches)) == ("Hi", 2, 0)
    data = splice_melody(with_line, line.replace_steps(0, np.array([41, 0, 0, 0])), [(0, 4)])
    again = Song.open(data)
    assert [track.name for track in again.tracks] == ["", "Hi"]
    assert notes(data) == [[(0, 480, 60)], [(0, 480, 60)]]
    assert song.data.startswith(data[: song.spans[0][1]])
    assert not again.has_new_line
    with pytest.raises(ValueError, match="must have no notes"):
        again.with_new_line()
