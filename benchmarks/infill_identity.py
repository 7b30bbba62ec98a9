"""Counts files whose bars stay theirs when others are composed, and says why others are refused.

    python benchmarks/infill_identity.py FOLDER... [--files 300] [--seed 0]

Gaps are random bars or beats, one to three per file, in a random track of it; random notes stand in for the model,
since which notes it writes is of no account here. The files are compared event by event as mido reads them, and its
events are paired here: neither knows the package.
"""

import argparse
import collections
import io
import random
from pathlib import Path

import mido
import numpy as np

from keras_symdiff.infilling.gaps import find_gaps, parse_bars
from keras_symdiff.music.midi import read_melodies
from keras_symdiff.music.song import MidiError, Song
from keras_symdiff.music.splice import splice_melody


def read_tracks(data):
    """The resolution, and the events of each track chunk in order, as (tick, message without its time)."""
    file, tracks = mido.MidiFile(file=io.BytesIO(data), clip=True), []
    for track in file.tracks:
        now, events = 0, []
        for message in track:
            now += message.time
            if message.type != "end_of_track":  # it moves where new bars need it
                events.append((now, message.copy(time=0)))
        tracks.append(events)
    return file.ticks_per_beat, tracks


def pair_notes(events, channel):
    """Notes of one channel.

    A note-off ends all notes of its pitch from earlier ticks, or those of its own if there are none. A note that none
    ends lasts for ever.

    Returns:
        Dict of the place of each note-on to the tick of its end.
    """
    sounding, ends = collections.defaultdict(list), {}
    for place, (tick, message) in enumerate(events):
        if message.type not in ("note_on", "note_off") or message.channel != channel:
            continue
        waiting = sounding[message.note]
        if message.type == "note_on" and message.velocity:
            waiting.append(place)
            ends[place] = np.inf
        else:
            ended = [on for on in waiting if events[on][0] < tick] or waiting
            ends |= dict.fromkeys(ended, tick)
            sounding[message.note] = [on for on in waiting if on not in ended]
    return ends


def difference(before, after, chunk, channel, stretches):
    """Says what is different between two files outside of the gaps of one track; None if nothing is.

    Args:
        before: what `read_tracks` returns.
        after: the same of the other file.
        chunk: int, the track's chunk.
        channel: int, its channel.
        stretches: list of (first tick, end tick, tick at which notes before it end), within which notes may start.
    """
    (old_resolution, old_tracks), (new_resolution, new_tracks) = before, after
    if old_resolution != new_resolution:
        return "resolution"
    if old_tracks[:chunk] + old_tracks[chunk + 1 :] != new_tracks[:chunk] + new_tracks[chunk + 1 :]:
        return "another track"
    sides = []
    for events in (old_tracks[chunk], new_tracks[chunk]):
        ends = pair_notes(events, channel)
        inside = {on for on in ends if any(first <= events[on][0] < last for first, last, _ in stretches)}
        cuts = {
            on: max(edge, events[on][0] + 1)
            for first, _, edge in stretches[::-1]
            for on in ends.keys() - inside
            if events[on][0] < first and ends[on] >= edge
        }
        notes = {
            on: ((events[on][0], events[on][1].note, events[on][1].velocity), ends[on], cuts.get(on, ends[on]))
            for on in ends
            if on not in inside
        }
        touched = {(ends[on], events[on][1].note) for on in inside | cuts.keys()}  # note-offs of what is in gaps or cut
        sides.append((events, notes, touched))
    (old, old_notes, old_touched), (new, new_notes, new_touched) = sides
    if [note for note, *_ in old_notes.values()] != [note for note, *_ in new_notes.values()]:
        return "the notes outside"
    for (_, _, right), (_, end, _) in zip(old_notes.values(), new_notes.values(), strict=True):
        if end != right:
            return "the end of a note outside"

    touched = old_touched | new_touched

    def others(events, notes):
        for place, (tick, message) in enumerate(events):
            is_note = message.type in ("note_on", "note_off") and message.channel == channel
            if is_note and message.type == "note_on" and message.velocity:
                if place in notes:
                    yield tick, message
            elif not is_note or not (
                (tick, message.note) in touched or any(first <= tick < last for first, last, _ in stretches)
            ):
                yield tick, message

    return None if list(others(old, old_notes)) == list(others(new, new_notes)) else "an event of the track"


