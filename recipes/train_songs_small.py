"""Trains the denoiser of the preset `songs_small` on a CPU, by `fit` on PyTorch in bfloat16.

    python recipes/train_songs_small.py SONGS -o runs/songs_small --seconds 2200

SONGS is what prepare_songs.py wrote. The MusicVAE is that of `lakh_pop_small`.
"""

import math
import os
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import click
import keras
import numpy as np
from pieces import Pieces, encode
from train_denoiser import THRESHOLD, build

from keras_symdiff import LatentTransform, MusicVAE
from keras_symdiff.music.form import FormTable
from keras_symdiff.presets.preset import FORMS_FILE
from keras_symdiff.presets.training_phrases import write_training_phrases
from keras_symdiff.training.paper_optimizer import paper_optimizer
from keras_symdiff.training.piece_batches import PieceBatches

BATCH, STEPS = 32, 250  # pieces per batch, batches per epoch
PEAK, WARM_UP = 1e-3, 200  # learning rate, and the steps in which it rises


class FallByTheClock(keras.callbacks.Callback):
    """The learning rate falls as a cosine to a hundredth until the time is over, and training ends."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds, self.began = seconds, time.monotonic()

    def on_train_batch_begin(self, batch, logs=None):
        progress = min(1.0, (time.monotonic() - self.began) / self.seconds)
        rise = min(1.0, (int(self.model.optimizer.iterations) + 1) / WARM_UP)
        self.model.optimizer.learning_rate = PEAK * rise * (0.01 + 0.495 * (1 + math.cos(math.pi * progress)))
        self.model.stop_training = progress == 1.0


@click.command()
@click.argument("songs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Run directory.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=2200, show_default=True)
def main(songs, output, seconds):
    """Trains on the songs in the folder SONGS, in C major and A minor."""
    train, held_out = (Pieces.read(songs, "songs", split, one_key=True) for split in ("train", "validation"))
    vae = MusicVAE.from_preset("lakh_pop_small")
    (mean,), (stddev,) = encode(vae, train.tokens, (0,))
    transform = LatentTransform.fit(mean, stddev, THRESHOLD)
    rows = np.full((len(train.lengths), train.lengths.max()), -1)
    conditions = np.zeros((*rows.shape, train.features.shape[1]), "float16")
    for run, (start, length) in enumerate(zip(train.starts, train.lengths, strict=True)):
        rows[run, :length] = train.rows[start : start + length]
        conditions[run, :length] = train.features[start : start + length]
    phrases = transform.forward(mean).astype("float32")
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(0)
    model = build("one_key", transform.num_kept_dims, seed=0)
    model.compile(paper_optimizer(PEAK, 0.999))
    held_rows, held_conditions = held_out.windows()
    (held_mean,), _ = encode(vae, held_out.tokens, (0,))
    held = transform.forward(held_mean)[held_rows].astype("float32") * (held_rows >= 0)[:, :, None]
    batches = PieceBatches(phrases, rows, conditions, BATCH, STEPS, train.weights)
    model.fit(
        batches, epochs=1000, shuffle=False, verbose=2, validation_data=model.validation_batches(held, held_conditions),
        callbacks=[batches.follow_epochs(), FallByTheClock(seconds), keras.callbacks.SwapEMAWeights()],
    )  # fmt: skip
    model.weights_origin = f"moving average (momentum 0.999) after {int(model.optimizer.iterations)} steps"
    for part in (model, vae):
        part.save_preset(output, "float16")
    transform.save(output / "latent_transform.json")
    windows, _ = train.windows()
    plans = [(piece[:, None] == piece).argmax(axis=1) for piece in (row[row >= 0] for row in windows)]
    FormTable.of(plans).save(output / FORMS_FILE)
    write_training_phrases(output, train.tokens)


if __name__ == "__main__":
    main()
