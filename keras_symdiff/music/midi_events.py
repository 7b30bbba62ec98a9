"""The events of a MIDI file as the bytes that they are.

Parsers that make objects of events (symusic, mido) write back other events than they read: merged tracks, rewritten
SysEx packets, dropped texts. Where a file must stay what it is, its bytes are cut up here and copied.
"""

from typing import NamedTuple

# Data bytes by the high half of a channel event's status; then of the system events that have no place in a file.
_CHANNEL_DATA = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_META, _END_OF_TRACK = 0xFF, 0x2F
_SYSEX = (0xF0, 0xF7)


class Event(NamedTuple):
    """An event of a track: its time in ticks from the start, and its bytes from the status byte on."""

    tick: int
    data: bytes

    @property
    def kind(self):
        """High half of the status byte: 0x8 note-off, 0x9 note-on, 0xC program change, 0xF meta and SysEx."""
        return self.data[0] >> 4

    @property
    def channel(self):
        """Low half of the status byte: the channel, from 0, unless `kind` is 0xF."""
        return self.data[0] & 0xF

    @property
    def is_end_of_track(self):
        """Whether this is the meta event that ends a track."""
        return self.data[:2] == bytes((_META, _END_OF_TRACK))


def track_spans(data):
    """Finds the track chunks of a MIDI file.

    Args:
        data: bytes of the file.

    Returns:
        A list of (start, end), the bytes of each `MTrk` chunk without its 8-byte header, in the file's order. A last
        chunk that is cut off ends with the file.
    """
    spans, at = [], 0
    while at + 8 <= len(data):
        start = at + 8
        at = min(len(data), start + int.from_bytes(data[at + 4 : start]))
        if data[start - 8 : start - 4] == b"MTrk":
            spans.append((start, at))
    return spans


def read_events(body):
    """Cuts a track into its events, up to its end-of-track event.

    Args:
        body: bytes of a track chunk, without its header.

    Returns:
        A list of `Event`; a running status is written out.

    Raises:
        ValueError: if the bytes are no events.
    """
    events, at, tick, running = [], 0, 0, None
    try:
        while at < len(body):
            delta, at = _read_number(body, at)
            tick += delta
            # A running status; some files go on with the one before a meta event, which the standard forbids.
            status = running
            if body[at] & 0x80:
                status = body[at]
                at += 1
            if status is None:
                raise ValueError("a track begins without a status byte")
            start = at
            if status == _META:
                size, at = _read_number(body, at + 1)
                at += size
            elif status in _SYSEX:
                size, at = _read_number(body, at)
                at += size
            else:
                at += _CHANNEL_DATA.get(status >> 4) or _SYSTEM_DATA.get(status, 0)
                running = status if status >> 4 in _CHANNEL_DATA else running
            if at > len(body):
                raise IndexError
            events.append(Event(tick, bytes((status,)) + body[start:at]))
            if events[-1].is_end_of_track:
                break
    except IndexError:
        raise ValueError("a track ends within an event") from None
    return events


def write_events(events):
    """Joins events, which must be in order of time, to the bytes of a track chunk without its header."""
    parts, now = [], 0
    for event in events:
        parts += [_write_number(event.tick - now), event.data]
        now = event.tick
    return b"".join(parts)


def _read_number(body, at):
    """Reads a variable-length number; returns it and the place after it."""
    value = 0
    while True:
        value = value << 7 | body[at] & 0x7F
        at += 1
        if not body[at - 1] & 0x80:
            return value, at


def _write_number(value):
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))
