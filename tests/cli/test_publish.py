import pathlib
import subprocess
import sys

import keras
import pytest
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


def test_the_format_is_an_option_and_not_what_is_installed(cli, tiny_preset, tmp_path):
    publish = ["encode", LAKH, "--publish", tmp_path, "--preset", tiny_preset]
    code, out, err = cli(*publish, "--validation-share", 0.3)
    assert code == 0, err
    assert 'tfds.data_source("lmd_latents/lakh"' in out
    builder = tfds.builder("lmd_latents/lakh", data_dir=tmp_path)
    assert builder.info.file_format.value == "array_record"
    assert builder.info.splits["validation"].num_examples > 1


WITHOUT_TENSORFLOW = """
import importlib.machinery
import sys

find = importlib.machinery.PathFinder.find_spec.__func__
hidden = ("tensorflow", "tensorboard")
importlib.machinery.PathFinder.find_spec = classmethod(
    lambda cls, name, *rest: None if name.split(".")[0] in hidden else find(cls, name, *rest)
)
from keras_symdiff.cli.main import main

main()
"""


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="does not run without itself")
def test_a_data_set_is_built_and_read_without_tensorflow(tiny_preset, tmp_path):
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, "encode", LAKH, "--publish", tmp_path, "--preset", tiny_preset]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    example = tfds.data_source("lmd_latents/lakh", split="train", data_dir=tmp_path)[0]
    assert example["mean"].shape == (32, 4)
    result = subprocess.run([*command, "--format", "tfrecord"], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("Error: --format tfrecord needs TensorFlow")


def test_a_folder_for_hubs(cli, tiny_preset, tmp_path):
    datasets = pytest.importorskip("datasets")
    code, out, err = cli("encode", LAKH, "--publish", tmp_path, "--preset", tiny_preset, "--parquet")
    assert code == 0, err
    folder = tfds.builder("lmd_latents/lakh", data_dir=tmp_path).data_path / "hub"
    assert f'datasets.load_dataset("{folder}", split="train")' in out
    assert len(datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))) >= 9
    code, _, err = cli("encode", LAKH, "-o", tmp_path / "a.npz", "--parquet")
    assert (code, err.split(" (")[0]) == (2, "Error: --parquet, --format and --validation-share go with --publish.")
