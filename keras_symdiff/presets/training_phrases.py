"""Which phrases a model was trained on, as a small file of hashes beside its weights."""

import hashlib
import io
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int, UInt32

from keras_symdiff.constants import FIRST_ONSET
from keras_symdiff.files.read_array import read_array
from keras_symdiff.metrics.memorisation import distinct_in_any_key, phrase_keys
from keras_symdiff.write_atomically import write_atomically

FILE_NAME = "training_phrases.npz"


def phrase_hashes(tokens: Int[np.ndarray, "N 32"]) -> UInt32[np.ndarray, " N"]:
    """Hashes phrases so that transpositions of a phrase are one.

    Of N hashes in a set, a phrase that is not among them is taken for one of them with probability N / 2^32: about one
    in 43,000 for 100,000 training phrases.

    Args:
        tokens: integer array `(N, 32)`.

    Returns:
        uint32 array `(N,)`, the same on every machine.
    """
    keys, inverse = np.unique(phrase_keys(np.asarray(tokens)), return_inverse=True)
    digests = b"".join(hashlib.blake2b(key.tobytes(), digest_size=4).digest() for key in keys)
    return np.frombuffer(digests, "<u4").astype(np.uint32)[inverse]


def known_phrase_rate(tokens: Int[np.ndarray, "P L 32"], hashes: UInt32[np.ndarray, " U"]) -> Float64[np.ndarray, " P"]:
    """As `metrics.memorisation.training_phrase_rate`, by hashes of the training phrases.

    Args:
        tokens: integer array `(P, L, 32)`.
        hashes: uint32 array `(U,)`, see `read_training_phrases`.

    Returns:
        Float64 array `(P,)`; NaN for a silent piece.
    """
    sounding = (tokens >= FIRST_ONSET).any(axis=2)  # (P, L)
    known = np.zeros(sounding.shape)
    known[sounding] = np.isin(phrase_hashes(tokens[sounding]), hashes)
    count = sounding.sum(axis=1)
    return np.divide(known.sum(axis=1), count, out=np.full(len(tokens), np.nan), where=count > 0)


def write_training_phrases(
    folder: str | Path, tokens: Int[np.ndarray, "N 32"], earlier: UInt32[np.ndarray, " U"] | None = None
) -> None:
    """Writes the hashes of training phrases to a run directory, so that novelty can be told without the training data.

    Four bytes a phrase that no other one is a transposition of: 0.4 MB for 100,000.

    Args:
        folder: path of a run directory or preset.
        tokens: integer array `(N, 32)`.
        earlier: uint32 array `(U,)` of further hashes, those of the model that was fine-tuned. Defaults to `None`.
    """
    hashes = phrase_hashes(distinct_in_any_key(np.asarray(tokens)))
    if earlier is not None:
        hashes = np.append(hashes, earlier)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, hashes=np.unique(hashes))
    write_atomically(Path(folder) / FILE_NAME, buffer.getvalue())


def read_training_phrases(folder: str | Path) -> UInt32[np.ndarray, " U"] | None:
    """Reads what `write_training_phrases` wrote.

    Args:
        folder: path of a run directory or preset.

    Returns:
        Sorted uint32 array `(U,)`, or `None` where there is no such file.

    Raises:
        ValueError: when the file is something else.
    """
    path = Path(folder) / FILE_NAME
    hashes = read_array(path, "hashes", "uint32", (None,))
    if hashes is not None and np.any(hashes[1:] <= hashes[:-1]):
        raise ValueError(f"{path} must hold increasing hashes. Received: others")
    return hashes
