import pathlib

import tensorflow_datasets as tfds

LAKH = pathlib.Path(__file__).parents[1] / "data" / "lakh"


def test_a_folder_becomes_a_data_set(cli, tiny_preset, tmp_path):
    code, out, err = cli("encode", LAKH, "--publish", tmp_path, "--preset", tiny_preset)
    assert code == 0, err
    assert "tfds." in out
    assert '("lmd_latents/lakh", split="train"' in out
    builder = tfds.builder("lmd_latents/lakh", data_dir=tmp_path)
    assert builder.info.splits["train"].num_examples >= 9
    assert "music" in (builder.data_path / "README.md").read_text()


def test_a_source_that_gives_no_piece_is_one_line(cli, tiny_preset, tmp_path):
    (tmp_path / "midi").mkdir()
    code, _, err = cli("encode", tmp_path / "midi", "--publish", tmp_path / "out", "--preset", tiny_preset)
    assert code == 1
    assert err.splitlines()[-1].startswith("Error: The source must hold MIDI files")
