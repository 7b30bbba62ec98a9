"""File names that are made of others, and must not become too long."""

import os

MOST_BYTES = 255  # of a name, on almost every file system


def fit_name(stem: str, ending: str) -> str:
    """Shortens a stem so that a file name of it and an ending is no longer than file names can be.

    Example:
        >>> len(fit_name(300 * "a", "_take1.mid"))
        245
    """
    while len(os.fsencode(stem + ending)) > MOST_BYTES:
        stem = stem[:-1]
    return stem
