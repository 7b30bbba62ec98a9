"""Training a model of latents on encoded melodies."""

import math
import zlib

import keras

from keras_symdiff.training.paper_optimizer import paper_optimizer
from keras_symdiff.training.run_directory import RunDirectory
from keras_symdiff.training.seeded_batches import SeededBatches

DECAY_PER_EPOCH = 0.98  # paper 4.3: every 4000 steps, the default length of an epoch
STEPS_A_CALL = 10


def train_latent_model(
    make_model,
    phrases,
    pieces,
    validation,
    transform,
    vae,
    run_folder,
    options,
    epochs,
    learning_rate,
    batch_size,
    steps=4000,
    ema_momentum=0.9999,
    seed=0,
):
    """Trains with the paper's recipe (section 4.3) and leaves a folder that is enough to sample from.

    Args:
        make_model: function without arguments that returns the `LatentDiffusion` or `LatentMDN` to train, with new
            weights or trained ones.
        phrases: float32 array (U, D), scaled latents of distinct phrases.
        pieces: int array (W, 32), rows of `phrases`: the training pieces.
        validation: float32 array (V, 32, D), scaled latents of held-out pieces.
        transform: `LatentTransform` that scaled them.
        vae: `MusicVAE` that encoded them.
        run_folder: path; a killed run goes on from there.
        options: JSON-able dict, see `RunDirectory`.
        epochs: int.
        learning_rate: float, in the first epoch.
        batch_size: int.
        steps: int, batches an epoch; the learning rate decays by 0.98 an epoch. Defaults to 4000.
        ema_momentum: float, of the moving average that validates and samples. Defaults to 0.9999.
        seed: int.
    """
    if not len(pieces) or not len(validation):
        raise ValueError(
            f"Training and validation need pieces of 32 phrases (64 bars) without a rest. Received: {len(pieces)} and "
            f"{len(validation)} pieces"
        )
    keras.utils.set_random_seed(seed)  # the initial weights
    model = make_model()
    expected = (model.network.num_positions, model.network.channels)
    if expected != (validation.shape[1], transform.num_kept_dims):
        raise ValueError(
            f"The model is of {expected[0]} phrases with {expected[1]} channels. Received: pieces of "
            f"{validation.shape[1]} phrases and a transform that keeps {transform.num_kept_dims} dimensions"
        )
    data = {"encoder": vae.fingerprint(), "data": zlib.crc32(phrases.tobytes()) ^ zlib.crc32(pieces.tobytes())}
    run = RunDirectory(run_folder, options | data)
    transform.save(run.path / "latent_transform.json")
    vae.save_preset(run.path)
    # Several steps a call pay on JAX, on a CPU too (benchmarks/README.md); PyTorch refuses them.
    together = math.gcd(steps, STEPS_A_CALL) if keras.backend.backend() == "jax" else 1
    model.compile(paper_optimizer(learning_rate, ema_momentum), steps_per_execution=together)
    run.fit(
        model,
        SeededBatches(pieces, batch_size, steps, seed, augment=lambda rows, stream: phrases[rows]),
        epochs,
        callbacks=[
            keras.callbacks.LearningRateScheduler(lambda epoch: learning_rate * DECAY_PER_EPOCH**epoch),
            keras.callbacks.SwapEMAWeights(),  # validates the moving average; `fit` leaves it in the model at the end
        ],
        validation_data=validation,
    )
    steps_taken = int(model.optimizer.iterations)
    model.weights_origin = f"moving average (momentum {ema_momentum}) after {steps_taken} steps"
    model.save_preset(run.path)
