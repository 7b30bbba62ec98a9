"""The random numbers of training."""

import keras
import numpy as np


def training_noise(seed: int) -> keras.random.SeedGenerator:
    """A `keras.random.SeedGenerator` far from that of every other seed.

    On PyTorch, Keras seeds draw `n` of generator `seed` with `seed + n`, so that neighbouring seeds would share almost
    all of their noise.

    Args:
        seed: int >= 0.

    Returns:
        `keras.random.SeedGenerator`.
    """
    return keras.random.SeedGenerator(int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1))
