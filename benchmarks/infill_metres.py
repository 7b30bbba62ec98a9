"""Infills songs of each metre, and compares where notes start in the bar: new ones, those that were there, kept ones.

    python benchmarks/infill_metres.py FOLDER... [--files 12] [--preset NAME] [--pictures DIR]

The folders hold MIDI files of any metre. Eight bars in the middle of each song are composed anew. The table shows the
onsets per bar, and how far their shares at each place of the bar lie from those of the kept bars: the total variation
(0 the same, 1 none in common), per song in the median, and of all songs of a metre taken together; the same of the bars
that were there before.
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
METRES = ("4/4", "2/4", "3/4", "6/8", "9/8", "12/8", "mixed")


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


def histograms(before, after, gap):
    """Onsets per bar at each step of the bar: of new notes, of those there before, and of kept ones; (3, 64)."""
    result = []
    for melody, is_inside in ((after, True), (before, True), (before, False)):
        inside = (melody.start_steps >= gap[0]) & (melody.start_steps < gap[1])
        starts = melody.start_steps[inside == is_inside]
        places = starts - melody.grid.bar_step(melody.grid.bar_of(starts))
        bars = GAP if is_inside else before.num_bars - before.first_bar - GAP
        result.append(np.bincount(places, minlength=64)[:64] / bars)
    return result


def row(found):
    """The cells of a metre, of histograms (songs, 3, 64)."""

    def away(counts):
        shares = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1e-9)
        return np.abs(shares[..., :2, :] - shares[..., 2:, :]).sum(axis=-1) / 2

    together = found.sum(axis=0)
    used = together.any(axis=0)
    correlations = [np.corrcoef(together[side, used], together[2, used])[0, 1] for side in (0, 1)]
    return " | ".join(
        [f"{value:.2f}" for value in found.sum(axis=2).mean(axis=0)]
        + [f"{value:.3f}" for value in (*np.median(away(found), axis=0), *away(together), *correlations)]
    )


def draw(melody, take, gap, metre, folder):
    """Draws a song before and after."""
    folder.mkdir(parents=True, exist_ok=True)
    versions = [dataclasses.replace(m, name=name) for m, name in ((melody, "before"), (take.melody, "after"))]
    plot_piano_roll(versions, folder / f"infill_{metre.replace('/', '_')}.png", [gap], f"{metre}, infilled")


def main():
    """Prints a table, and draws a song per metre."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--files", type=int, default=12, help="songs per metre")
    parser.add_argument("--preset", default=None)
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    composer = Composer.from_preset(options.preset) if options.preset else Composer.from_preset()
    paths = sorted(path for folder in options.folders for path in Path(folder).rglob("*.mid"))
    random.Random(0).shuffle(paths)
    songs = collections.defaultdict(list)
    for path in paths:
        song = Song.open(path)
        metres = {f"{metre.numerator}/{metre.denominator}" for metre in song.grid.metres}
        songs[metres.pop() if len(metres) == 1 else "mixed"].append(song)

    print("| metre | songs | onsets per bar: new | there before | kept | from kept, per song: new | there before "
          "| together: new | there before | correlation: new | there before |")  # fmt: skip
    print("|---" * 11 + "|")
    for metre in METRES:
        found = []
        for song in songs[metre]:
            if len(found) == options.files:
                break
            try:
                melody, take, gap = infill(composer, song, seed=len(found))
            except (MidiError, ValueError):
                continue
            found.append(histograms(melody, take.melody, gap))
            if len(found) == 1 and options.pictures:
                draw(melody, take, gap, metre, options.pictures)
        if found:
            print(f"| {metre} | {len(found)} | {row(np.array(found))} |", flush=True)


if __name__ == "__main__":
    main()
