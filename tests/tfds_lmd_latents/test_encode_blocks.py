import resource
import shutil

import numpy as np
import pytest

from tfds_lmd_latents import encode_blocks as module
from tfds_lmd_latents import midi_files
from tfds_lmd_latents.encode_blocks import encode_blocks
from tfds_lmd_latents.midi_files import cut_into_blocks, find_midi_files
from tfds_lmd_latents.song_block import EncodedBlock


@pytest.fixture
def blocks(songs, monkeypatch):
    shutil.copy(songs / "1.mid", songs / "x.mid")
    with open(songs / "x.mid", "ab") as file:
        file.write(b"another file with the same melody")
    monkeypatch.setattr(midi_files, "FILES_PER_BLOCK", 2)
    return cut_into_blocks(find_midi_files(songs)[0])


def examples(paths):
    return {key: example for path in paths for key, example in EncodedBlock.load(path).examples("melodies")}


def test_any_number_of_workers_gives_the_same_examples(blocks, tiny_preset, tmp_path):
    alone = examples(encode_blocks(blocks, str(tiny_preset), tmp_path / "0", num_workers=0))
    together = examples(encode_blocks(blocks, str(tiny_preset), tmp_path / "2", num_workers=2))
    assert list(alone) == list(together)
    for key in alone:
        np.testing.assert_equal(alone[key], together[key])


def test_a_melody_stays_where_it_comes_first(blocks, tiny_preset, tmp_path):
    paths = encode_blocks(blocks, str(tiny_preset), tmp_path, num_workers=0)
    assert sorted(example["file"] for example in examples(paths).values()) == [
        "0.mid",
        "1.mid",
        "2.mid",
        "3.mid",
        "below/4.mid",
    ]
    assert sum(EncodedBlock.load(path).songs.duplicates for path in paths) == 1


def test_a_melody_of_both_splits_is_only_in_train(songs, tiny_preset, tmp_path):
    original = (songs / "1.mid").read_bytes()
    for attempt in range(10_000):  # a file of validation, by its hash, with a melody of a file of train
        (songs / "0_earlier_by_name.mid").write_bytes(original + str(attempt).encode())
        blocks = cut_into_blocks(find_midi_files(songs)[0])
        if any(file.name.startswith("0_") for file in blocks[-1].files):
            break
    assert blocks[-1].split == "validation"
    paths = encode_blocks(blocks, str(tiny_preset), tmp_path / "encoded", num_workers=0)
    assert sorted(example["file"] for example in examples(paths[-1:]).values()) == ["below/4.mid"]
    assert "1.mid" in {example["file"] for example in examples(paths[:-1]).values()}


def test_a_build_goes_on_where_it_was_killed(blocks, tiny_preset, tmp_path, monkeypatch):
    whole = examples(encode_blocks(blocks, str(tiny_preset), tmp_path / "whole", num_workers=0))

    class Killed(BaseException):
        pass

    def kill(done, total):
        if done == 2:
            raise Killed

    with pytest.raises(Killed):
        encode_blocks(blocks, str(tiny_preset), tmp_path / "killed", num_workers=0, progress=kill)
    encoded = []
    encode = EncodedBlock.encode
    monkeypatch.setattr(module.EncodedBlock, "encode", lambda vae, songs: encoded.append(1) or encode(vae, songs))
    resumed = examples(encode_blocks(blocks, str(tiny_preset), tmp_path / "killed", num_workers=0))
    assert len(encoded) == len(blocks) - 2
    assert list(resumed) == list(whole)
    for key in whole:
        np.testing.assert_equal(resumed[key], whole[key])


def test_a_full_disk_keeps_the_blocks_before(blocks, tiny_preset, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    first, *_ = encode_blocks(blocks[:1], str(tiny_preset), tmp_path / "encoded", num_workers=0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            encode_blocks(blocks, str(tiny_preset), tmp_path / "encoded", num_workers=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "encoded").iterdir()) == [first]
