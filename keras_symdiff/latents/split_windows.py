"""Training and validation pieces of one collection."""

import re
import zlib

import numpy as np
from jaxtyping import Int

from keras_symdiff.latents.latent_corpus import LatentCorpus


def split_windows(latents: LatentCorpus) -> tuple[Int[np.ndarray, "W 32"], Int[np.ndarray, "V 32"]]:
    """Separates training from validation pieces by file, so that no tune is in both.

    Args:
        latents: the encoded collection.

    Returns:
        Training and validation windows, rows of `latents.mean`; a twentieth of the files validates.
    """
    starts = latents.corpus.windows()
    melody = np.searchsorted(latents.corpus.offsets, starts, side="right") - 1
    remainders = file_remainders(latents.corpus.names)[melody]
    held_out = remainders == min(remainders, default=0)  # 0, but for a few files, of which some validate too
    windows = latents.windows()
    return windows[~held_out], windows[held_out]


def file_remainders(names: list[str]) -> Int[np.ndarray, " M"]:
    """Numbers in [0, 20) by the files' names, of each melody: equal for those of one file."""
    # Names are `path#instrument`, and either part may hold a `#` of its own.
    path = re.compile(r".*?\.midi?(?=#)|[^#]*", re.IGNORECASE)
    files = ["".join(path.findall(name)[:1]).rpartition("/")[2] for name in names]
    return np.array([zlib.crc32(file.encode()) % 20 for file in files], np.int64)
