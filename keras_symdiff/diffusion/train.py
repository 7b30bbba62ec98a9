"""Training a LatentDiffusion on encoded melodies."""

import re
import zlib

import keras
import numpy as np

from keras_symdiff.diffusion.latent_diffusion import LatentDiffusion, paper_optimizer, validation_batches
from keras_symdiff.models.transformer_denoiser import TransformerDenoiser
from keras_symdiff.training.run_directory import RunDirectory
from keras_symdiff.training.seeded_batches import SeededBatches

DECAY_PER_EPOCH = 0.98  # paper 4.3: every 4000 steps, the default length of an epoch


def split_windows(latents):
    """Separates training from validation pieces by file, so that no tune is in both.

    Args:
        latents: `LatentCorpus`.

    Returns:
        `(train, validation)`, int arrays (W, 32) of rows of `latents.mean`; a twentieth of the files validates.
    """
    starts = latents.corpus.windows()
    melody = np.searchsorted(latents.corpus.offsets, starts, side="right") - 1
    # Names are `path#instrument`, and either part may hold a `#` of its own.
    path = re.compile(r".*?\.midi?(?=#)|[^#]*", re.IGNORECASE)
    files = [path.match(name)[0].rpartition("/")[2] for name in latents.corpus.names]
    remainders = np.array([zlib.crc32(file.encode()) % 20 for file in files])[melody]
    held_out = remainders == min(remainders, default=0)  # 0, but for a few files, of which some validate too
    windows = latents.windows()
    return windows[~held_out], windows[held_out]


def train_diffusion(
    phrases,
    pieces,
    validation,
    transform,
    vae,
    run_folder,
    options,
    size,
    epochs,
    steps=4000,
    batch_size=64,
    learning_rate=1e-3,
    ema_momentum=0.9999,
    seed=0,
):
    """Trains with the paper's recipe (section 4.3) and leaves a folder that is enough to sample from.

    Args:
        phrases: float32 array (U, D), scaled latents of distinct phrases.
        pieces: int array (W, 32), rows of `phrases`: the training pieces.
        validation: float32 array (V, 32, D), scaled latents of held-out pieces.
        transform: `LatentTransform` that scaled them.
        vae: `MusicVAE` that encoded them.
        run_folder: path; a killed run goes on from there.
        options: JSON-able dict, see `RunDirectory`.
        size: dict of arguments of `TransformerDenoiser`.
        epochs: int.
        steps: int, batches an epoch; the learning rate decays by 0.98 an epoch. Defaults to 4000.
        batch_size: int. Defaults to 64.
        learning_rate: float, in the first epoch. Defaults to 1e-3.
        ema_momentum: float, of the moving average that validates and samples. Defaults to 0.9999.
        seed: int.
    """
    if not len(pieces) or not len(validation):
        raise ValueError(
            f"Training and validation need pieces of 32 phrases (64 bars) without a rest. Received: {len(pieces)} and "
            f"{len(validation)} pieces"
        )
    keras.utils.set_random_seed(seed)  # the initial weights
    data = {"encoder": vae.fingerprint(), "data": zlib.crc32(phrases.tobytes()) ^ zlib.crc32(pieces.tobytes())}
    run = RunDirectory(run_folder, options | data)
    transform.save(run.path / "latent_transform.json")
    vae.save_preset(run.path)
    model = LatentDiffusion(TransformerDenoiser(channels=transform.num_kept_dims, **size), seed=seed)
    model.compile(paper_optimizer(learning_rate, ema_momentum))
    run.fit(
        model,
        SeededBatches(pieces, batch_size, steps, seed, augment=lambda rows, stream: phrases[rows]),
        epochs,
        callbacks=[
            keras.callbacks.LearningRateScheduler(lambda epoch: learning_rate * DECAY_PER_EPOCH**epoch),
            keras.callbacks.SwapEMAWeights(),  # validates the moving average; `fit` leaves it in the model at the end
        ],
        validation_data=validation_batches(validation, model.schedule),
    )
    steps_taken = int(model.optimizer.iterations)
    model.weights_origin = f"moving average (momentum {ema_momentum}) after {steps_taken} steps"
    model.save_preset(run.path)
