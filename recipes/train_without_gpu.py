"""Trains denoisers like those of the presets without a GPU, by `fit` on PyTorch in bfloat16.

    python recipes/train_without_gpu.py SONGS -o runs/songs --epochs 82
    python recipes/train_without_gpu.py SONGS -o runs/songs_mdn --variant mdn --epochs 20
    python recipes/train_without_gpu.py SONGS -o runs/lakh --preset lakh --start runs/songs --epochs 102

The second command trains the TransformerMDN beside it, the baseline; the third goes on from the denoiser of songs on
the lines of Lakh. SONGS is what prepare_songs.py wrote. The MusicVAE is that of `songs_small`. The same command again
goes on.
"""

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import click
import keras
import numpy as np
from pieces import Pieces, encode
from train_denoiser import THRESHOLD, VARIANTS, build

from keras_symdiff import LatentDiffusion, LatentMDN, LatentTransform, MusicVAE
from keras_symdiff.training.train_latent_model import train_latent_model

BATCH, STEPS = 32, 200  # pieces per batch, batches per epoch
LEARNING_RATE, MDN_RATE, NEXT_RATE = 1e-3, 3e-4, 5e-4  # of the first epoch; the last one from trained weights


@click.command()
@click.argument("songs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Run directory.")
@click.option("--preset", type=click.Choice(["songs", "lakh"]), default="songs", show_default=True)
@click.option("--variant", type=click.Choice(sorted(VARIANTS.keys() - {"all_keys"})), default="one_key",
              show_default=True)  # fmt: skip
@click.option("--start", help="Preset or run to go on from: its weights, and its scale of latents.")
@click.option("--epochs", type=click.IntRange(1), default=100, show_default=True, help="Epochs of 200 batches.")
def main(songs, output, preset, variant, start, epochs):
    """Trains on the songs in the folder SONGS, in C major and A minor."""
    train, held_out = (Pieces.read(songs, preset, split, one_key=True) for split in ("train", "validation"))
    vae = MusicVAE.from_preset("songs_small")
    (mean,), (stddev,) = encode(vae, train.tokens, (0,))
    transform = LatentTransform.fit(mean, stddev, THRESHOLD) if start is None else LatentTransform.from_preset(start)
    rows = np.full((len(train.lengths), train.lengths.max()), -1)
    conditions = np.zeros((*rows.shape, train.features.shape[1]), "float16")
    for run, (first, length) in enumerate(zip(train.starts, train.lengths, strict=True)):
        rows[run, :length] = train.rows[first : first + length]
        conditions[run, :length] = train.features[first : first + length]
    held_rows, held_conditions = held_out.windows()
    (held_mean,), _ = encode(vae, held_out.tokens, (0,))
    held = transform.forward(held_mean)[held_rows].astype("float32") * (held_rows >= 0)[:, :, None]
    windows, _ = train.windows()
    whole = windows[(windows >= 0).all(axis=1)]
    told = {"conditions": conditions, "weights": train.weights}
    rate, validation = LEARNING_RATE if start is None else NEXT_RATE, (held, held_conditions)
    if variant == "mdn":  # whole pieces, of which it is told nothing
        rows, told, rate = whole, {}, MDN_RATE if start is None else MDN_RATE / 2
        validation = held[(held_rows >= 0).all(axis=1)]
    keras.config.set_dtype_policy("mixed_bfloat16")

    def make_model():
        model = build(variant, transform.num_kept_dims, seed=0)
        if start is not None:
            trained = (LatentMDN if variant == "mdn" else LatentDiffusion).from_preset(start)
            model.network.set_weights(trained.network.get_weights())
        return model

    train_latent_model(
        make_model,
        transform.forward(mean).astype("float32"),
        rows,
        validation,
        transform,
        vae,
        output,
        {
            "preset": preset,
            "variant": variant,
            "start": start,
            "learning_rate": rate,
            "batch_size": BATCH,
            "steps": STEPS,
        },
        epochs,
        rate,
        BATCH,
        STEPS,
        ema_momentum=0.999,
        **told,
    )
    train.write_what_ships(output)


if __name__ == "__main__":
    main()
