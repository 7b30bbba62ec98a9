"""Makes songs swing, and counts in how many this is seen and where the off-beats of new notes then stand.

    python benchmarks/swing.py FOLDER... [--files 10] [--preset NAME]

The first table tells the songs of each folder as they are, and the shares of them that, made to swing, are told with
the right swing and with a wrong one; the rest are told as straight. Only straight songs with 24 eighths off the beat or
more are made to swing. The second table infills eight bars in the middle of some of these, and compares the off-beats
of new and of kept notes.
"""

import argparse
import collections
import io
import random
from pathlib import Path

import mido
import numpy as np

from keras_symdiff import Composer, Song, read_melodies
from keras_symdiff.music.midi import choose_melody
from keras_symdiff.music.song import MidiError
from keras_symdiff.music.swing import NO_SWING

SWINGS = (0.58, 0.62, 2 / 3)
GAP = 8  # bars
LEAST_OFF_BEATS = 24


def lateness(ticks, resolution):
    """How late a file is as a whole, in ticks: the commonest distance of its onsets from a quarter, if it is small."""
    distances = (ticks + resolution // 2) % resolution - resolution // 2
    distances = distances[np.abs(distances) * 8 < resolution]
    values, counts = np.unique(distances, return_counts=True)
    return int(values[counts.argmax()]) if len(values) else 0


def off_beats(song):
    """Eighths off the beat in all tracks of a song that is not swung yet."""
    ticks = np.concatenate([track.notes.start for track in song.tracks])
    places = (ticks - lateness(ticks, song.ticks_per_quarter)) / song.ticks_per_quarter % 1
    return int(np.sum(np.abs(places - 0.5) < 0.06))


def swung(song, ratio):
    """The song with its off-beat eighths moved to a ratio of the quarter, and what lies between with them."""
    resolution = song.ticks_per_quarter
    late = lateness(np.concatenate([track.notes.start for track in song.tracks]), resolution)
    file = mido.MidiFile(file=io.BytesIO(song.data), clip=True)
    for track in file.tracks:
        now = last = 0
        for message in track:
            now += message.time
            beat, place = divmod((now - late) / resolution, 1)
            moved = place * 2 * ratio if place < 0.5 else ratio + (place - 0.5) * 2 * (1 - ratio)
            tick = max(last, round((beat + moved) * resolution) + late)
            message.time, last = tick - last, tick
    buffer = io.BytesIO()
    file.save(file=buffer)
    return Song.open(buffer.getvalue())


def find_songs(folder):
    """The songs of a folder in bars of quarters or halves, in an order that a seed fixes."""
    paths = sorted(Path(folder).rglob("*.mid"))
    random.Random(0).shuffle(paths)
    songs = (Song.open(path) for path in paths)
    return [song for song in songs if all(metre.denominator <= 4 for metre in song.grid.metres)]


def tell(folder, songs):
    """Prints how songs are told, as they are and swung; returns those that were made to swing."""
    told = collections.Counter(
        "in triplets" if song.grid.swing.triplets else "straight" if song.grid.swing == NO_SWING else "swung"
        for song in songs
    )
    straight = [song for song in songs if song.grid.swing == NO_SWING and off_beats(song) >= LEAST_OFF_BEATS]
    seen = []
    for ratio in SWINGS:
        swings = [swung(song, ratio).grid.swing for song in straight]
        right = [abs(swing.ratio - ratio) <= 0.02 and swing.steps == 4 and not swing.triplets for swing in swings]
        wrong = [swing != NO_SWING and not is_right for swing, is_right in zip(swings, right, strict=True)]
        seen += [f"{np.mean(right):.3f}", f"{np.mean(wrong):.3f}"]
    cells = (Path(folder).name, len(songs), told["straight"], told["swung"], told["in triplets"], len(straight), *seen)
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    return straight


def infill(composer, song, seed):
    """Composes eight bars in the middle of a song; returns the median off-beats of new and of kept notes."""
    melody, _ = choose_melody(read_melodies(song))
    first = (melody.first_bar + melody.num_bars) // 2 - GAP // 2 + 1
    if first - melody.first_bar < GAP // 2:
        raise MidiError(song.name, "is too short")
    take = composer.infill(song, bars=f"{first}-{first + GAP - 1}", takes=1, seed=seed, quality="draft").best
    edges = [melody.grid.ticks(melody.grid.bar_step(bar)) for bar in (first - 1, first - 1 + GAP)]
    everything = np.concatenate([track.notes.start for track in song.tracks])
    medians = []
    for version, is_new in ((Song.open(take.midi), True), (song, False)):
        ticks = version.tracks[melody.track].notes.start
        places = (ticks - lateness(everything, song.ticks_per_quarter)) / song.ticks_per_quarter % 1
        off = places[((ticks >= edges[0]) & (ticks < edges[1]) == is_new) & (places > 0.4) & (places < 0.73)]
        medians.append(float(np.median(off)) if len(off) >= 4 else np.nan)
    return medians


def main():
    """Prints the two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--files", type=int, default=10, help="infilled songs per folder and ratio")
    parser.add_argument("--preset", default=None)
    options = parser.parse_args()
    print("| folder | songs | straight | swung | in triplets | made to swing "
          "| .580: right | wrong | .620: right | wrong | .667: right | wrong |")  # fmt: skip
    print("|---" * 12 + "|")
    straight = {folder: tell(folder, find_songs(folder)) for folder in options.folders}
    composer = Composer.from_preset(options.preset) if options.preset else Composer.from_preset()
    print("\n| folder | off-beat | songs | new notes | kept notes | within .02 | largest difference |")
    print("|---" * 7 + "|")
    for folder, songs in straight.items():
        for ratio in SWINGS:
            found = []
            for song in songs:
                if len(found) == options.files:
                    break
                try:
                    new, kept = infill(composer, swung(song, ratio), seed=len(found))
                except (MidiError, ValueError):
                    continue
                if not np.isnan([new, kept]).any():
                    found.append((new, kept))
            new, kept = np.array(found).reshape(-1, 2).T
            away = np.abs(new - kept)
            cells = (Path(folder).name, f"{ratio:.3f}", len(found), f"{np.median(new):.3f}", f"{np.median(kept):.3f}",
                     int(np.sum(away <= 0.02)), f"{away.max(initial=0):.3f}")  # fmt: skip
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
