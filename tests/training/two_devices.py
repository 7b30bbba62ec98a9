"""Prints, as JSON, what the same training gives on one device, on two, and with several steps an execution."""

import json

import jax
import keras
import numpy as np

from keras_symdiff import LatentDiffusion, TransformerDenoiser

SIZES = {"embed_dim": 8, "num_layers": 1, "num_heads": 2, "mlp_dim": 8, "num_residual_blocks": 1, "residual_dim": 8}
LATENTS = np.random.default_rng(0).uniform(-1, 1, (40, 4, 3)).astype("float32")


def train(**options):
    keras.utils.set_random_seed(0)
    model = LatentDiffusion(TransformerDenoiser(4, 3, noise_embed_dim=8, film_dim=8, **SIZES))
    model.compile(**options)
    average = keras.callbacks.SwapEMAWeights()
    history = model.fit(
        LATENTS, batch_size=8, epochs=2, verbose=0, validation_data=LATENTS[:15], callbacks=[average]
    ).history
    devices = len(model.denoiser.weights[0].value.sharding.device_set)
    return history | {"weights": [float(np.abs(w).sum()) for w in model.denoiser.get_weights()], "devices": devices}


def refusal():
    model = LatentDiffusion(TransformerDenoiser(4, 3, noise_embed_dim=8, film_dim=8, **SIZES))
    model.compile()
    try:
        model.fit(LATENTS, batch_size=7, verbose=0)
    except ValueError as error:
        return str(error)


if __name__ == "__main__":
    assert jax.device_count() == 2
    results = {"one": train(), "several_steps": train(steps_per_execution=3)}
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    print(json.dumps(results | {"two": train(), "refusal": refusal()}))
