import pathlib

import mido
import pytest

from keras_symdiff.music.midi_events import Event, read_events, track_spans, write_events

DATA = pathlib.Path(__file__).parents[1] / "data"
HARD = bytes.fromhex(
    "00 903c40 60 3c00"  # a running status
    "00 ff0300"  # an empty track name
    "00 3e40"  # the running status after a meta event, which the standard forbids
    "8100 f0 03 7e7ff7"  # SysEx
    "00 f7 02 f8fe"  # an escape packet, which mido turns into SysEx
    "00 ff7f 8100" + "00" * 128 + "00 c005"  # a length of two bytes; a program
    "81808000 e00040 00 ff2f00"  # a time of four bytes
)


# But for SysEx in packets, of which mido makes messages.
@pytest.mark.parametrize(
    "path",
    sorted(set(DATA.glob("*/*.mid")) - {DATA / "cases" / "f7.mid"}),
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_the_events_are_those_that_mido_reads(path):
    data = path.read_bytes()
    spans = track_spans(data)
    tracks = mido.MidiFile(path).tracks
    assert len(spans) == len(tracks)
    for (start, end), track in zip(spans, tracks, strict=True):
        now, expected = 0, []
        for message in track:
            now += message.time
            expected.append((now, bytes(message.bin())))
        assert read_events(data[start:end]) == expected


def test_hard_events_come_back_as_they_were():
    events = read_events(HARD)
    assert [event.data[:1].hex() for event in events] == ["90", "90", "ff", "90", "f0", "f7", "ff", "c0", "e0", "ff"]
    assert [event.tick for event in events] == [0, 96, 96, 96, 224, 224, 224, 224, 224 + (1 << 21), 224 + (1 << 21)]
    assert events[5].data == bytes.fromhex("f7 02 f8fe")
    assert len(events[6].data) == 3 + 1 + 128
    assert read_events(write_events(events)) == events
    assert (events[0].kind, events[7].kind, events[7].channel) == (0x9, 0xC, 0)
    assert [event.is_end_of_track for event in events] == [False] * 9 + [True]


@pytest.mark.parametrize("body", ["00", "00 90", "00 903c", "00 ff03 05 61", "00 3c40", "ff"])
def test_bytes_that_are_no_events_are_refused(body):
    with pytest.raises(ValueError, match=r"a track (ends within an event|begins without a status byte)"):
        read_events(bytes.fromhex(body))


def test_what_follows_the_end_of_a_track_and_other_chunks_are_passed_over():
    body = bytes.fromhex("00 ff2f00 00 903c40")
    assert read_events(body) == [Event(0, bytes.fromhex("ff2f00"))]
    header = b"MThd" + bytes((0, 0, 0, 6, 0, 1, 0, 1, 0, 96))
    data = header + b"XFIH" + bytes((0, 0, 0, 2, 9, 9)) + b"MTrk" + len(body).to_bytes(4) + body
    assert [data[start:end] for start, end in track_spans(data)] == [body]
