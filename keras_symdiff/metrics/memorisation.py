"""How much of generated music is copied from the training data."""

import numpy as np
from jaxtyping import Float, Int, Shaped

from keras_symdiff.constants import FIRST_ONSET, PHRASE_STEPS


def training_phrase_rate(
    tokens: Int[np.ndarray, "P L 32"], training_tokens: Int[np.ndarray, "N 32"]
) -> Float[np.ndarray, " P"]:
    """Computes the share of each piece's phrases that are training phrases, in whatever key.

    Two phrases are the same if their 32 tokens are, after transposing one of them. Phrases without an onset are
    counted in neither set. Short phrases of few notes are common property: read the rate beside that of held-out music
    against the same training data.

    Args:
        tokens: the pieces.
        training_tokens: the training phrases.

    Returns:
        The shares; NaN for a silent piece.

    Raises:
        ValueError: if an argument has another shape.

    Example:
    ```python
    copied = training_phrase_rate(tokens[:4], tokens[4:].reshape(-1, 32))
    ```
    """
    tokens, training_tokens = np.asarray(tokens), np.asarray(training_tokens)
    if tokens.ndim != 3 or training_tokens.ndim != 2 or {tokens.shape[2], training_tokens.shape[1]} != {PHRASE_STEPS}:
        raise ValueError(
            f"`tokens` must be (P, L, {PHRASE_STEPS}) and `training_tokens` (N, {PHRASE_STEPS}). "
            f"Received: tokens of shape {tokens.shape}, training_tokens of shape {training_tokens.shape}"
        )
    sounding = (tokens >= FIRST_ONSET).any(axis=2)  # (P, L)
    known = np.zeros(sounding.shape)
    known[sounding] = np.isin(phrase_keys(tokens[sounding]), phrase_keys(training_tokens))
    count = sounding.sum(axis=1)
    return np.divide(known.sum(axis=1), count, out=np.full(len(tokens), np.nan), where=count > 0)


def distinct_in_any_key(tokens: Int[np.ndarray, "N 32"]) -> Int[np.ndarray, "U 32"]:
    """Keeps one of all phrases that are transpositions of each other; `training_phrase_rate` finds the same in them.

    Args:
        tokens: the phrases.

    Returns:
        The first of each kind.
    """
    _, first = np.unique(phrase_keys(tokens), return_index=True)
    return tokens[np.sort(first)]


def phrase_keys(phrases: Int[np.ndarray, "N 32"]) -> Shaped[np.ndarray, " N"]:
    """Returns one opaque key of 32 bytes per phrase, the same for all transpositions of it."""
    onsets = phrases >= FIRST_ONSET
    phrases = phrases.astype(np.int16)
    first = np.take_along_axis(phrases, onsets.argmax(axis=1)[:, None], axis=1)
    # Intervals from the first onset, in [-87, 87]; moved out of the way of no event (0) and note-off (1).
    keys = np.where(onsets, phrases - first + 100, phrases).astype(np.uint8)
    return np.ascontiguousarray(keys).view(np.dtype((np.void, PHRASE_STEPS))).reshape(-1)
