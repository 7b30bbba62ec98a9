import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_runs import EPOCHS, STEPS, run

SCRIPT = Path(__file__).parent / "small_runs.py"


def start(folder, *arguments):
    # JAX's compilation is most of the time of so small a run; its second process reads what the first compiled.
    cache = {"JAX_COMPILATION_CACHE_DIR": str(folder / "cache"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    command = [sys.executable, SCRIPT, folder, *arguments]
    return subprocess.run(command, env=os.environ | cache, capture_output=True, text=True)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """An uninterrupted run, and one that was killed in both trainings and started again with the same call."""
    whole, killed = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("killed")
    run(whole)
    for deadly, record in (("vae", killed / "vae"), ("diffusion", killed / "diffusion")):
        process = start(killed, deadly)
        assert process.returncode == -signal.SIGKILL, process.stderr
        assert (record / "checkpoint.weights.h5").exists()
        assert len((record / "metrics.csv").read_text().splitlines()) == 2  # a header and the first epoch
    process = start(killed)
    assert process.returncode == 0, process.stderr
    return whole, killed


def numbers(path):
    """All arrays of a checkpoint or a preset's weights, by name."""
    if path.suffix == ".npz":
        with np.load(path) as archive:
            return dict(archive)
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return arrays


@pytest.mark.parametrize(
    "path",
    [
        "vae/checkpoint.weights.h5",
        "vae/music_vae/weights.npz",
        "diffusion/checkpoint.weights.h5",
        "diffusion/latent_diffusion/weights.npz",
    ],
)
def test_killed_and_resumed_ends_as_if_nothing_had_happened(runs, path):
    whole, killed = (numbers(folder / path) for folder in runs)
    assert whole.keys() == killed.keys()
    for name in whole:
        np.testing.assert_array_equal(killed[name], whole[name], err_msg=name)


def test_checkpoint_holds_noise_optimizer_and_moving_averages(runs):
    vae = numbers(runs[1] / "vae" / "checkpoint.weights.h5")
    diffusion = numbers(runs[1] / "diffusion" / "checkpoint.weights.h5")
    assert vae["vars/0"] == vae["optimizer/vars/0"] == diffusion["optimizer/vars/0"] == EPOCHS * STEPS
    weights = sum(not name.startswith(("optimizer", "vars")) for name in diffusion)
    moving_averages = 1
    moments = 2
    assert sum(name.startswith("optimizer") for name in diffusion) == 2 + (moments + moving_averages) * weights
    for checkpoint in (vae, diffusion):
        assert checkpoint["vars/noise"].shape == (2,)


@pytest.mark.parametrize("part", ["vae", "diffusion"])
def test_metrics_have_one_row_an_epoch(runs, part):
    for folder in runs:
        with open(folder / part / "metrics.csv", newline="") as file:
            assert [row["epoch"] for row in csv.DictReader(file)] == [str(epoch) for epoch in range(EPOCHS)]
