import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import tensorflow_datasets as tfds

import tfds_lmd_latents
from keras_symdiff import MusicVAE
from tfds_lmd_latents import midi_files

LAKH = pathlib.Path(__file__).parents[1] / "data" / "lakh"

BUILD = """
import os
import signal
import sys

import tensorflow_datasets as tfds

import tfds_lmd_latents
from tfds_lmd_latents import midi_files
from tfds_lmd_latents.lmd_latents import lmd_latents_dataset_builder

source, encoder, data_dir = sys.argv[1:]
midi_files.FILES_PER_BLOCK = 4
lmd_latents_dataset_builder._progress = lambda done, total: done == 2 and os.kill(os.getpid(), signal.SIGKILL)
config = tfds_lmd_latents.LmdLatentsConfig(name="lakh", source=source, encoder=encoder, num_workers=1)
tfds.builder("lmd_latents", config=config, data_dir=data_dir, file_format="array_record").download_and_prepare()
"""


def build(encoder, data_dir):
    config = tfds_lmd_latents.LmdLatentsConfig(name="lakh", source=str(LAKH), encoder=encoder, num_workers=0)
    builder = tfds.builder("lmd_latents", config=config, data_dir=data_dir, file_format="array_record")
    builder.download_and_prepare()
    return {(example["file"], example["first_bar"]): example for example in builder.as_data_source("train")}


def test_a_build_that_is_killed_goes_on_without_encoding_again(tiny_preset, tmp_path, monkeypatch):
    encoder = str(tiny_preset)
    command = [sys.executable, "-c", BUILD, str(LAKH), encoder, str(tmp_path / "killed")]
    # The worker holds the pipes open: they end only if it ends with the build.
    killed = subprocess.run(command, env=os.environ, capture_output=True, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not list(tmp_path.rglob("dataset_info.json"))
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "killed").rglob("encoded/*/*.npz")}
    assert len(finished) == 2

    monkeypatch.setattr(midi_files, "FILES_PER_BLOCK", 4)
    whole = build(encoder, tmp_path / "whole")
    encoded = []
    encode = MusicVAE.encode
    monkeypatch.setattr(MusicVAE, "encode", lambda vae, tokens: encoded.append(1) or encode(vae, tokens))
    resumed = build(encoder, tmp_path / "killed")
    assert len(encoded) == 4 - 2  # 11 files of the train split, and one that is held out
    assert all(path.stat().st_mtime_ns == time for path, time in finished.items())
    assert len(whole) > 9
    np.testing.assert_equal(resumed, whole)
    assert not list((tmp_path / "killed").rglob("*incomplete*"))