def random_gaps(song, melody, stream):
    """One to three random stretches of bars or beats."""
    grid, num_steps = song.grid, max(song.num_steps, melody.num_steps)
    bars = len(grid.bar_lines(num_steps)) - 1
    ranges = []
    for _ in range(stream.randint(1, 3)):
        first = stream.randint(1, bars)
        last = min(bars, first + stream.choice([0, 1, 3, 7, 15]))
        beats = [(grid.bar_step(bar) - grid.bar_step(bar - 1)) // grid.metre_of(grid.bar_step(bar - 1)).beat_steps
                 for bar in (first, last)]  # fmt: skip
        whole = stream.random() < 0.5 or not all(beats)
        text = f"{first}-{last}" if whole else f"{first}.1-{last}.{stream.randint(1, beats[1])}"
        ranges.append(parse_bars(text))
    return find_gaps(melody, ranges, num_steps, song.name, stream.choice([0, 0, 4]))


def check(path, stream):
    """Infills a file at random; returns what `difference` says, or None. A MidiError says why it is refused."""
    song = Song.open(path)
    melody = stream.choice(read_melodies(song))
    stretches = [(gap.first_step, gap.end_step) for gap in random_gaps(song, melody, stream)]
    filled = melody
    for first, end in stretches:
        tokens = np.array([stream.choice([0, 0, 0, 1, stream.randint(30, 60)]) for _ in range(first, end)])
        filled = filled.replace_steps(first, tokens)
    data = splice_melody(song, filled, stretches)
    track = song.tracks[melody.track]
    ticks = [tick for tick, message in read_tracks(song.data)[1][track.chunk]
             if message.type == "note_on" and message.velocity and message.channel == track.channel]  # fmt: skip
    ticks = np.array(ticks)
    steps = song.grid.steps(ticks)
    late = int(np.sort(ticks - song.grid.ticks(steps))[len(ticks) // 2])
    bounds = [
        (_first_tick(song, first), _first_tick(song, end), max(0, song.grid.ticks(first) + late))
        for first, end in stretches
    ]
    return difference(read_tracks(song.data), read_tracks(data), track.chunk, track.channel, bounds)


def _first_tick(song, step):
    """The first tick that is nearer to a step than to the one before."""
    ticks = np.arange(max(0, song.grid.ticks(step - 1)) if step else 0, song.grid.ticks(step) + 1)
    return int(ticks[song.grid.steps(ticks) >= step][0])


def main():
    """Prints each file that is not the same outside of its gaps, how many are, and why files are refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", help="folders of MIDI files, taken from in equal shares")
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    stream = random.Random(options.seed)
    same, metres, refused = collections.Counter(), collections.Counter(), []
    for number, source in enumerate(options.folders, start=1):
        paths = sorted(Path(source).rglob("*.mid"))
        stream.shuffle(paths)
        for path in paths:
            if sum(metres.values()) == options.files * number // len(options.folders):
                break
            try:
                problem = check(path, stream)
            except MidiError as error:
                refused.append(error.reason)
                continue
            grid = Song.open(path).grid
            kinds = list(dict.fromkeys(f"{metre.numerator}/{metre.denominator}" for metre in grid.metres))
            metre = kinds[0] if len(kinds) == 1 else "mixed"
            metres[metre] += 1
            same[metre] += problem is None
            if problem is not None:
                print(f"{path}: {problem}")
    print(f"{sum(same.values())} of {sum(metres.values())} the same outside of the gaps; {len(refused)} refused\n")
    print("| metre | files | the same |\n|---|---|---|")
    for metre, count in metres.most_common():
        print(f"| {metre} | {count} | {same[metre]} |")
    for reason, count in collections.Counter(refused).most_common():
        print(f"\nrefused {count}: {reason}")


if __name__ == "__main__":
    main()
