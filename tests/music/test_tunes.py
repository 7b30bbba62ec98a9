import itertools
import pathlib

import numpy as np
import pytest

from keras_symdiff import read_melodies
from keras_symdiff.music.tunes import LEAST_INTERVALS, MOST_SONGS, RUN, SHARED_RUNS, find_tunes, tune_runs

DATA = pathlib.Path(__file__).parents[1] / "data"


def line(seed, length=40):
    return np.random.default_rng(seed).integers(50, 70, length)


def test_runs_are_those_of_every_key_and_no_others():
    pitches = line(0)
    np.testing.assert_array_equal(tune_runs(pitches), tune_runs(pitches + 7))
    assert len(tune_runs(pitches)) == 40 - RUN
    assert np.all(np.diff(tune_runs(pitches)) > 0)
    changed = pitches.copy()
    changed[20] += 1
    assert len(np.intersect1d(tune_runs(pitches), tune_runs(changed))) == 40 - RUN - 13
    assert not len(tune_runs(pitches[:RUN]))
    assert not len(np.intersect1d(tune_runs(pitches), tune_runs(pitches[::-1])))


def test_figures_and_scales_are_no_tune():
    assert not len(tune_runs(np.arange(40, 90)))
    assert not len(tune_runs(np.tile([60, 64, 67, 64], 20)))
    assert LEAST_INTERVALS == 5


def test_hashes_tell_runs_apart_like_the_runs_themselves():
    intervals = [np.diff(line(seed, 400)) for seed in range(50)]
    runs = {run.tobytes() for of in intervals for run in np.lib.stride_tricks.sliding_window_view(of, RUN)}
    hashes = {value for seed in range(50) for value in tune_runs(line(seed, 400)).tolist()}
    assert len(hashes) == len(runs)


def test_versions_of_versions_are_one_tune():
    start, end = line(1), line(2)
    both = np.concatenate([start + 3, end - 2])
    tunes = find_tunes([tune_runs(pitches) for pitches in (line(3), end, line(4)[:13], start, both, line(3) + 1)])
    assert tunes.tolist() == [0, 1, 2, 1, 1, 0]


@pytest.mark.parametrize("shared", [SHARED_RUNS - 1, SHARED_RUNS])
def test_few_shared_runs_are_chance(shared):
    pitches = line(5, RUN + shared)
    others = [np.concatenate([pitches, line(seed)[::-1]]) for seed in (6, 7)]
    crossing = set(tune_runs(others[0]).tolist()) & set(tune_runs(others[1]).tolist())
    assert len(crossing) == shared
    assert (find_tunes([tune_runs(other) for other in others]) == 0).all() == (shared == SHARED_RUNS)


def test_what_everybody_plays_is_no_tune():
    runs = tune_runs(line(8))
    assert not find_tunes([runs] * MOST_SONGS).any()
    assert find_tunes([runs] * (MOST_SONGS + 1)).tolist() == list(range(MOST_SONGS + 1))
    assert find_tunes([runs[:0]] * 2 + [runs], same=[(2, 1)]).tolist() == [0, 1, 1]
    assert find_tunes([]).tolist() == []


def test_real_songs_are_of_different_tunes():
    files = sorted((DATA / "lakh").glob("*melody*.mid")) + sorted((DATA / "pop909").glob("[0-9][0-9][0-9].mid"))
    runs = [
        np.unique(np.concatenate([tune_runs(m.phrases()[0][m.phrases()[0] > 1].astype(int)) for m in read_melodies(f)]))
        for f in files
    ]
    shared = [len(np.intersect1d(a, b)) for a, b in itertools.combinations(runs, 2)]
    assert max(shared) < SHARED_RUNS
    assert find_tunes(runs).tolist() == list(range(len(files)))
