"""The step that all decoders share: from logits and noise to a token."""

from typing import Any

from jaxtyping import Float, Int
from keras import ops


def choose_token(logits: Float[Any, "B T"], gumbel: Float[Any, "B T"]) -> tuple[Int[Any, " B"], Int[Any, " B"]]:
    """The tokens (B,) of the largest of logits (B, 90) and noise, and the same with -1 where logits are not finite."""
    token = ops.cast(ops.argmax(ops.cast(logits, "float32") + gumbel, axis=-1), "int32")
    return token, ops.where(ops.isfinite(ops.sum(logits, axis=-1)), token, -1)
