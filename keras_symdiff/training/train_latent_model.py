"""Training a model of latents on encoded melodies."""

import functools
import math
import operator
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from jaxtyping import Float, Float32, Int, Real

from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.training.paper_optimizer import paper_optimizer
from keras_symdiff.training.piece_batches import PieceBatches
from keras_symdiff.training.processes import spread_over_processes
from keras_symdiff.training.run_directory import RunDirectory
from keras_symdiff.training.seeded_batches import SeededBatches

DECAY_PER_EPOCH = 0.98  # paper 4.3: every 4000 steps, the default length of an epoch
STEPS_A_CALL = 10


def train_latent_model(
    make_model: Callable[[], keras.Model],
    phrases: Float32[np.ndarray, "U D"],
    pieces: Int[np.ndarray, "S M"],
    validation: Float32[np.ndarray, "V L D"] | tuple[Float32[np.ndarray, "V L D"], Float[np.ndarray, "V L C"]],
    transform: LatentTransform,
    vae: keras.Model,
    run_folder: str | Path,
    options: dict[str, Any],
    epochs: int,
    learning_rate: float,
    batch_size: int,
    steps: int = 4000,
    ema_momentum: float = 0.9999,
    seed: int = 0,
    conditions: Float[np.ndarray, "S M C"] | None = None,
    weights: Real[np.ndarray, " S"] | None = None,
) -> Path:
    """Trains with the paper's recipe (section 4.3) and leaves a folder that is enough to sample from.

    Of several processes, see `training.processes`, each reads its share of every batch.

    Args:
        make_model: function without arguments that returns the `LatentDiffusion` or `LatentMDN` to train, with new
            weights or trained ones.
        phrases: float32 array (U, D), scaled latents of distinct phrases.
        pieces: int array (W, 32), rows of `phrases`: the training pieces. With `conditions`, whole songs (S, M) as
            `PieceBatches` takes them, of which pieces of 8 to 32 phrases are cut.
        validation: float32 array (V, 32, D), scaled latents of held-out pieces. With `conditions`, a pair of them,
            padded by anything, and their conditions (V, 32, C).
        transform: `LatentTransform` that scaled them.
        vae: `MusicVAE` that encoded them.
        run_folder: path; a killed run goes on from there.
        options: JSON-able dict, see `RunDirectory`.
        epochs: int.
        learning_rate: in the first epoch.
        batch_size: int.
        steps: batches per epoch; the learning rate decays by 0.98 per epoch. Defaults to 4000.
        ema_momentum: of the moving average that validates and samples. Defaults to 0.9999.
        seed: int.
        conditions: float array (S, M, C), for a model that has them. Defaults to `None`.
        weights: float array (S,), with `conditions`; see `PieceBatches`.

    Returns:
        The folder in which this process writes; see `RunDirectory`.
    """
    held_out = validation[0] if isinstance(validation, tuple) else validation
    if not len(pieces) or not len(held_out):
        raise ValueError(
            f"Training and validation need pieces of 32 phrases (64 bars) without a rest. Received: {len(pieces)} and "
            f"{len(held_out)} pieces"
        )
    spread_over_processes()
    keras.utils.set_random_seed(seed)  # the initial weights
    model = make_model()
    expected = (model.network.num_positions, model.network.channels)
    if expected != (held_out.shape[1], transform.num_kept_dims):
        raise ValueError(
            f"The model is of {expected[0]} phrases with {expected[1]} channels. Received: pieces of "
            f"{held_out.shape[1]} phrases and a transform that keeps {transform.num_kept_dims} dimensions"
        )
    if conditions is None:
        batches = SeededBatches(pieces, batch_size, steps, seed, augment=lambda rows, stream: phrases[rows])
    else:
        batches = PieceBatches(phrases, pieces, conditions, batch_size, steps, weights, seed)
    arrays = [array for array in (phrases, pieces, conditions, weights) if array is not None]
    data = functools.reduce(operator.xor, (zlib.crc32(np.ascontiguousarray(array).data) for array in arrays))
    run = RunDirectory(run_folder, options | {"encoder": vae.fingerprint(), "data": data})
    transform.save(run.path / "latent_transform.json")
    vae.save_preset(run.path)
    # Several steps per call pay on JAX, on a CPU too (benchmarks/README.md); PyTorch refuses them.
    alone = keras.distribution.distribution() is None
    together = math.gcd(steps, STEPS_A_CALL) if keras.backend.backend() == "jax" and alone else 1
    model.compile(paper_optimizer(learning_rate, ema_momentum), steps_per_execution=together)
    run.fit(
        model,
        batches,
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
    return run.path
