"""Measures how well infilled bars fit what the other tracks sound, beside the song's own and a displaced melody.

    python benchmarks/harmony.py SONGS --preset RUN --names recipes/songs_test.txt --match pop909

Of each song, the first 16 bars of melody without a rest that follow 8 such bars are composed anew, 8 takes each, and
the top-ranked take is measured. Prints a Markdown table with 95 % intervals by resampling songs.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

from keras_symdiff import Composer, Song
from keras_symdiff.metrics.chord_fit import chord_fit
from keras_symdiff.metrics.intervals import interval, resampled_counts
from keras_symdiff.metrics.piece_statistics import piece_statistics
from keras_symdiff.music.accompaniment import beneath_phrases
from keras_symdiff.music.midi import choose_melody

GAP_PHRASES = 8  # 16 bars
DISPLACED = (3, 5, 7)  # bars
FIGURES = ("chord_tone_time", "chord_tone_onsets", "clash_time", "clash_bars", "in_key")


def find_gap(song):
    """The melody of a song, and its phrases (first, end) to compose: the first 8 without a rest that follow 4 of them.

    Returns:
        Tuple of `Melody`, first phrase and end; or `None` where there are none.
    """
    melody, _ = choose_melody(song.melodies())
    _, rests = melody.phrases()
    whole = (melody.phrase_steps >= 0).any(axis=1) & ~rests
    for first in range(4, len(whole) - GAP_PHRASES):
        if whole[first - 4 : first + GAP_PHRASES + 1].all():
            return melody, first, first + GAP_PHRASES
    return None


def fit(song, melody, first, end, displaced=0):
    """Figures of some phrases of a melody, which may be displaced by so many bars against the other tracks."""
    tokens, _ = melody.phrases()
    sounds = beneath_phrases(song, melody.track, melody.phrase_steps)  # (N, 8, 12)
    beats = np.roll(sounds.reshape(-1, 12), 4 * displaced, axis=0).reshape(sounds.shape)
    figures = chord_fit(tokens[None, first:end], beats[None, first:end])
    statistics = piece_statistics(tokens[None, first:end])
    figures |= {name: statistics[name] for name in ("leap_rate", "exact_repeat_rate", "out_of_key_rate")}
    return {name: float(values[0]) for name, values in figures.items()}


def main():
    """Composes, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("songs", type=Path, help="folder of MIDI files")
    parser.add_argument("--preset", required=True, help="a shipped preset or a run directory")
    parser.add_argument("--names", type=Path, help="file with the names of songs to take (default all)")
    parser.add_argument("--match", default="", help="only lines of it that begin so")
    parser.add_argument("--takes", type=int, default=8, help="takes per song (default %(default)s)")
    parser.add_argument("--scales", type=float, nargs="+", default=[], help="condition scales instead of the quality's")
    parser.add_argument("--most", type=int, default=10**6, help="songs at most (default all)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    paths = sorted(options.songs.rglob("*.mid"))
    if options.names:
        names = {Path(line).stem for line in options.names.read_text().split("\n") if line.startswith(options.match)}
        paths = [path for path in paths if path.stem in names]
    composer = Composer.from_preset(options.preset)
    ways = {"hears the song": {}, "free decoding": {"key_cost": 0.0}, "does not hear": {"harmony": False}}
    if options.scales:
        import dataclasses

        from keras_symdiff import QUALITIES

        ways = {f"scale {scale}": {"quality": dataclasses.replace(QUALITIES["normal"], condition_scale=scale)}
                for scale in options.scales}  # fmt: skip
    rows = {name: [] for name in ("the song", "displaced", *ways)}
    seconds = []
    for path in paths[: options.most]:
        song = Song.open(path)
        found = find_gap(song)
        if found is None:
            continue
        melody, first, end = found
        borders = melody.phrase_borders[::32]
        bars = f"{song.grid.bar_of(int(borders[first])) + 1}-{song.grid.bar_of(int(borders[end]) - 1) + 1}"
        rows["the song"].append(fit(song, melody, first, end))
        displaced = [fit(song, melody, first, end, by) for by in DISPLACED]
        rows["displaced"].append({name: np.mean([one[name] for one in displaced]) for name in displaced[0]})
        for name, arguments in ways.items():
            began = time.perf_counter()
            takes = composer.infill(
                song, bars, takes=options.takes, seed=options.seed, track=melody.track + 1, **arguments
            )
            seconds.append(time.perf_counter() - began)
            rows[name].append(fit(song, takes.best.melody, first, end))
        print(f"{len(rows['the song'])} songs", end="\r", file=sys.stderr, flush=True)
    number = len(rows["the song"])
    weights = resampled_counts(number)
    columns = list(rows["the song"][0])
    print(f"{number} songs of {options.songs.name}, {options.takes} takes, seed {options.seed}, {composer.name};")
    print(f"median {np.median(seconds):.2f} s per call\n")
    print("| | " + " | ".join(name.replace("_", " ") for name in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, figures in rows.items():
        cells = []
        for column in columns:
            values = np.array([one[column] for one in figures])
            known = ~np.isnan(values)
            low, high = interval((weights[:, known] @ values[known]) / weights[:, known].sum(axis=1))
            cells.append(f"{values[known].mean():.3f} [{low:.3f}, {high:.3f}]")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
