"""The noise of generated samples: NumPy streams, one a sample.

Keras's generators give other numbers on every backend and tie a sample's noise to its place in the batch. Here a
sample's noise depends on its seed and index only, so that it is the same music on all backends and at any batch size.
"""

import numpy as np

# The given part of an infilled sample has a stream of its own: the reverse process draws the same noise without it.
REVERSE = 0  # x_N, then the noise of steps N, N - 1, ..., 1
FORWARD = 1  # the given part's noise after steps N, N - 1, ..., 1
AUTOREGRESSIVE = 2  # the draws of TransformerMDN at positions 0, 1, ..., L - 1
NULL = 3  # what the evaluation's nulls shuffle and mix
PRIOR = 4  # the evaluation's latents that know nothing of each other


def noise_streams(seed, indices, purpose):
    """Returns one independent generator a sample.

    Args:
        seed: Integer >= 0.
        indices: Integers >= 0. Index of each sample among all that are made from `seed`.
        purpose: `REVERSE` or another of the constants of this module.

    Returns:
        List of `numpy.random.Generator`.
    """
    return [
        np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(int(index), purpose))))
        for index in indices
    ]


def draw(streams, shape):
    """Draws the next N(0, 1) numbers of every stream.

    Drawing twice and drawing both at once give the same numbers.

    Args:
        streams: B generators.
        shape: Shape of one sample's draw.

    Returns:
        `(B, *shape)`, float32.
    """
    return np.stack([stream.standard_normal(shape, dtype=np.float32) for stream in streams])
