import hashlib

import numpy as np
import pytest

from keras_symdiff import Melody, write_midi
from tfds_lmd_latents.midi_files import MidiFile, cut_into_blocks, find_midi_files
from tfds_lmd_latents.tunes import count_tunes, tunes_of


def write_version(path, seed, semitones=0, qpm=120.0, length=4):
    """A melody of random pitches, in another key, tempo and rhythm than other versions of its seed."""
    tokens = np.zeros((3200 // 32, 32), np.int8)
    tokens.reshape(-1)[::length][:200] = np.random.default_rng(seed).integers(40, 60, 200) + semitones
    write_midi(Melody.from_phrases(tokens, tempos=((0, qpm),)), path)


@pytest.fixture
def files(tmp_path):
    for seed in range(3):
        write_version(tmp_path / f"{seed}.mid", seed)
    write_version(tmp_path / "b_1.mid", 1, semitones=5, qpm=90.0, length=8)
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    return find_midi_files(tmp_path)[0]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_files_of_one_tune_are_found_in_any_key_tempo_and_rhythm(files, tmp_path, num_workers):
    tunes = tunes_of(files, tmp_path / "cache" / "tunes.npy", num_workers)
    assert [file.name for file in files] == ["0.mid", "1.mid", "2.mid", "b_1.mid", "bad.mid"]
    assert tunes.tolist() == [0, 1, 2, 1, 4]
    assert count_tunes(tunes) == {"files that share a tune": 2, "tunes of several files": 1, "most files of a tune": 2}
    for file in files:
        (tmp_path / file.name).unlink()  # what was found is kept
    np.testing.assert_array_equal(tunes_of(files, tmp_path / "cache" / "tunes.npy"), tunes)


def test_a_tune_is_in_one_split_whatever_the_order_of_its_files():
    files = [MidiFile("", "", hashlib.sha256(str(number).encode()).hexdigest()) for number in range(3000)]
    tunes = np.arange(3000) // 3  # three versions of each

    def held_out(order):
        firsts = {tune: min(np.flatnonzero(tunes[order] == tune)) for tune in range(1000)}
        blocks = cut_into_blocks([files[i] for i in order], 0.2, np.array([firsts[tunes[i]] for i in order]))
        return {file for block in blocks if block.split == "validation" for file in block.files}

    chosen = held_out(np.arange(3000))
    numbers = np.array([files.index(file) for file in chosen])
    assert set(np.bincount(tunes[numbers], minlength=1000)) == {0, 3}
    assert len(chosen) == pytest.approx(600, abs=110)
    assert chosen == held_out(np.random.default_rng(0).permutation(3000))
    assert cut_into_blocks(files, 0.2, np.zeros(3000, int))[-1].split in ("train", "validation")
    one_tune = {block.split for block in cut_into_blocks(files[:2], 0.001, np.zeros(2, int))}
    assert one_tune == {"train"}
