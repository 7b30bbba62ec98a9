"""How well phrases survive encoding and decoding."""

from typing import Any

import keras
import numpy as np
from jaxtyping import Int

from keras_symdiff.constants import FIRST_ONSET


def reconstruction_metrics(tokens: Int[np.ndarray, "N 32"], decoded: Int[np.ndarray, "N 32"]) -> dict[str, float]:
    """Compares phrases with their autoregressive reconstructions.

    Two thirds of all tokens are "no event", so that token accuracy alone flatters.

    Args:
        tokens: integer array (N, 32).
        decoded: integer array (N, 32).

    Returns:
        dict of floats in [0, 1]: `token_accuracy`; `onset_accuracy`, the share of positions with an onset on either
        side where both have the same pitch; `exact_phrases`, the share of phrases without any error.
    """
    equal = tokens == decoded
    onsets = (tokens >= FIRST_ONSET) | (decoded >= FIRST_ONSET)
    return {
        "token_accuracy": float(equal.mean()),
        "onset_accuracy": float(equal[onsets].mean()) if onsets.any() else 1.0,
        "exact_phrases": float(equal.all(axis=1).mean()),
    }


class ReconstructionMetrics(keras.callbacks.Callback):
    """Adds the `reconstruction_metrics` of held-out phrases to the logs of every epoch, as `val_...`.

    Args:
        tokens: integer array (N, 32).
    """

    def __init__(self, tokens: Int[np.ndarray, "N 32"]):
        super().__init__()
        self.tokens = np.asarray(tokens)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        mean, _ = self.model.encode(self.tokens)
        metrics = reconstruction_metrics(self.tokens, self.model.decode(mean))
        logs.update({f"val_{name}": value for name, value in metrics.items()})
