"""A MIDI file, read once: its bytes, tracks, tempos and bars."""

import functools
import hashlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff import constants
from keras_symdiff.files.readable_name import readable_name
from keras_symdiff.music.grid import Grid
from keras_symdiff.music.melody import DEFAULT_QPM, Melody
from keras_symdiff.music.midi_events import (
    CONTROL_CHANGE,
    META,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM_CHANGE,
    EventColumns,
    read_columns,
    track_spans,
)
from keras_symdiff.music.other_formats import OTHER_SUFFIXES, read_as_midi
from keras_symdiff.music.swing import estimate_swing

# Bounds that no music reaches and that keep a hostile file cheap: 4096 bars are over two hours at 120 qpm.
MAX_FILE_BYTES = 1 << 24
MAX_INSTRUMENTS = 512
MAX_BARS = 4096
_MAX_TICKS = 1 << 31

# A file ends for most readers with its last note. Two events of this controller, which the MIDI standard leaves
# undefined, mark in each track that `write_midi` wrote where the melody's phrases start and where it ends.
SPAN_CONTROLLER = 119

_SUSTAIN_PEDAL = 64
_DRUM_CHANNEL = 9
_TRACK_NAME, _TEMPO, _TIME_SIGNATURE = 0x03, 0x51, 0x58
_LONGEST_NAME = 128  # bytes; a hostile file may hold a megabyte of it
# Two double-byte characters in a row, one of them beyond what Latin-1 has letters for; or a run of half-width kana.
_SHIFT_JIS = re.compile(
    rb"[\x81-\x9f][\x40-\x7e\x80-\xfc][\x81-\x9f\xe0-\xef][\x40-\x7e\x80-\xfc]"
    rb"|[\xe0-\xef][\x40-\x7e\x80-\xfc][\x81-\x9f][\x40-\x7e\x80-\xfc]"
    rb"|^[\x81-\x9f][\x40-\x7e\x80-\xfc]$|[\xa1-\xdf]{3}"
)


class MidiError(ValueError):
    """A MIDI file that cannot be used; the message names the file and the reason in one line."""

    def __init__(self, path: object, reason: str):
        super().__init__(f"{path}: {reason}")
        self.reason = reason


class Notes(NamedTuple):
    """The notes of a track in the order of their note-on events, int64 arrays (M,).

    Args:
        start: ticks of the note-ons.
        end: ticks of the note-offs.
        pitch: MIDI pitches.
        velocity: in [1, 127].
        on: places of the note-ons in the events of the track's chunk.
        off: places of the note-offs that end them; -1 for a note that the file never ends, which lasts until its chunk
            does. Notes of one pitch that overlap have one in common.
    """

    start: Int[np.ndarray, " M"]
    end: Int[np.ndarray, " M"]
    pitch: Int[np.ndarray, " M"]
    velocity: Int[np.ndarray, " M"]
    on: Int[np.ndarray, " M"]
    off: Int[np.ndarray, " M"]


class Controls(NamedTuple):
    """The changes of one controller: ticks and values, int64 arrays (P,)."""

    ticks: Int[np.ndarray, " P"]
    values: Int[np.ndarray, " P"]


@dataclass(frozen=True, eq=False)
class Track:
    """The notes of one channel in one track chunk, whatever their programs.

    Args:
        index: place among the tracks of the song, which are those with notes.
        chunk: place of the chunk in the file.
        channel: int from 0.
        name: name of the chunk.
        programs: tuple of int, the programs of its notes, in the order of their first use.
        notes: `Notes`.
        pedal: `Controls` of the sustain pedal.
        span: `Controls` that `write_midi` marked the length with.
    """

    index: int
    chunk: int
    channel: int
    name: str
    programs: tuple[int, ...]
    notes: Notes
    pedal: Controls
    span: Controls

    @property
    def is_drum(self) -> bool:
        """Whether the track is percussion: channel 10 of General MIDI."""
        return self.channel == _DRUM_CHANNEL

    @property
    def program(self) -> int:
        """Program of the first note."""
        return self.programs[0]


