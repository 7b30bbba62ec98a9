"""Measures how long a user waits, at quality `normal`, with the models loaded: new pieces and takes, decoding included.

    python benchmarks/waiting.py SONG.mid [--preset lakh_small] [--backends jax tensorflow torch]

Each backend computes in a process of its own, one after the other. "First" is the first call of a process, which
compiles. The models of the paper's sizes and with conditions have random weights: they are of no account for time.
"""

import argparse
import os
import subprocess
import sys
import time

import numpy as np


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("song", help="a MIDI file whose melody has notes around bars 17-32")
    parser.add_argument("--preset", default="lakh_small")
    parser.add_argument("--backends", nargs="+", default=["jax", "tensorflow", "torch"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--within", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.within:
        return measure(options)
    print("| backend | what | first, s | again, s (median) | min .. max |\n|---|---|---|---|---|", flush=True)
    for backend in options.backends:
        environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--within"], env=environment, check=True)


def measure(options):
    """Prints the rows of this process's backend."""
    import keras

    from keras_symdiff import (
        QUALITIES,
        Composer,
        LatentDiffusion,
        LatentTransform,
        MusicVAE,
        TransformerDenoiser,
        sample,
    )
    from keras_symdiff.models.sizes import SIZES
    from keras_symdiff.music.condition import CONDITION_DIM

    def pieces(model, transform, vae, number, **told):
        scaled = sample(model, number, seed=0, sampler=QUALITIES["normal"], **told)  # (N, 32, D)
        vae.decode(transform.inverse(scaled).reshape(-1, vae.latent_dim))

    def row(what, call, repeats):
        seconds = []
        for _ in range(1 + repeats):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
        again = seconds[1:]
        spread = f"{np.median(again):.2f} | {min(again):.2f} .. {max(again):.2f}" if again else " | "
        print(f"| {keras.backend.backend()} | {what} | {seconds[0]:.2f} | {spread} |", flush=True)

    composer = Composer.from_preset(options.preset)
    row("64 new bars", lambda: composer.compose(1), options.repeats)
    row("8 takes of 16 bars, ranked", lambda: composer.infill(options.song, bars="17-32", takes=8), options.repeats)
    row("1000 pieces of 64 bars", lambda: composer.compose(1000), 0)
    vae = MusicVAE()
    kept = np.arange(42)  # dimensions, as many as in the paper
    transform = LatentTransform(kept, -np.ones(42), np.ones(42), vae.latent_dim)
    model = LatentDiffusion(TransformerDenoiser(channels=transform.num_kept_dims, **SIZES["diffusion"]["paper"]))
    row("64 new bars, the paper's sizes", lambda: pieces(model, transform, vae, 1), options.repeats)
    transform, sizes = composer.transform, SIZES["diffusion"]["small"]
    model = LatentDiffusion(TransformerDenoiser(channels=transform.num_kept_dims, condition_dim=CONDITION_DIM, **sizes))
    told = {"conditions": np.ones((1, 32, CONDITION_DIM), "float32"), "repeats": np.arange(32)[None] % 16}
    row(
        "64 new bars that repeat and are guided by conditions",
        lambda: pieces(model, transform, composer.vae, 1, **told),
        options.repeats,
    )


if __name__ == "__main__":
    main()
