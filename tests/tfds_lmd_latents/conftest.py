import hashlib
import shutil

import numpy as np
import pytest

from keras_symdiff import Melody, write_midi


def write_song(path, seed, validation=False, phrases=34, rest=None):
    """A MIDI file with one melody of random notes, named so that its hash puts it into the split that is wanted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tokens = np.zeros((phrases, 32), np.int8)
    tokens[:, ::4] = np.random.default_rng(seed).integers(30, 60, (phrases, 8))
    if rest is not None:
        tokens[rest - 1, 31] = 1  # the note before ends
        tokens[rest] = 0
    for attempt in range(10_000):
        write_midi(Melody.from_phrases(tokens, name=f"melody {attempt}"), path)
        if (int(hashlib.sha256(path.read_bytes()).hexdigest()[:16], 16) % 100 == 0) == validation:
            return tokens
    raise AssertionError("no name gives the split")


@pytest.fixture(scope="session")
def shared_songs(tmp_path_factory):
    """A folder, not to be changed, of five songs, one of them for validation, one a copy, and one that is no MIDI."""
    folder = tmp_path_factory.mktemp("songs")
    for seed in range(4):
        write_song(folder / f"{seed}.mid", seed, phrases=33 + seed, rest=20 if seed == 3 else None)
    write_song(folder / "below" / "4.mid", 4, validation=True)
    shutil.copy(folder / "0.mid", folder / "9.mid")
    (folder / "bad.mid").write_bytes(b"MThd")
    return folder


@pytest.fixture
def songs(shared_songs, tmp_path):
    """The same, to be changed."""
    return shutil.copytree(shared_songs, tmp_path / "songs")