@dataclass(frozen=True, eq=False)
class Song:
    """A MIDI file, read once.

    Every note-on is a note. It ends at the first note-off of its pitch and channel that comes after it: a note-off ends
    all notes of its pitch that began on an earlier tick, or, if there are none, those that began on its own. So a pitch
    that is struck twice is two notes, and reading and writing can never disagree. (So read pretty_midi and note-seq.)

    Args:
        name: the file's path as text, for messages.
        data: bytes of the file.
        ticks_per_quarter: int.
        tracks: tuple of `Track`.
        tempos: `Controls`; the values are microseconds per quarter.
        signatures: tuple of (tick, numerator, denominator).
        end_tick: tick of the last event.
        spans: tuple of (start, end), the bytes of each track chunk.
        events: `EventColumns` of all chunks.

    Example:
    ```python
    song = Song.open("song.mid")
    song.tracks[0].notes.pitch, song.grid.bar_lines(song.num_steps), song.melodies()
    ```
    """

    name: str
    data: bytes
    ticks_per_quarter: int
    tracks: tuple[Track, ...]
    tempos: Controls
    signatures: tuple[tuple[int, int, int], ...]
    end_tick: int
    spans: tuple[tuple[int, int], ...]
    events: EventColumns

    @classmethod
    def open(cls, source: "str | os.PathLike | bytes | Song") -> "Song":
        """Reads a MIDI file of at most 16 MiB; `.kar` and `.rmi` too.

        With note-seq installed, it reads MusicXML, ABC and NoteSequence files as MIDI.

        Args:
            source: path of the file, bytes of a MIDI file, or a `Song`, which is returned.

        Raises:
            MidiError: if it is not readable MIDI, is longer than 4096 bars, has more than 512 instruments, or holds
                several tunes.
            ValueError: if `source` is something else.
            OSError: if it cannot be opened.
        """
        if isinstance(source, Song):
            return source
        if isinstance(source, bytes | bytearray | memoryview):
            return _read_song(bytes(source), "the MIDI file")
        if not isinstance(source, str | os.PathLike):
            raise ValueError(f"A song is a path, bytes or a `Song`. Received: {source!r:.200}")
        songs = cls.open_all(source)
        if len(songs) != 1:
            raise MidiError(readable_name(source), f"holds {len(songs)} tunes, and one is wanted")
        return songs[0]

    @classmethod
    def open_all(cls, path: str | os.PathLike) -> "list[Song]":
        """Reads all tunes of a file: one of a MIDI file, many of an ABC file or of TFRecords.

        Args:
            path: path of the file.

        Raises:
            MidiError: as `open`.
            OSError: if it cannot be opened.
        """
        title = readable_name(path)
        if Path(os.fsdecode(path)).suffix.lower() not in OTHER_SUFFIXES:
            with open(path, "rb") as file:
                return [_read_song(file.read(MAX_FILE_BYTES + 1), title)]
        try:
            tunes = read_as_midi(path, MAX_FILE_BYTES)
        except ValueError as error:
            raise MidiError(title, str(error)) from error
        return [_read_song(midi, f"{title}#{name}" if name else title) for name, midi in tunes]

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 of the bytes, in hexadecimal digits."""
        return hashlib.sha256(self.data).hexdigest()

    @functools.cached_property
    def grid(self) -> Grid:
        """The song's bars and steps, and its swing."""
        grid = Grid.from_ticks(self.ticks_per_quarter, self.signatures)
        onsets = [grid.quarters(track.notes.start) for track in self.tracks]
        return replace(grid, swing=estimate_swing(onsets))

    @functools.cached_property
    def num_steps(self) -> int:
        """Steps from the start to the last event."""
        return self.grid.steps(self.end_tick)

    def seconds(self, ticks: Int[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
        """Times of ticks by the tempo map, in seconds from the start."""
        tempos = {0: 6e7 / DEFAULT_QPM}
        tempos.update((tick, value) for tick, value in zip(*(c.tolist() for c in self.tempos), strict=True) if value)
        at = np.array(list(tempos))
        per_tick = np.array(list(tempos.values())) / 1e6 / self.ticks_per_quarter
        at_changes = np.concatenate([[0.0], np.cumsum(np.diff(at) * per_tick[:-1])])
        index = np.searchsorted(at, ticks, side="right") - 1
        return at_changes[index] + (ticks - at[index]) * per_tick[index]

    def with_chunk(self, chunk: int, body: bytes) -> bytes:
        """The bytes of the file with another content of a track chunk."""
        first, last = self.spans[chunk]
        data = self.data[: first - 4] + len(body).to_bytes(4) + body + self.data[last:]
        start, old_end = _find_midi(self.data) or (0, 0)
        if start == 0:
            return data
        # A RIFF file counts its bytes in little-endian numbers, and fills odd chunks up by a byte.
        end = old_end + len(data) - len(self.data)
        rest = data[end + (old_end - start) % 2 :]
        data = (
            data[: start - 4] + (end - start).to_bytes(4, "little") + data[start:end] + bytes((end - start) % 2) + rest
        )
        return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]

    def melodies(self) -> list[Melody]:
        """Takes one melody from each track that is not percussion; see `Melody.from_notes` for the rules.

        Returns:
            A list of `Melody`, one for each track with at least one note in pitches 21..108, in the file's order;
            empty if there is none.

        Raises:
            MidiError: if the music is longer than 4096 bars.
        """
        grid = self.grid
        context = {"tempos": self._tempo_map(), "time_signatures": grid.signatures, "swing": grid.swing}
        melodies = []
        for track in self.tracks:
            if track.is_drum:
                continue
            starts, ends = grid.steps(track.notes.start), grid.steps(track.notes.end)
            if ends.max() > MAX_BARS * constants.STEPS_PER_BAR:
                raise MidiError(self.name, f"is longer than {MAX_BARS} bars")
            melody = Melody.from_notes(
                track.notes.pitch,
                starts,
                ends,
                track.notes.velocity,
                name=track.name,
                program=track.program,
                track=track.index,
                **context,
                **self._written_span(track, int(starts.min()), int(np.maximum(ends, starts + 1).max())),
            )
            if len(melody.pitches):
                melodies.append(melody)
        return melodies

    @property
    def has_new_line(self) -> bool:
        """Whether the last track chunk has no notes, so that `with_new_line` has a place for them."""
        last = len(self.spans) - 1
        return last > max((track.chunk for track in self.tracks), default=0)

    def with_new_line(self) -> "tuple[Song, Melody]":
        """The song with its last track chunk, which has no notes, as a track; and a melody without notes in it.

        Raises:
            ValueError: if that chunk has notes.
        """
        if not self.has_new_line:
            raise ValueError("The last track must have no notes")
        chunk, none = len(self.spans) - 1, np.zeros(0, np.int64)
        first, end = self.events.bounds[chunk : chunk + 2]
        channels = self.events.statuses[first:end]
        channels = channels[channels < 0xF0] & 0xF
        name = _read_metas(self.events, len(self.spans))[2].get(chunk, "")
        track = Track(
            index=len(self.tracks), chunk=chunk, channel=int(channels[0]) if len(channels) else 0, name=name,
            programs=(0,), notes=Notes(*[none] * len(Notes._fields)), pedal=Controls(none, none),
            span=Controls(none, none),
        )  # fmt: skip
        melody = Melody(
            none, none, none, num_steps=self.num_steps, name=name, track=track.index, tempos=self._tempo_map(),
            time_signatures=self.grid.signatures, swing=self.grid.swing,
        )  # fmt: skip
        return replace(self, tracks=(*self.tracks, track)), melody

    def _tempo_map(self):
        """Tempos as (step, quarters per minute); the last of several on a step holds, and step 0 always has one."""
        tempos = {0: DEFAULT_QPM}
        steps = self.grid.steps(self.tempos.ticks).tolist()
        for step, value in zip(steps, self.tempos.values.tolist(), strict=True):
            if value > 0:  # 0 microseconds a quarter mean nothing
                tempos[step] = 6e7 / value
        return tuple(sorted(tempos.items()))

    def _written_span(self, track, first, last):
        """First bar and length as `write_midi` marked them, if this track bears its two marks around its notes."""
        if len(track.span.ticks) != 2:
            return {}
        start, end = self.grid.steps(track.span.ticks).tolist()
        bar = self.grid.bar_of(start)
        is_bar_line = self.grid.bar_step(bar) == start
        if not is_bar_line or not start <= first < last <= end <= MAX_BARS * constants.STEPS_PER_BAR:
            return {}
        return {"first_bar": bar, "num_steps": end}


def decode_name(name: bytes) -> str:
    """Reads a name of a file as UTF-8, else as Shift-JIS if it looks like it, else as Latin-1 (Windows' form of it)."""
    name = name[:_LONGEST_NAME]
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and len(name) == _LONGEST_NAME:
            text = name[: error.start].decode("utf-8")
        elif _SHIFT_JIS.search(name):
            text = name.decode("cp932", errors="replace")
        else:
            text = name.decode("cp1252", errors="replace")
    return "".join(character for character in text if character.isprintable())


def _read_song(data, name):
    if not data:
        raise MidiError(name, "is empty")
    if len(data) > MAX_FILE_BYTES:
        raise MidiError(name, f"is larger than {MAX_FILE_BYTES >> 20} MiB")
    found = _find_midi(data)
    if found is None:
        raise MidiError(name, "is not a MIDI file (it does not start with MThd)")
    at, end = found
    header = data[at : at + 14]
    if len(header) < 14 or int.from_bytes(header[4:8]) < 6:
        raise MidiError(name, "ends within its header")
    if int.from_bytes(header[8:10]) > 2:
        raise MidiError(name, f"is damaged (its format is {int.from_bytes(header[8:10])}, not 0, 1 or 2)")
    if header[12] & 0x80:
        raise MidiError(name, "counts time in SMPTE frames, not in quarter notes")
    ticks_per_quarter = int.from_bytes(header[12:14])
    if not ticks_per_quarter:
        raise MidiError(name, "has 0 ticks per quarter note")
    spans = track_spans(data, at, end)
    try:
        if any(data[start - 4 : start] != (end - start).to_bytes(4) for start, end in spans):
            raise ValueError("a track ends before its length is over")
        events = read_columns(data, spans)
    except ValueError as error:
        raise MidiError(name, f"is damaged ({error})") from error
    if len(events.ticks) and events.ticks.max() >= _MAX_TICKS:
        raise MidiError(name, "has ticks beyond 2^31")
    tempos, signatures, names = _read_metas(events, len(spans))
    return Song(
        name=name,
        data=data,
        ticks_per_quarter=ticks_per_quarter,
        tracks=tuple(_read_tracks(events, names, name)),
        tempos=tempos,
        signatures=signatures,
        end_tick=int(events.ticks.max(initial=0)),
        spans=tuple(spans),
        events=events,
    )


def _find_midi(data):
    """Where the MIDI file begins and ends: the whole, or the data chunk of a RIFF file; None if neither."""
    if data.startswith(b"MThd"):
        return 0, len(data)
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        at = 12
        while at + 8 <= len(data):
            size = int.from_bytes(data[at + 4 : at + 8], "little")
            if data[at : at + 4] == b"data" and data.startswith(b"MThd", at + 8):
                return at + 8, min(len(data), at + 8 + size)
            at += 8 + size + size % 2
    return None


def _read_metas(events, num_chunks):
    """Tempos, time signatures in order of their ticks, and a name for each chunk that has one."""
    metas = np.flatnonzero(events.statuses == META)
    kinds = events.byte(metas, 0)
    names, tempos, signatures = {}, [], []
    chunks = np.searchsorted(events.bounds, metas, side="right") - 1

    def contents(kind):
        chosen = np.flatnonzero(kinds == kind)
        for place, chunk in zip(metas[chosen].tolist(), chunks[chosen].tolist(), strict=True):
            start, end = int(events.starts[place]) + 1, int(events.ends[place])
            while events.data[start] & 0x80:  # the length
                start += 1
            yield int(events.ticks[place]), chunk, events.data[start + 1 : end].tobytes()

    for _, chunk, content in contents(_TRACK_NAME):
        names.setdefault(chunk, decode_name(content))
    for tick, _, content in contents(_TEMPO):
        if len(content) >= 3:
            tempos.append((tick, int.from_bytes(content[:3])))
    for tick, _, content in contents(_TIME_SIGNATURE):
        if len(content) >= 2 and content[0] and content[1] <= 7:
            signatures.append((tick, content[0], 1 << content[1]))
    ticks, values = np.array(sorted(tempos, key=lambda tempo: tempo[0]), np.int64).reshape(-1, 2).T
    return Controls(ticks, values), tuple(sorted(signatures, key=lambda signature: signature[0])), names


def _read_tracks(events, names, path):
    """Makes a `Track` of each channel of each chunk that has notes."""
    kinds = events.statuses >> 4
    places = np.flatnonzero((kinds == NOTE_ON) | (kinds == NOTE_OFF))
    chunks = np.searchsorted(events.bounds, places, side="right") - 1
    instruments = chunks << 4 | events.statuses[places] & 0xF
    pitches, velocities = events.byte(places, 0), events.byte(places, 1)
    is_on = (kinds[places] == NOTE_ON) & (velocities > 0)
    present = np.unique(instruments[is_on])
    if len(present) > MAX_INSTRUMENTS:
        raise MidiError(path, f"has {len(present)} instruments, more than {MAX_INSTRUMENTS}")
    offs = _pair_notes(instruments << 7 | pitches, events.ticks[places], is_on)
    for index, instrument in enumerate(present.tolist()):
        chunk, channel = instrument >> 4, instrument & 0xF
        chosen = np.flatnonzero((instruments == instrument) & is_on)
        first, last = int(events.bounds[chunk]), int(events.bounds[chunk + 1])
        off = offs[chosen]
        of_channel = first + np.flatnonzero((events.statuses[first:last] & 0xF) == channel)
        programs = of_channel[kinds[of_channel] == PROGRAM_CHANGE]
        controls = of_channel[kinds[of_channel] == CONTROL_CHANGE]
        numbers = events.byte(controls, 0)

        def changes(number, controls=controls, numbers=numbers):
            of_number = controls[numbers == number]
            return Controls(events.ticks[of_number], events.byte(of_number, 1))

        set_to = np.append(0, events.byte(programs, 0))[np.searchsorted(programs, places[chosen])]
        yield Track(
            index=index,
            chunk=chunk,
            channel=channel,
            name=names.get(chunk, ""),
            programs=tuple(dict.fromkeys(set_to.tolist())),
            notes=Notes(
                start=events.ticks[places[chosen]],
                end=np.where(off >= 0, events.ticks[places[off]], events.ticks[last - 1]),
                pitch=pitches[chosen],
                velocity=velocities[chosen],
                on=places[chosen] - first,
                off=np.where(off >= 0, places[off] - first, -1),
            ),
            pedal=changes(_SUSTAIN_PEDAL),
            span=changes(SPAN_CONTROLLER),
        )


def _pair_notes(keys, ticks, is_on):
    """Finds the note-off of each note-on among the note events of a file.

    Args:
        keys: int64 array (E,), equal for events of one pitch of one instrument.
        ticks: int64 array (E,).
        is_on: bool array (E,).

    Returns:
        Place of the note-off of each note-on, -1 if none ends it; int64 (E,).
    """
    offs = np.full(len(keys), -1)
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    regular = is_on[order][:-1] & ~is_on[order][1:] & same & (ticks[order][1:] > ticks[order][:-1])
    offs[order[:-1][regular]] = order[1:][regular]
    # A pitch is regular if note-ons and note-offs alternate, each note with a length.
    doubtful = np.zeros(len(keys), bool)
    doubtful[order[1:]] = same & (is_on[order][1:] == is_on[order][:-1])
    doubtful[order[1:]] |= same & ~is_on[order][1:] & is_on[order][:-1] & ~regular
    irregular = np.isin(keys, keys[doubtful])
    offs[irregular] = -1
    by_key = {}
    for place in np.flatnonzero(irregular).tolist():
        by_key.setdefault(int(keys[place]), []).append(place)
    for places in by_key.values():
        _pair_overlapping(places, ticks[places].tolist(), is_on[places].tolist(), offs)
    return offs


def _pair_overlapping(places, ticks, is_on, offs):
    """Pairs the events of one pitch that do not alternate; writes into `offs` at `places`."""
    sounding = []  # notes with their ticks
    for place, tick, on in zip(places, ticks, is_on, strict=True):
        if on:
            sounding.append((tick, place))
            continue
        ended = [begun for start, begun in sounding if start < tick] or [begun for _, begun in sounding]
        offs[ended] = place
        sounding = sounding[len(ended) :]
