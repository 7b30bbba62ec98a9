"""One piece of each melody of a collection."""

import numpy as np
from jaxtyping import Int

from keras_symdiff.constants import PIECE_PHRASES
from keras_symdiff.music.corpus import Corpus


def piece_rows(corpus: Corpus, most: int, seed: int = 0) -> Int[np.ndarray, "P 32"]:
    """Draws one piece of 32 phrases without a rest from each melody, from at most so many melodies.

    Windows of one melody overlap: more of them would count one tune many times.

    Args:
        corpus: `Corpus`.
        most: the greatest number of pieces.
        seed: int.

    Returns:
        Rows of `corpus.tokens`, in the order of the melodies.
    """
    stream = np.random.Generator(np.random.Philox(seed))
    starts = stream.permutation(corpus.windows())
    melodies, first = np.unique(np.searchsorted(corpus.offsets, starts, side="right"), return_index=True)
    chosen = np.sort(starts[first[stream.permutation(len(melodies))[:most]]])
    return chosen[:, None] + np.arange(PIECE_PHRASES)
