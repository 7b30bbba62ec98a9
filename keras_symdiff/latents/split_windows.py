"""Training and validation pieces of one collection."""

import re
import zlib

import numpy as np


def split_windows(latents):
    """Separates training from validation pieces by file, so that no tune is in both.

    Args:
        latents: `LatentCorpus`.

    Returns:
        `(train, validation)`, int arrays (W, 32) of rows of `latents.mean`; a twentieth of the files validates.
    """
    starts = latents.corpus.windows()
    melody = np.searchsorted(latents.corpus.offsets, starts, side="right") - 1
    # Names are `path#instrument`, and either part may hold a `#` of its own.
    path = re.compile(r".*?\.midi?(?=#)|[^#]*", re.IGNORECASE)
    files = [path.match(name)[0].rpartition("/")[2] for name in latents.corpus.names]
    remainders = np.array([zlib.crc32(file.encode()) % 20 for file in files])[melody]
    held_out = remainders == min(remainders, default=0)  # 0, but for a few files, of which some validate too
    windows = latents.windows()
    return windows[~held_out], windows[held_out]
