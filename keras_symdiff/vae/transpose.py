"""Transposition, the augmentation of MusicVAE's training."""

import numpy as np

from keras_symdiff.constants import FIRST_ONSET, NUM_TOKENS


def transpose(tokens, semitones):
    """Transposes phrases, each by its own interval, less where the interval would leave the 88 pitches.

    Args:
        tokens: integer array (N, 32).
        semitones: integer array (N,).

    Returns:
        An array like `tokens`.
    """
    onsets = tokens >= FIRST_ONSET  # (N, 32)
    lowest = np.where(onsets, tokens, NUM_TOKENS).min(axis=1).astype(int)  # (N,)
    highest = np.where(onsets, tokens, 0).max(axis=1).astype(int)
    semitones = np.clip(semitones, np.minimum(FIRST_ONSET - lowest, 0), np.maximum(NUM_TOKENS - 1 - highest, 0))
    return np.where(onsets, tokens + semitones[:, None], tokens).astype(tokens.dtype)
