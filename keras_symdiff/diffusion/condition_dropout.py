"""Parts of conditions that training hides, so that a model can do without any of them."""

from typing import Any

import keras
import numpy as np
from jaxtyping import Float
from keras import ops

from keras_symdiff.music.condition import CONDITION_DIM, HIDEABLE, PARTS

# Shares: of pieces without any condition; of pieces without one part; of single phrases without a part.
DROP_RATES = {"piece": 0.15, "chroma": 0.1, "density": 0.35, "register": 0.35, "repeats": 0.3, "phrase": 0.05}


def hide_parts(
    condition: Float[Any, "B L C"], rates: dict[str, float], seed: keras.random.SeedGenerator
) -> Float[Any, "B L C"]:
    """Zeroes parts of conditions at random, each with its flag.

    What tells phrases from padding and how long they are is never hidden.

    Args:
        condition: See `music.condition`.
        rates: Dict of shares in [0, 1] with the keys of `DROP_RATES`.
        seed: `keras.random.SeedGenerator`.

    Returns:
        `(B, L, C)`, float32.
    """
    num_pieces, num_phrases = ops.shape(condition)[0], condition.shape[1]

    def drawn(shape, rate):
        return ops.less(keras.random.uniform(shape, dtype="float32", seed=seed), rate)

    of_parts = np.array([rates[name] for name in HIDEABLE], "float32")  # (P,)
    hidden = ops.logical_or(drawn((num_pieces, 1, 1), rates["piece"]), drawn((num_pieces, 1, len(HIDEABLE)), of_parts))
    hidden = ops.logical_or(hidden, drawn((num_pieces, num_phrases, len(HIDEABLE)), rates["phrase"]))  # (B, L, P)
    features = np.zeros((len(HIDEABLE), CONDITION_DIM), "float32")  # of each part
    for part, name in zip(features, HIDEABLE, strict=True):
        part[PARTS[name]] = 1.0
    return condition * (1.0 - ops.matmul(ops.cast(hidden, "float32"), features))
