"""Which songs are versions of one tune, in whatever key and tempo."""

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt64

RUN = 12  # intervals
SHARED_RUNS = 8  # of two versions of one tune
LEAST_INTERVALS = 5  # different ones in a run; fewer make a figure of accompaniment, or a scale
MOST_SONGS = 60  # that hold a run; more make it common property
_LARGEST_INTERVAL = 24
_FACTORS = np.random.default_rng(0).integers(1 << 63, size=RUN, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_PAIRS_AT_ONCE = 1 << 24


def tune_runs(pitches: Int[np.ndarray, " N"]) -> UInt64[np.ndarray, " R"]:
    """Hashes of the runs of intervals of a line: those of another key or rhythm are the same.

    Args:
        pitches: of the line's notes in their order.

    Returns:
        The different hashes, rising; none for a line of up to 12 notes.
    """
    intervals = np.diff(np.asarray(pitches, np.int64)).clip(-_LARGEST_INTERVAL, _LARGEST_INTERVAL)
    if len(intervals) < RUN:
        return np.zeros(0, np.uint64)
    runs = np.lib.stride_tricks.sliding_window_view(intervals, RUN)  # (N - RUN, RUN)
    different = 1 + (np.diff(np.sort(runs, axis=1), axis=1) != 0).sum(axis=1)
    kept = (runs[different >= LEAST_INTERVALS] + _LARGEST_INTERVAL + 1).astype(np.uint64)
    return np.unique((kept * _FACTORS).sum(axis=1, dtype=np.uint64))


def find_tunes(runs: Sequence[UInt64[np.ndarray, " R"]], same: Sequence[tuple[int, int]] = ()) -> Int[np.ndarray, " S"]:
    """Groups songs by tune: two that share at least 8 runs of 12 intervals are versions of one.

    A version of a version counts too. Needs 32 bytes for each run of each song.

    Args:
        runs: hashes of each song, see `tune_runs`.
        same: further pairs of songs that are versions of one tune. Defaults to none.

    Returns:
        Of each song, the first one of its tune; its own index where no other has the tune.

    Example:
    ```python
    from keras_symdiff.music.tunes import find_tunes, tune_runs

    line = np.random.default_rng(0).integers(50, 70, 40)
    find_tunes([tune_runs(line), tune_runs(line[::-1]), tune_runs(line + 3)])  # 0, 1, 0
    ```
    """
    hashes = np.concatenate([np.zeros(0, np.uint64), *runs])
    songs = np.repeat(np.arange(len(runs)), [len(of) for of in runs])[np.argsort(hashes, kind="stable")]
    hashes.sort()
    starts = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)])
    sizes = np.diff(np.append(starts, len(hashes)))
    pairs, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for size in range(2, MOST_SONGS + 1):
        held = starts[sizes == size]
        first, second = np.array(list(itertools.combinations(range(size), 2))).T
        step = max(1, _PAIRS_AT_ONCE // len(first))
        for at in range(0, len(held), step):
            holders = songs[held[at : at + step, None] + np.arange(size)]  # rising: the sort is stable
            found, times = np.unique(holders[:, first] * len(runs) + holders[:, second], return_counts=True)
            pairs, inverse = np.unique(np.concatenate([pairs, found]), return_inverse=True)
            counts = np.bincount(inverse, np.concatenate([counts, times]), len(pairs)).astype(np.int64)
    first_of = np.arange(len(runs))

    def root(song):
        while first_of[song] != song:
            first_of[song] = first_of[first_of[song]]
            song = first_of[song]
        return song

    shared = [divmod(pair, len(runs)) for pair in pairs[counts >= SHARED_RUNS].tolist()]
    for one, other in (sorted(map(root, pair)) for pair in [*shared, *same]):
        first_of[other] = one
    return np.array([root(song) for song in range(len(runs))], np.int64)
