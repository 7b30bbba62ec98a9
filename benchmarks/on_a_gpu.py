"""Times what takes minutes on a GPU and hours without: training, sampling and encoding at the paper's sizes, on JAX.

    python benchmarks/on_a_gpu.py

Training is the loop of `recipes/`: data on the device, 100 steps per call. Both types train on the same pieces, those
of the preset's `reference_pieces.npz`, from the same weights and noise, so that their losses can be compared.
Everything is compiled before it is timed. Prints a Markdown table.
"""

import argparse
import functools
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "recipes"))
from ceiling import product_rate, training_flops
from device_training import DeviceTraining

from keras_symdiff import (
    LatentDiffusion,
    LatentMDN,
    LatentTransform,
    MusicVAE,
    TransformerDenoiser,
    TransformerMDN,
    sample,
)
from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.presets.preset import preset_folder
from keras_symdiff.presets.reference_pieces import read_reference_pieces
from keras_symdiff.vae.sizes import SIZES

PRESET = "songs_small"
STEPS_PER_CALL = 100


def seconds_of(function):
    """Of the second call; the first compiles."""
    function()
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def scaled_pieces():
    """Latents (P, 32, D) of the preset's reference pieces."""
    tokens = read_reference_pieces(preset_folder(PRESET))
    mean, _ = MusicVAE.from_preset(PRESET).encode(tokens.reshape(-1, tokens.shape[-1]))
    scaled = LatentTransform.from_preset(PRESET).forward(mean)
    return scaled.reshape(*tokens.shape[:2], -1).astype("float32")


def time_training(name, model, latents, batch, steps, dtype):
    """Prints a row: seconds per step, the share of the ceiling, and the mean loss of the last half of the calls."""
    model.compile(keras.optimizers.Adam(1e-3))

    def draw(data, key):
        return (data[jax.random.randint(key, (batch,), 0, len(data))],)

    with tempfile.TemporaryDirectory() as folder:
        training = DeviceTraining(model, draw, latents, folder, steps_per_call=STEPS_PER_CALL)
        training.run(steps + STEPS_PER_CALL)  # compiles in the first call, which it does not time
        losses = [note["loss"] for note in training.history]
        second = training.seconds / steps
    share = training_flops(model.network, batch) / second / product_rate(dtype.removeprefix("mixed_"))
    loss = np.mean(losses[len(losses) // 2 :])
    print(
        f"| {name}, {batch} pieces per step | {dtype} | {1e3 * second:.2f} ms | {share:.0%} | {loss:.4f} |", flush=True
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000, help="of training (default %(default)s)")
    parser.add_argument("--pieces", type=int, default=1000, help="to sample (default %(default)s)")
    parser.add_argument("--phrases", type=int, default=100_000, help="to encode (default %(default)s)")
    options = parser.parse_args()
    latents = scaled_pieces()
    channels = latents.shape[-1]
    phrases = np.random.default_rng(0).integers(0, 90, (options.phrases, 32)).astype("int8")
    print(f"{jax.devices()[0].device_kind}, JAX {jax.__version__}, Keras {keras.__version__}\n")
    print("| what | type | time | of the ceiling | loss |\n|---|---|---|---|---|", flush=True)
    for dtype in ("mixed_bfloat16", "float32"):
        keras.config.set_dtype_policy(dtype)
        for batch in (64, 128):
            keras.utils.set_random_seed(0)
            model = LatentDiffusion(TransformerDenoiser(channels=channels), seed=0)
            time_training("denoiser, training", model, latents, batch, options.steps, dtype)
        keras.utils.set_random_seed(0)
        mdn = LatentMDN(TransformerMDN(channels=channels), seed=0)
        time_training("TransformerMDN, training", mdn, latents, 64, options.steps // 4, dtype)
        for name, sampler in (
            ("1000 steps of the paper", Sampler("ancestral", 1000)),
            ("25 steps of dpm-solver-sde", Sampler("dpm-solver-sde", 25)),
        ):
            take = functools.partial(sample, model, options.pieces, batch_size=250, sampler=sampler)
            second = seconds_of(take)
            print(f"| {options.pieces} pieces, {name} | {dtype} | {second:.2f} s | | |", flush=True)
        for size in ("magenta", "small"):
            vae = MusicVAE(**SIZES[size])
            second = seconds_of(functools.partial(vae.encode, phrases))
            print(f"| {options.phrases} phrases encoded, {size} | {dtype} | {second:.2f} s | | |", flush=True)


if __name__ == "__main__":
    main()
