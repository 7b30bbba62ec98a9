"""The two terms of a MusicVAE's loss."""

from typing import Any

import keras
import numpy as np
from jaxtyping import Float, Int
from keras import ops


def cross_entropy_of(tokens: Int[Any, "B S"], logits: Float[Any, "B S T"]) -> Float[Any, " B"]:
    """Cross entropy of tokens (B, 32) under logits (B, 32, 90): `(B,)`, nats per phrase."""
    return ops.sum(keras.losses.sparse_categorical_crossentropy(tokens, logits, from_logits=True), axis=-1)


def kl_divergence(mean: Float[Any, "B Z"], stddev: Float[Any, "B Z"]) -> Float[Any, " B"]:
    """Divergence of posteriors (B, Z) from the prior N(0, I): `(B,)`, nats per phrase."""
    return 0.5 * ops.sum(ops.square(mean) + ops.square(stddev) - 1.0 - 2.0 * ops.log(stddev), axis=-1)


def negative_evidence_lower_bound(
    cross_entropy: Float[Any, " B"], kl: Float[Any, " B"], kl_weight: Any, free_bits: float
) -> Float[Any, ""]:
    """Mean of `cross entropy + kl_weight * max(KL - free_bits * ln 2, 0)`, nats per phrase."""
    return ops.mean(cross_entropy + kl_weight * ops.maximum(kl - free_bits * np.log(2.0), 0.0))
