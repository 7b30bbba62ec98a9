"""Transposition, the augmentation of training."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff.constants import FIRST_ONSET, NUM_TOKENS, PHRASE_STEPS
from keras_symdiff.music.corpus import Corpus
from keras_symdiff.music.key import Key, estimate_key, pitch_class_weights


def transpose(tokens: Int[np.ndarray, "N S"], semitones: Int[np.ndarray, " N"]) -> Int[np.ndarray, "N S"]:
    """Transposes phrases, each by its own interval, less where the interval would leave the 88 pitches.

    Args:
        tokens: the phrases, or whole melodies.
        semitones: the interval of each.

    Returns:
        An array like `tokens`.
    """
    onsets = tokens >= FIRST_ONSET  # (N, 32)
    lowest = np.where(onsets, tokens, NUM_TOKENS).min(axis=1).astype(int)  # (N,)
    highest = np.where(onsets, tokens, 0).max(axis=1).astype(int)
    semitones = np.clip(semitones, np.minimum(FIRST_ONSET - lowest, 0), np.maximum(NUM_TOKENS - 1 - highest, 0))
    return np.where(onsets, tokens + semitones[:, None], tokens).astype(tokens.dtype)


def to_home_key(
    tokens: Int[np.ndarray, "L 32"], chroma: Float[np.ndarray, "L 8 12"], key: Key
) -> tuple[Int[np.ndarray, "L 32"], Float[np.ndarray, "L 8 12"], int]:
    """Moves a piece from its key to C major or A minor, notes and harmony together.

    Args:
        tokens: the phrases.
        chroma: what the other tracks sound in each beat.
        key: the key of the piece; see `estimate_key`.

    Returns:
        Tuple of:
        - tokens and chroma, moved.
        - semitones, by which they were moved: in [-6, 5], an octave away where the notes would leave the 88 pitches.

    Example:
    ```python
    from keras_symdiff.music.key import estimate_key, pitch_class_weights

    key, confidence = estimate_key(pitch_class_weights(tokens[0], chroma))
    in_c, chroma, semitones = to_home_key(tokens[0], chroma, key)
    ```
    """
    semitones = key.semitones_to_c
    notes = tokens[tokens >= FIRST_ONSET].astype(int)
    if len(notes) and notes.max() + semitones >= NUM_TOKENS:
        semitones -= 12
    elif len(notes) and notes.min() + semitones < FIRST_ONSET:
        semitones += 12
    moved = np.where(tokens >= FIRST_ONSET, tokens + semitones, tokens).astype(tokens.dtype)
    return moved, np.roll(chroma, semitones, axis=-1), semitones


def transpose_corpus(corpus: Corpus, most: int) -> Corpus:
    """Adds every melody transposed, each as a whole.

    Args:
        corpus: the melodies.
        most: the largest interval in semitones, up and down.

    Returns:
        A `Corpus` of `2 * most + 1` times the melodies, the original ones first; names end in the interval. A melody
        near the end of the 88 pitches is transposed by less.
    """
    corpora = [corpus]
    for semitones in [*range(-most, 0), *range(1, most + 1)]:
        names = [f"{name}{semitones:+d}" for name in corpus.names]
        corpora.append(dataclasses.replace(_moved(corpus, functools.partial(_move_by, semitones)), names=names))
    # The same files in other keys: they count once.
    return dataclasses.replace(Corpus.concatenate(corpora), num_files=corpus.num_files, skipped=corpus.skipped)


def corpus_in_home_key(corpus: Corpus) -> Corpus:
    """Moves every melody of a collection to C major or A minor, its harmony with it, which helps to find the key.

    Args:
        corpus: `Corpus`.

    Returns:
        A `Corpus` of as many phrases.
    """
    return _moved(corpus, _move_home)


def _moved(corpus, move):
    tokens, chroma = corpus.tokens.copy(), None if corpus.chroma is None else corpus.chroma.copy()
    for first, end in zip(corpus.offsets[:-1], corpus.offsets[1:], strict=True):
        tokens[first:end], semitones = move(corpus.tokens[first:end], corpus.harmony(np.arange(first, end)))
        if chroma is not None:
            chroma[first:end] = np.roll(chroma[first:end], semitones, axis=-1)
    return dataclasses.replace(corpus, tokens=tokens, chroma=chroma)


def _move_by(semitones, tokens, _):
    moved = transpose(tokens.reshape(1, -1), np.array([semitones])).reshape(-1, PHRASE_STEPS)
    changes = (moved.astype(int) - tokens)[tokens >= FIRST_ONSET]
    return moved, int(changes[0]) if len(changes) else semitones


def _move_home(tokens, shares):
    key, _ = estimate_key(pitch_class_weights(tokens, shares))
    moved, _, semitones = to_home_key(tokens, shares, key)
    return moved, semitones
