"""Transposition, the augmentation of training."""

import dataclasses

import numpy as np

from keras_symdiff.constants import FIRST_ONSET, NUM_TOKENS, PHRASE_STEPS
from keras_symdiff.music.corpus import Corpus


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


def transpose_corpus(corpus, most):
    """Adds every melody transposed, each as a whole.

    Args:
        corpus: `Corpus`.
        most: int >= 0, the largest interval in semitones, up and down.

    Returns:
        A `Corpus` of `2 * most + 1` times the melodies, the original ones first; names end in the interval. A melody
        near the end of the 88 pitches is transposed by less.
    """
    corpora = [corpus]
    for semitones in [*range(-most, 0), *range(1, most + 1)]:
        melodies = np.split(corpus.tokens, corpus.offsets[1:-1])
        moved = [
            transpose(melody.reshape(1, -1), np.array([semitones])).reshape(-1, PHRASE_STEPS) for melody in melodies
        ]
        names = [f"{name}{semitones:+d}" for name in corpus.names]
        corpora.append(dataclasses.replace(corpus, tokens=np.concatenate(moved), names=names))
    # The same files in other keys: they count once.
    return dataclasses.replace(Corpus.concatenate(corpora), num_files=corpus.num_files, skipped=corpus.skipped)
