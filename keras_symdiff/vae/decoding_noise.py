"""What decoding adds to the logits of tokens before it takes the greatest: noise, wishes and orders."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float32

from keras_symdiff.constants import NUM_TOKENS, PHRASE_STEPS
from keras_symdiff.noise_streams import Purpose, noise_streams

_CERTAIN = 1e9  # noise that no logit outweighs


def decoding_noise(seed: int, indices: Iterable[int]) -> Float32[np.ndarray, "B 32 90"]:
    """Draws standard Gumbel noise, by which the greatest sum is a draw from the softmax.

    Args:
        seed: Integer >= 0.
        indices: Index of each phrase, which has a stream of its own.

    Returns:
        The noise.
    """
    streams = noise_streams(seed, indices, Purpose.DECODING)
    return np.stack([stream.gumbel(size=(PHRASE_STEPS, NUM_TOKENS)) for stream in streams]).astype("float32")


def checked_forced(forced: Any, num_phrases: int) -> np.ndarray:
    """Returns tokens to force as an array (N, 32).

    Raises:
        ValueError: If they are not integers of -1 (free) to 89.
    """
    forced = np.asarray(forced)
    if forced.shape != (num_phrases, PHRASE_STEPS) or not np.issubdtype(forced.dtype, np.integer):
        raise ValueError(
            f"Forced tokens are integers of shape {(num_phrases, PHRASE_STEPS)}. "
            f"Received: forced of shape {forced.shape} and type {forced.dtype}"
        )
    if forced.size and not (forced.min() >= -1 and forced.max() < NUM_TOKENS):
        raise ValueError(f"Forced tokens are -1..{NUM_TOKENS - 1}. Received: values {forced.min()}..{forced.max()}")
    return forced


def checked_bias(bias: Any, num_phrases: int) -> np.ndarray:
    """Returns a bias of logits as a float32 array (N, 32, 90).

    Raises:
        ValueError: If it is not finite or of another shape.
    """
    bias = np.asarray(bias, "float32")
    if bias.shape != (num_phrases, PHRASE_STEPS, NUM_TOKENS) or not np.isfinite(bias).all():
        raise ValueError(
            f"A bias is finite and of shape {(num_phrases, PHRASE_STEPS, NUM_TOKENS)}. "
            f"Received: bias of shape {bias.shape}"
        )
    return bias


def force(noise: np.ndarray, forced: np.ndarray) -> None:
    """Makes tokens certain in the noise (B, 32, 90) of at least as many phrases as `forced` (N, 32) has."""
    phrases, steps = np.nonzero(forced >= 0)
    noise[phrases, steps, forced[phrases, steps]] = _CERTAIN
