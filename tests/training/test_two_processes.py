import csv
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_symdiff import MusicVAE
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.music.corpus import read_corpus
from keras_symdiff.training import processes
from keras_symdiff.training.processes import join_processes, own_share

SCRIPT = Path(__file__).parent / "two_processes.py"
LAKH = Path(__file__).parents[1] / "data" / "lakh"


def start_two(arguments, cache, of_second=()):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    # What one run compiled the next one reads.
    environment = os.environ | {
        "KERAS_SYMDIFF_CACHE": str(cache),
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": coordinator,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
    }
    return [
        subprocess.Popen(
            [sys.executable, *map(str, [SCRIPT, *(of_second if process else ()), *arguments])],
            env=environment | {"KERAS_DISTRIBUTION_PROCESS_ID": str(process)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for process in range(2)
    ]  # fmt: skip


def losses(folder):
    with open(folder / "metrics.csv", newline="") as file:
        return np.array([(float(row["loss"]), float(row["val_loss"])) for row in csv.DictReader(file)])


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="`keras.distribution` trains on JAX only")
def test_two_processes_train_as_one_also_when_one_was_killed(cli, tiny_preset, tmp_path):
    latents = tmp_path / "lakh.npz"
    LatentCorpus.encode(MusicVAE.from_preset(tiny_preset), read_corpus([LAKH])).save(latents)
    command = ["train", latents, "--validation", latents, "--init-from", tiny_preset, "--batch-size", 4, "--steps", 2]
    command += ["--epochs", 3, "--ema-momentum", 0.5, "--given-share", 0.5, "-o"]
    code, _, err = cli(*command, tmp_path / "one")
    assert code == 0, err

    first, second = start_two([*command, tmp_path / "two"], tmp_path / "cache", ["kill"])
    assert second.wait() == -signal.SIGKILL, second.stdout.read().decode()
    try:
        first.wait(15)  # the collective fails, or hangs until its peer is missed
    except subprocess.TimeoutExpired:
        first.kill()
    assert first.wait() != 0
    assert 1 <= len(losses(tmp_path / "two")) < 3

    for process in start_two([*command, tmp_path / "two"], tmp_path / "cache"):
        output, _ = process.communicate()
        assert process.returncode == 0, output.decode()
    np.testing.assert_allclose(losses(tmp_path / "two"), losses(tmp_path / "one"), rtol=1e-5)
    kernels = []
    for folder in ("one", "two"):
        with np.load(tmp_path / folder / "latent_diffusion" / "weights.npz") as weights:
            kernels.append([weights[name] for name in weights.files])
    for one, two in zip(*kernels, strict=True):
        np.testing.assert_allclose(two, one, atol=1e-5)


def test_shares_are_a_batch(monkeypatch):
    batch = np.arange(6), (np.arange(12).reshape(6, 2), np.arange(6.0))
    shares = []
    for process in range(3):
        monkeypatch.setattr(processes, "this_process", lambda process=process: (process, 3))
        shares.append(own_share(batch))
    np.testing.assert_array_equal(np.concatenate([first for first, _ in shares]), batch[0])
    np.testing.assert_array_equal(np.concatenate([second for _, (_, second) in shares]), batch[1][1])
    assert [second.shape for _, (second, _) in shares] == [(2, 2)] * 3
    with pytest.raises(ValueError, match="share a batch equally"):
        own_share(np.arange(7))


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX can")
def test_other_backends_say_that_they_cannot(monkeypatch):
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
    with pytest.raises(ValueError, match="Several processes train on JAX only"):
        join_processes()
