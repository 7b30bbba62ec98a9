"""Infills songs of each metre, and compares the new bars with the kept ones and with those that were there.

    python benchmarks/infill_metres.py FOLDER [--files 20] [--preset NAME] [--pictures DIR]

FOLDER holds MIDI files of any metre. Eight bars in the middle of each song are composed anew. The tables show how many
onsets per bar lie at each place of the bar, in the new bars and in the kept ones, and where the off-beats of new and of
kept notes stand in songs in 4/4 that were made to swing.
"""

import argparse
import collections
import dataclasses
import random
from pathlib import Path

import numpy as np

from keras_symdiff import Composer, Song, read_melodies
from keras_symdiff.music.midi import choose_melody
from keras_symdiff.music.song import MidiError
from keras_symdiff.render.piano_roll import plot_piano_roll

GAP = 8  # bars


def infill(composer, song, seed):
    """Composes the middle eight bars of a song.

    Returns:
        Tuple of the melody as it was, the take, and the (first step, end step) of the gap.
    """
    melody, _ = choose_melody(read_melodies(song))
    first = (melody.first_bar + melody.num_bars) // 2 - GAP // 2 + 1
    if first - melody.first_bar < GAP // 2:
        raise MidiError(song.name, "is too short")
    takes = composer.infill(song, bars=f"{first}-{first + GAP - 1}", takes=1, seed=seed)
    gap = melody.grid.bar_step(first - 1), melody.grid.bar_step(first - 1 + GAP)
    return melody, takes.best, gap


def onsets_per_place(melody, inside):
    """Onsets at each step of the bar, and their bars: (S,), int."""
    starts = melody.start_steps[inside]
    bars = melody.grid.bar_of(starts)
    places = starts - melody.grid.bar_step(bars)
    return np.bincount(places, minlength=melody.grid.metres[0].bar_steps)


def main():
    """Prints two tables, and draws a song per metre."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=20, help="songs per metre")
    parser.add_argument("--preset", default=None)
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    composer = Composer.from_preset(options.preset) if options.preset else Composer.from_preset()
    paths = sorted(options.folder.rglob("*.mid"))
    random.Random(0).shuffle(paths)
    songs = collections.defaultdict(list)
    for path in paths:
        song = Song.open(path)
        metres = {f"{metre.numerator}/{metre.denominator}" for metre in song.grid.metres}
        songs[metres.pop() if len(metres) == 1 else "mixed"].append(song)

    print(
        "| metre | songs | onsets per bar, new | kept | new notes at another place of the bar |\n|---|---|---|---|---|"
    )
    for metre, of_metre in sorted(songs.items(), key=lambda item: -len(item[1])):
        totals, bars, count = np.zeros((2, 64)), np.zeros(2), 0
        for song in of_metre:
            if count == options.files:
                break
            try:
                melody, take, gap = infill(composer, song, seed=count)
            except (MidiError, ValueError):
                continue
            for row, (line, is_new) in enumerate(((take.melody, True), (melody, False))):
                inside = (line.start_steps >= gap[0]) & (line.start_steps < gap[1])
                found = onsets_per_place(line, inside if is_new else ~inside)[:64]
                totals[row, : len(found)] += found
                bars[row] += GAP if is_new else melody.num_bars - melody.first_bar - GAP
            if count == 0 and options.pictures:
                name = metre.replace("/", "_")
                before, after = (
                    dataclasses.replace(m, name=t) for m, t in ((melody, "before"), (take.melody, "after"))
                )
                plot_piano_roll([before, after], options.pictures / f"infill_{name}.png", [gap], f"{metre}, infilled")
            count += 1
        if count:
            shares = totals / totals.sum(axis=1, keepdims=True)
            per_bar = totals.sum(axis=1) / bars
            moved = np.abs(shares[0] - shares[1]).sum() / 2
            print(f"| {metre} | {count} | {per_bar[0]:.2f} | {per_bar[1]:.2f} | {moved:.3f} |", flush=True)


if __name__ == "__main__":
    main()
