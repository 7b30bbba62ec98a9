"""Pieces of the training music, as a small file that evaluation compares with where the training data are not there."""

import io
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int8

from keras_symdiff.constants import NUM_TOKENS, PHRASE_STEPS, PIECE_PHRASES
from keras_symdiff.files.read_array import read_array
from keras_symdiff.write_atomically import write_atomically

REFERENCE_FILE = "reference_pieces.npz"
MOST_PIECES = 1000  # paper 5.1: what generated pieces are compared with


def write_reference_pieces(folder: str | Path, tokens: Int[np.ndarray, "P 32 32"]) -> None:
    """Writes training pieces to a run directory or preset: about 0.2 MB for 1000.

    Args:
        folder: path.
        tokens: one piece per melody, in the keys that the model was trained in.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, tokens=np.asarray(tokens, np.int8))
    write_atomically(Path(folder) / REFERENCE_FILE, buffer.getvalue())


def read_reference_pieces(folder: str | Path) -> Int8[np.ndarray, "P 32 32"] | None:
    """Reads what `write_reference_pieces` wrote; `None` where there is no such file.

    Raises:
        ValueError: if the file is something else.
    """
    path = Path(folder) / REFERENCE_FILE
    tokens = read_array(path, "tokens", "int8", (None, PIECE_PHRASES, PHRASE_STEPS))
    if tokens is not None and tokens.size and not 0 <= tokens.min() <= tokens.max() < NUM_TOKENS:
        raise ValueError(f"{path} must hold tokens in [0, {NUM_TOKENS}). Received: {tokens.min()}..{tokens.max()}")
    return tokens
