"""The events of a MIDI file as the bytes that they are.

Parsers that make objects of events (symusic, mido) write back other events than they read: merged tracks, rewritten
SysEx packets, dropped texts. Where a file must stay what it is, its bytes are cut up here and copied.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

NOTE_OFF, NOTE_ON, CONTROL_CHANGE, PROGRAM_CHANGE = 0x8, 0x9, 0xB, 0xC
META, END_OF_TRACK = 0xFF, 0x2F
_SYSEX = (0xF0, 0xF7)
_FIRST_SYSTEM = 0xF0
# Data bytes by the high half of a channel event's status; then of the system events that have no place in a file.
_CHANNEL_DATA = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_DATA_BYTES = [_CHANNEL_DATA.get(status >> 4) or _SYSTEM_DATA.get(status, 0) for status in range(256)]
_LONGEST_NUMBER = 4  # bytes, by the standard


class Event(NamedTuple):
    """An event of a track: its time in ticks from the start, and its bytes from the status byte on."""

    tick: int
    data: bytes

    @property
    def kind(self) -> int:
        """High half of the status byte: 0x8 note-off, 0x9 note-on, 0xC program change, 0xF meta and SysEx."""
        return self.data[0] >> 4

    @property
    def channel(self) -> int:
        """Low half of the status byte: the channel, from 0, unless `kind` is 0xF."""
        return self.data[0] & 0xF

    @property
    def is_end_of_track(self) -> bool:
        """Whether this is the meta event that ends a track."""
        return self.data[:2] == bytes((META, END_OF_TRACK))


class EventColumns(NamedTuple):
    """The events of all tracks of a file, one after the other.

    Args:
        bounds: int64 array (T + 1,); events `bounds[t]:bounds[t + 1]` are those of track chunk t.
        ticks: int64 array (E,), from the start of the file.
        statuses: int64 array (E,), status bytes; a running status is written out.
        starts: int64 array (E,), places of the first bytes after the status in the file.
        ends: int64 array (E,), places after the last ones.
        data: uint8 array, the file.
    """

    bounds: Int[np.ndarray, " T1"]
    ticks: Int[np.ndarray, " E"]
    statuses: Int[np.ndarray, " E"]
    starts: Int[np.ndarray, " E"]
    ends: Int[np.ndarray, " E"]
    data: UInt8[np.ndarray, " B"]

    def events(self, chunk: int) -> list[Event]:
        """The events of a track chunk as objects."""
        of_chunk = slice(self.bounds[chunk], self.bounds[chunk + 1])
        columns = (column[of_chunk].tolist() for column in (self.ticks, self.statuses, self.starts, self.ends))
        data = self.data.tobytes()
        return [
            Event(tick, bytes((status,)) + data[start:end])
            for tick, status, start, end in zip(*columns, strict=True)
        ]  # fmt: skip

    def byte(self, events: Int[np.ndarray, " K"], place: int) -> Int[np.ndarray, " K"]:
        """A byte after the status of some events, as int64; `place` counts from 0."""
        return self.data[self.starts[events] + place].astype(np.int64)


def track_spans(data: bytes, at: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Finds the track chunks of a MIDI file.

    Args:
        data: bytes of the file.
        at: where it begins in them. Defaults to `0`.
        end: where it ends. Defaults to the end of the bytes.

    Returns:
        A list of (start, end), the bytes of each `MTrk` chunk without its 8-byte header, in the file's order. A last
        chunk that is cut off ends with the file.
    """
    spans = []
    end = len(data) if end is None else end
    while at + 8 <= end:
        start = at + 8
        at = min(end, start + int.from_bytes(data[at + 4 : start]))
        if data[start - 8 : start - 4] == b"MTrk":
            spans.append((start, at))
    return spans


def read_columns(data: bytes, spans: Sequence[tuple[int, int]]) -> EventColumns:
    """Reads the events of track chunks, each up to its end-of-track event.

    Args:
        data: bytes of the file.
        spans: list of (start, end), the bytes of the chunks.

    Returns:
        `EventColumns`.

    Raises:
        ValueError: if the bytes are no events.
    """
    bounds, ticks, statuses, starts, ends = [0], [], [], [], []
    for start, end in spans:
        _read_track(data, start, end, ticks, statuses, starts, ends)
        bounds.append(len(ticks))
    columns = EventColumns(
        np.array(bounds, np.int64),
        np.array(ticks, np.int64),
        np.array(statuses, np.int64),
        np.array(starts, np.int64),
        np.array(ends, np.int64),
        np.frombuffer(data, np.uint8),
    )
    for place in (0, 1):
        of_channel = np.flatnonzero((columns.statuses < _FIRST_SYSTEM) & (columns.ends - columns.starts > place))
        if np.any(columns.byte(of_channel, place) > 0x7F):
            raise ValueError("an event has a data byte above 127")
    return columns


def read_events(body: bytes) -> list[Event]:
    """Cuts a track into its events, up to its end-of-track event.

    Args:
        body: bytes of a track chunk, without its header.

    Returns:
        A list of `Event`; a running status is written out.

    Raises:
        ValueError: if the bytes are no events.
    """
    return read_columns(body, [(0, len(body))]).events(0)


def write_events(events: Iterable[Event]) -> bytes:
    """Joins events, which must be in order of time, to the bytes of a track chunk without its header."""
    parts, now = [], 0
    for event in events:
        parts += [_write_number(event.tick - now), event.data]
        now = event.tick
    return b"".join(parts)


def _read_track(data, at, end, ticks, statuses, starts, ends):
    """Appends the events of a chunk to the columns. Written for speed: a file may have a million events."""
    tick = running = 0
    try:
        while at < end:
            delta = data[at]
            at += 1
            if delta > 0x7F:
                delta, at = _read_number(data, at - 1)
            tick += delta
            # A running status; some files go on with the one before a meta event, which the standard forbids.
            status = data[at]
            if status > 0x7F:
                at += 1
            elif running:
                status = running
            else:
                raise ValueError("a track begins without a status byte")
            start = at
            if status < _FIRST_SYSTEM:
                running = status
                at += _DATA_BYTES[status]
            elif status == META:
                size, at = _read_number(data, at + 1)
                at += size
            elif status in _SYSEX:
                size, at = _read_number(data, at)
                at += size
            else:
                at += _DATA_BYTES[status]
            if at > end:
                raise IndexError
            ticks.append(tick)
            statuses.append(status)
            starts.append(start)
            ends.append(at)
            if status == META and data[start] == END_OF_TRACK:
                break
    except IndexError:
        raise ValueError("a track ends within an event") from None


def _read_number(data, at):
    """Reads a variable-length number; returns it and the place after it."""
    value = 0
    for place in range(at, at + _LONGEST_NUMBER):
        value = value << 7 | data[place] & 0x7F
        if not data[place] & 0x80:
            return value, place + 1
    raise ValueError("a length or time has more than four bytes")


def _write_number(value):
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))
