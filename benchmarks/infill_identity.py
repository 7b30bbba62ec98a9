"""Counts files whose bars stay theirs when others are composed: every event outside of the gaps, of every track.

    python benchmarks/infill_identity.py FOLDER... [--files 200] [--seed 0]

Gaps are random stretches of beats, one to three a file, in a random melody of it; random phrases stand in for the
model, since which notes it writes is of no account here. The files are compared by mido, which the package does not
use.
"""

import argparse
import random
import tempfile
from pathlib import Path

import mido
import numpy as np

from keras_symdiff.infilling.gaps import find_gaps, parse_bars
from keras_symdiff.music.midi import MidiError, melodies_of_score, read_score, ticks_to_steps
from keras_symdiff.music.splice import splice_melody


def read_tracks(path):
    """The resolution, and the events of each track chunk in order, as (tick, message without its time)."""
    file, tracks = mido.MidiFile(path), []
    for track in file.tracks:
        now, events = 0, []
        for message in track:
            now += message.time
            if message.type != "end_of_track":  # it moves where new bars need it
                events.append((now, message.copy(time=0)))
        tracks.append(events)
    return file.ticks_per_beat, tracks


def pair_notes(events, channel, program):
    """Notes of one instrument as pairs of places in its track's events; the program is the one at the note-off."""
    notes, waiting, current = [], {}, 0
    for place, (tick, message) in enumerate(events):
        if getattr(message, "channel", None) != channel:
            continue
        if message.type == "program_change":
            current = message.program
        elif message.type == "note_on" and message.velocity:
            waiting.setdefault(message.note, []).append(place)
        elif message.type in ("note_on", "note_off"):
            queue = waiting.get(message.note)
            if queue and events[queue[0]][0] < tick:
                begin = queue.pop(0)
                if current == program:
                    notes.append((begin, place))
    return sorted(notes)


def difference(before, after, instrument, gaps, edges, steps):
    """Says what is different between two files outside of the gaps of one instrument; None if nothing is.

    Args:
        before: what `read_tracks` returns.
        after: the same of the other file.
        instrument: (track chunk, channel, program).
        gaps: list of (first step, end step).
        edges: tick of each gap's start.
        steps: function from ticks to steps.
    """
    (old_resolution, old_tracks), (new_resolution, new_tracks) = before, after
    if old_resolution != new_resolution:
        return "resolution"
    chunk, channel, program = instrument
    if [events for place, events in enumerate(old_tracks) if place != chunk] != [
        events for place, events in enumerate(new_tracks) if place != chunk
    ]:
        return "another track"
    sides = []
    for events in (old_tracks[chunk], new_tracks[chunk]):
        inside = set()
        kept = []
        for note in pair_notes(events, channel, program):
            if any(first <= steps(events[note[0]][0]) < end for first, end in gaps):
                inside |= set(note)
            else:
                kept.append(note)
        sides.append((events, inside, kept))
    (old, old_inside, old_kept), (new, new_inside, new_kept) = sides
    if len(old_kept) != len(new_kept):
        return f"{len(old_kept)} kept notes became {len(new_kept)}"
    for (begin, end), (new_begin, new_end) in zip(old_kept, new_kept, strict=True):
        into = [edge for edge, (first, _) in zip(edges, gaps, strict=True)
                if steps(old[begin][0]) < first and old[end][0] > edge]  # fmt: skip
        if into:  # cut at the first edge; where it ended counts to the gap
            old_inside.add(end)
            new_inside.add(new_end)
            if new[new_end][0] != max(into[0], new[new_begin][0] + 1):
                return f"the note at tick {old[begin][0]} is not cut at the edge"
    outside = [
        [event for place, event in enumerate(events) if place not in inside]
        for events, inside in ((old, old_inside), (new, new_inside))
    ]
    return None if outside[0] == outside[1] else "an event of the track"


def random_gaps(melody, num_steps, path, stream):
    """One to three random stretches of beats."""
    bars = max(1, num_steps // 16)
    ranges = []
    for _ in range(stream.randint(1, 3)):
        first = stream.randint(1, bars)
        last = min(bars, first + stream.choice([0, 1, 3, 7, 15]))
        beats = (1, 4) if stream.random() < 0.5 else sorted(stream.choices(range(1, 5), k=2))
        ranges.append(parse_bars(f"{first}.{beats[0]}-{last}.{beats[1]}"))
    return find_gaps(melody, ranges, num_steps, path, stream.choice([0, 0, 4]))


def check(path, out, stream):
    """Infills a file at random; returns what `difference` says, or None. A MidiError says why it is refused."""
    score = read_score(path)
    melodies = melodies_of_score(score, path)
    if not melodies:
        raise MidiError(path, "has no melody")
    melody = stream.choice(melodies)
    gaps = random_gaps(melody, ticks_to_steps(score.end(), score.tpq), path, stream)
    stretches = [(gap.first_step, gap.end_step) for gap in gaps]
    filled = melody
    for first, end in stretches:
        tokens = np.array([stream.choice([0, 0, 0, 1, stream.randint(30, 60)]) for _ in range(first, end)])
        filled = filled.replace_steps(first, tokens)
    splice_melody(path, filled, stretches, out)

    def steps(ticks):
        return int(ticks_to_steps(ticks, score.tpq))

    # The instrument, found anew: the first chunk, channel and program with these notes.
    before, after = read_tracks(path), read_tracks(out)
    wanted = sorted((note.time, note.pitch) for note in score.tracks[melody.track].notes)
    found = [
        (chunk, channel, program)
        for chunk, events in enumerate(before[1])
        for channel in sorted({message.channel for _, message in events if message.type == "note_on"})
        for program in {0} | {message.program for _, message in events if message.type == "program_change"}
        if sorted((events[on][0], events[on][1].note) for on, _ in pair_notes(events, channel, program)) == wanted
    ]
    off_grid = sorted(tick - steps(tick) * score.tpq // 4 for tick, _ in wanted)[len(wanted) // 2]
    edges = [max(0, first * score.tpq // 4 + off_grid) for first, _ in stretches]
    # Of tracks with the same notes, the changed one is meant.
    results = [difference(before, after, instrument, stretches, edges, steps) for instrument in found]
    return None if None in results else (results or ["the instrument is not there"])[0]


def main():
    """Prints each file that is not the same outside of its gaps, and how many are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", help="folders of MIDI files, taken from in equal shares")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    stream = random.Random(options.seed)
    same = tried = refused = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, source in enumerate(options.folders, start=1):
            paths = sorted(Path(source).rglob("*.mid"))
            stream.shuffle(paths)
            for path in paths:
                if tried == options.files * number // len(options.folders):
                    break
                try:
                    problem = check(path, Path(folder) / "out.mid", stream)
                except MidiError as error:  # not in 4/4, or without a note outside of the gaps: nothing is written
                    print(f"Refused {error}")
                    refused += 1
                    continue
                tried += 1
                same += problem is None
                if problem is not None:
                    print(f"{path}: {problem}")
    print(f"{same} of {tried} ({refused} refused)")


if __name__ == "__main__":
    main()
