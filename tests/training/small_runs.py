"""Trains a tiny MusicVAE, then a tiny denoiser on its latents: `python small_runs.py FOLDER [vae|diffusion]`.

With a second argument, that training is killed in its second epoch.
"""

import os
import signal
import sys
from pathlib import Path

import keras

from keras_symdiff import LatentDiffusion, LatentTransform, MusicVAE, TransformerDenoiser
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.music.corpus import read_corpus
from keras_symdiff.training.seeded_batches import SeededBatches
from keras_symdiff.training.train_latent_model import train_latent_model
from keras_symdiff.vae.train import split_phrases, train_vae

TUNES = sorted((Path(__file__).parents[1] / "data" / "pop909").glob("*.mid"))[:4]
EPOCHS = 3
STEPS = 6


class DeadlyBatches(SeededBatches):
    """Kills the process in the middle of the second epoch, as `kill -9` would."""

    def __getitem__(self, index):
        if (self.epoch, index) == (1, 3):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


def run(folder):
    corpus = read_corpus(TUNES)
    train, held_out = split_phrases(corpus.distinct()[0])
    keras.utils.set_random_seed(1)
    vae = MusicVAE(latent_dim=8, encoder_units=12, decoder_units=(12,), token_dropout=0.3, seed=1)
    options = {"seed": 1}
    train_vae(vae, train, held_out, folder / "vae", options, epochs=EPOCHS, steps=STEPS, batch_size=16, seed=1)

    latents = LatentCorpus.encode(MusicVAE.from_preset(folder / "vae"), corpus)
    transform = LatentTransform.fit(latents.mean, kept_dims=range(6))
    windows = latents.windows()
    scaled = transform.forward(latents.mean).astype("float32")
    size = {
        "embed_dim": 8,
        "num_layers": 1,
        "num_heads": 2,
        "mlp_dim": 8,
        "num_residual_blocks": 1,
        "residual_dim": 8,
        "film_dim": 8,
    }
    train_latent_model(
        lambda: LatentDiffusion(TransformerDenoiser(channels=6, **size), seed=1),
        scaled,
        windows[:-4],
        scaled[windows[-4:]],
        transform,
        vae,
        folder / "diffusion",
        options,
        epochs=EPOCHS,
        learning_rate=1e-3,
        batch_size=8,
        steps=STEPS,
        ema_momentum=0.8,
        seed=1,
    )


if __name__ == "__main__":
    deadly = sys.argv[2] if len(sys.argv) > 2 else None
    if deadly:
        trainer = {"vae": "keras_symdiff.vae.train", "diffusion": "keras_symdiff.training.train_latent_model"}[deadly]
        sys.modules[trainer].SeededBatches = DeadlyBatches
    run(Path(sys.argv[1]))
