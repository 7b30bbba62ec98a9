"""New bars of a melody put into the file that it came from."""

from collections.abc import Sequence

import numpy as np

from keras_symdiff import constants
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.midi_events import NOTE_OFF, NOTE_ON, Event, write_events
from keras_symdiff.music.song import MidiError, Song, Track

_RELEASE_VELOCITY = 64  # the MIDI standard's for instruments that know none


def splice_melody(song: Song, melody: Melody, gaps: Sequence[tuple[int, int]]) -> bytes:
    """Puts other notes of one track into some gaps of a MIDI file, and leaves every other event as it was.

    Bytes outside the track's chunk are copied; within it all events but the replaced notes' are, in their order. Notes
    belong to the gap in which they start, by the nearest step: all notes of the track that start in a gap go,
    accompanying ones too, however long they sound; note-offs in a gap that end no note go with them. A note that starts
    before a gap and sounds into it is cut at the gap's edge; a new note ends at the gap's end at the latest. So no note
    after a gap is touched.

    The new notes swing as the song does and lie as far off the grid as the track's notes do in the median: files of
    performances (POP909) are often a constant time early or late. On a tick that they share with other events, a new
    note ends before those and starts after them.

    Args:
        song: `Song` that `melody` was read from.
        melody: `Melody` with the new notes, as `Melody.replace_steps` gives it.
        gaps: list of (first step, end step), in order, apart.

    Returns:
        The bytes of the new file.

    Raises:
        MidiError: if the file's ticks are too coarse for sixteenth notes.
    """
    if song.ticks_per_quarter < constants.STEPS_PER_QUARTER:
        raise MidiError(song.name, f"has {song.ticks_per_quarter} ticks per quarter note, too few for sixteenth notes")
    track = song.tracks[melody.track]
    events = _replace_notes(song.events.events(track.chunk), track, song.grid, melody, gaps)
    return song.with_chunk(track.chunk, write_events(events))


def _replace_notes(events, track: Track, grid, melody, gaps):
    """Returns a chunk's events with the notes of one channel in the gaps replaced."""
    notes = track.notes
    steps = grid.steps(notes.start)
    # The upper median is some note's own distance, where the mean of the two middle ones may be no note's.
    off_grid = int(np.sort(notes.start - grid.ticks(steps))[len(steps) // 2]) if len(steps) else 0

    def ticks(steps):
        return np.maximum(grid.ticks(steps) + off_grid, 0)

    # The end of a note that the file never ends moves with the end of its chunk.
    ends_of_notes = np.where(notes.off < 0, np.iinfo(np.int64).max, notes.end)
    gone = np.zeros(len(steps), bool)  # notes that start in a gap
    cuts = np.full(len(steps), -1)  # ticks at which notes that sound into a gap end
    new = []  # events with their place on a shared tick: 0 ends a note, 2 begins one
    for first, end in gaps:
        gone |= (steps >= first) & (steps < end)
        edge = int(ticks(first))
        into = (steps < first) & (ends_of_notes > edge) & (cuts < 0)
        cuts[into] = np.maximum(edge, notes.start[into] + 1)
        chosen = (melody.start_steps >= first) & (melody.start_steps < end)
        starts, ends = ticks(melody.start_steps[chosen]), ticks(melody.end_steps[chosen])
        if np.any(steps >= end):
            ends = np.maximum(np.minimum(ends, notes.start[steps >= end].min()), starts + 1)
        values = (starts, ends, melody.pitches[chosen], melody.velocities[chosen])
        for start, stop, pitch, velocity in zip(*(column.tolist() for column in values), strict=True):
            new.append((start, 2, Event(start, bytes((NOTE_ON << 4 | track.channel, pitch, velocity)))))
            new.append((stop, 0, _note_off(stop, track.channel, pitch)))
    cuts[gone] = -1
    stays = ~gone & (cuts < 0)
    removed = set(notes.on[gone].tolist()) | (set(notes.off[~stays].tolist()) - set(notes.off[stays].tolist()))
    columns = (cuts, notes.off, notes.pitch)
    for cut, off, pitch in sorted(set(zip(*(column[cuts >= 0].tolist() for column in columns), strict=True))):
        event = Event(cut, events[off].data) if off >= 0 else _note_off(cut, track.channel, pitch)
        new.append((cut, 0, event))
    removed |= _note_offs(events, track.channel, grid, gaps) - set(notes.off.tolist())  # they would end new notes early
    kept = [
        (event.tick, 1, event)
        for place, event in enumerate(events)
        if place not in removed and not event.is_end_of_track
    ]
    result = [event for _, _, event in sorted(kept + new, key=lambda entry: entry[:2])]
    # A chunk grows where the new bars need it.
    last = result[-1].tick if result else 0
    return result + [Event(max(event.tick, last), event.data) for event in events[-1:] if event.is_end_of_track]


def _note_off(tick, channel, pitch):
    return Event(tick, bytes((NOTE_OFF << 4 | channel, pitch, _RELEASE_VELOCITY)))


def _note_offs(events, channel, grid, gaps):
    """Places of the note-offs in the gaps."""
    places = [
        place
        for place, event in enumerate(events)
        if event.kind in (NOTE_OFF, NOTE_ON) and event.channel == channel
        and (event.kind == NOTE_OFF or not event.data[2])
    ]  # fmt: skip
    steps = grid.steps(np.array([events[place].tick for place in places], np.int64))
    inside = np.any([(steps >= first) & (steps < end) for first, end in gaps], axis=0)
    return {places[index] for index in np.flatnonzero(inside).tolist()}
