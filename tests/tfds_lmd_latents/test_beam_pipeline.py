import numpy as np
import pytest

from tfds_lmd_latents import midi_files
from tfds_lmd_latents.encode_blocks import encode_blocks
from tfds_lmd_latents.midi_files import cut_into_blocks, find_midi_files
from tfds_lmd_latents.song_block import EncodedBlock

beam = pytest.importorskip("apache_beam", reason="the extra [beam] is optional")


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("layout", ["sequences", "melodies"])
def test_beam_gives_the_examples_that_one_machine_gives(songs, tiny_preset, tmp_path, monkeypatch, split, layout):
    from apache_beam.testing.util import assert_that

    from tfds_lmd_latents.beam_pipeline import encode_with_beam

    monkeypatch.setattr(midi_files, "FILES_PER_BLOCK", 2)
    blocks = cut_into_blocks(find_midi_files(songs)[0])
    paths = encode_blocks(blocks, str(tiny_preset), tmp_path / "encoded", num_workers=0)
    expected = {
        key: example
        for block, path in zip(blocks, paths, strict=True)
        if block.split == split
        for key, example in EncodedBlock.load(path).examples(layout)
    }
    assert expected

    def equal(found):
        found = dict(found)
        assert sorted(found) == sorted(expected)
        for key, example in expected.items():
            np.testing.assert_equal(found[key], example)

    with beam.Pipeline(runner="DirectRunner") as pipeline:
        made = pipeline | encode_with_beam(blocks, split, str(tiny_preset), layout, tmp_path / "dropped.txt")
        assert_that(made, equal)
    assert (tmp_path / "dropped.txt").read_text() == "bad.mid\tends within its header\n" * (split == "train")
