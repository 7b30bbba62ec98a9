"""Versions of one tune among the files of a source, which belong into one split."""

import io
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from keras_symdiff.constants import FIRST_ONSET
from keras_symdiff.music.midi import read_melodies
from keras_symdiff.music.song import MidiError
from keras_symdiff.music.tunes import find_tunes, tune_runs
from keras_symdiff.write_atomically import write_atomically
from tfds_lmd_latents.in_workers import in_workers
from tfds_lmd_latents.midi_files import MidiFile

_FILES_AT_ONCE = 64


def tunes_of(
    files: Sequence[MidiFile], cache: str | os.PathLike, num_workers: int | None = None
) -> Int[np.ndarray, " F"]:
    """Finds the files that hold one tune, in whatever key and tempo.

    Args:
        files: list of `MidiFile`.
        cache: path of the `.npy` file in which the result is kept.
        num_workers: int, as for `encode_blocks`.

    Returns:
        Int array (F,): of each file, the first one that has its tune. See `music.tunes.find_tunes`.
    """
    cache = pathlib.Path(cache)
    if not cache.exists():
        parts = [files[start : start + _FILES_AT_ONCE] for start in range(0, len(files), _FILES_AT_ONCE)]
        runs = [of_file for of_part in in_workers(_runs_of, parts, num_workers) for of_file in of_part]
        buffer = io.BytesIO()
        np.save(buffer, find_tunes(runs))
        cache.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(cache, buffer.getvalue())
    with open(cache, "rb") as file:
        return np.load(file)


def count_tunes(tunes: Int[np.ndarray, " F"]) -> dict[str, int]:
    """Counts what a card says of the result of `tunes_of`, a dict of int."""
    sizes = np.unique(tunes, return_counts=True)[1]
    shared = sizes[sizes > 1]
    return {
        "files that share a tune": int(shared.sum()),
        "tunes of several files": len(shared),
        "most files of a tune": int(sizes.max(initial=0)),
    }


def _runs_of(files):
    """The runs of intervals of each file's melodies; none of a file that cannot be used."""
    found = []
    for file in files:
        try:
            melodies = read_melodies(file.path)
        except (MidiError, OSError):
            melodies = []
        lines = [melody.phrases()[0] for melody in melodies]
        runs = [tune_runs(tokens[tokens >= FIRST_ONSET]) for tokens in lines]
        found.append(np.unique(np.concatenate([np.zeros(0, np.uint64), *runs])))
    return found
