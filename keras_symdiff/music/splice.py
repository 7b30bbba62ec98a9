"""New bars of a melody put into the file that it came from."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_symdiff import constants
from keras_symdiff.music.midi import MidiError, read_score, ticks_to_steps
from keras_symdiff.music.midi_events import Event, read_events, track_spans, write_events
from keras_symdiff.write_atomically import write_atomically

_NOTE_OFF, _NOTE_ON, _PROGRAM_CHANGE = 0x8, 0x9, 0xC
_RELEASE_VELOCITY = 64  # the MIDI standard's for instruments that know none
_NUM_CHANNELS = 16


class _Note(NamedTuple):
    """A note by the places of its two events in a track's list of events."""

    on: int
    off: int


def splice_melody(source, melody, gaps, path):
    """Writes a MIDI file anew with other notes of one instrument in some gaps, and every other event as it was.

    Bytes outside the instrument's track chunk are copied; within it all events but the replaced notes' are, in their
    order. Notes belong to the gap in which they start, by the nearest step: all notes of the instrument that start in
    a gap go, accompanying ones too, however long they sound. A note that starts before a gap and sounds into it is cut
    at the gap's edge; a new note ends at the gap's end at the latest. So no note after a gap is touched.

    The new notes lie as far off the grid as the instrument's notes do in the median: files of performances (POP909) are
    often a constant time early or late. On a tick that they share with other events, a new note ends before those and
    starts after them.

    Args:
        source: path of the original file, which `melody` was read from.
        melody: `Melody` with the new notes, as `Melody.replace_steps` gives it.
        gaps: list of (first step, end step), steps of a sixteenth note from the start of the file, in order, apart.
        path: file to write; appears at once or not at all.

    Raises:
        MidiError: if the file's ticks are too coarse for sixteenth notes, or its events cannot be told apart.
    """
    data = Path(source).read_bytes()
    score = read_score(source)
    if score.tpq < constants.STEPS_PER_QUARTER:
        raise MidiError(source, f"has {score.tpq} ticks a quarter note, too few for sixteenth notes")
    (start, end), channel, events, notes = _find_instrument(data, score, melody.track, source)
    body = write_events(_replace_notes(events, notes, channel, score.tpq, melody, gaps))
    write_atomically(path, data[: start - 4] + len(body).to_bytes(4) + body + data[end:])


def _find_instrument(data, score, track, path):
    """Finds a `symusic` track's chunk, channel, events and notes.

    `symusic` makes a track of each channel and program of a chunk, in their order, that has notes (and of some that
    have none).
    """
    found = []
    for start, end in track_spans(data):
        try:
            events = read_events(data[start:end])
        except ValueError as error:
            raise MidiError(path, f"is damaged ({error})") from error
        instruments = _pair_notes(events)
        found += [((start, end), channel, events, instruments[channel, program])
                  for channel, program in sorted(instruments)]  # fmt: skip
    with_notes = [index for index, candidate in enumerate(score.tracks) if len(candidate.notes)]
    if len(found) == len(with_notes):
        instrument = found[with_notes.index(track)]
        _, _, events, notes = instrument
        onsets = sorted((events[note.on].tick, events[note.on].data[1]) for note in notes)
        columns = score.tracks[track].notes.numpy()
        if onsets == sorted(zip(columns["time"].tolist(), columns["pitch"].tolist(), strict=True)):
            return instrument
    raise MidiError(path, f"is damaged (the events of track {track + 1} cannot be told apart)")


def _pair_notes(events):
    """Pairs note-ons and note-offs of a chunk as `symusic` does: {(channel, program): list of notes}.

    The first note-on of a channel and pitch goes with the first note-off on a later tick; the program is the one at the
    note-off.
    """
    programs, sounding, instruments = [0] * _NUM_CHANNELS, {}, {}
    for place, event in enumerate(events):
        if event.kind == _PROGRAM_CHANGE:
            programs[event.channel] = event.data[1]
        elif event.kind in (_NOTE_OFF, _NOTE_ON):
            waiting = sounding.setdefault((event.channel, event.data[1]), [])
            if event.kind == _NOTE_ON and event.data[2]:
                waiting.append(place)
            elif waiting and event.tick > events[waiting[0]].tick:
                note = _Note(waiting.pop(0), place)
                instruments.setdefault((event.channel, programs[event.channel]), []).append(note)
    return instruments


def _replace_notes(events, notes, channel, tpq, melody, gaps):
    """Returns a chunk's events with the notes of one instrument in the gaps replaced."""
    onsets = np.array([events[note.on].tick for note in notes], np.int64)  # (M,)
    steps = ticks_to_steps(onsets, tpq)
    # The upper median is some note's own distance, where the mean of the two middle ones may be no note's.
    off_grid = int(np.sort(onsets - steps * tpq // constants.STEPS_PER_QUARTER)[len(onsets) // 2])

    def ticks(steps):
        return np.maximum(steps * tpq // constants.STEPS_PER_QUARTER + off_grid, 0)

    removed, moved, new = set(), {}, []  # places of events; ticks by place; events that begin or end a tick
    for first, end in gaps:
        edge = int(ticks(first))
        for note, step in zip(notes, steps.tolist(), strict=True):
            if first <= step < end:
                removed |= set(note)
            elif step < first and events[note.off].tick > edge:
                cut = max(edge, events[note.on].tick + 1)
                moved[note.off] = min(cut, moved.get(note.off, cut))
        chosen = (melody.start_steps >= first) & (melody.start_steps < end)
        starts, ends = ticks(melody.start_steps[chosen]), ticks(melody.end_steps[chosen])
        if np.any(steps >= end):
            ends = np.maximum(np.minimum(ends, onsets[steps >= end].min()), starts + 1)
        values = (starts, ends, melody.pitches[chosen], melody.velocities[chosen])
        for start, stop, pitch, velocity in zip(*(column.tolist() for column in values), strict=True):
            new.append((start, 2, Event(start, bytes((_NOTE_ON << 4 | channel, pitch, velocity)))))
            new.append((stop, 0, Event(stop, bytes((_NOTE_OFF << 4 | channel, pitch, _RELEASE_VELOCITY)))))
    kept = []
    for place, event in enumerate(events):
        if place in removed or event.is_end_of_track:
            continue
        tick = moved.get(place, event.tick)
        kept.append((tick, 0 if place in moved else 1, Event(tick, event.data)))
    result = [event for _, _, event in sorted(kept + new, key=lambda entry: entry[:2])]
    # A chunk grows where the new bars need it.
    last = result[-1].tick if result else 0
    return result + [Event(max(event.tick, last), event.data) for event in events[-1:] if event.is_end_of_track]
