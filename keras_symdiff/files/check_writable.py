"""Folders that can be written to."""

import errno
import os
import tempfile
from pathlib import Path


def check_writable(folder: str | os.PathLike) -> None:
    """Tries to write into a folder before long work, and leaves everything as it was.

    Args:
        folder: Path of a folder; one that is not there is made, with its parents, and taken away again.

    Raises:
        OSError: If it cannot be made or written to.
    """
    folder = Path(folder)
    made = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _try(folder)
    except FileExistsError as error:  # it is a file, or one of its parents is
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), error.filename) from error
    finally:
        for path in made:
            if os.path.isdir(path):  # not `Path.is_dir`, which raises where a name is too long
                path.rmdir()


def _try(folder):
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:  # of the file, of which nobody knows
        raise OSError(error.errno, error.strerror, os.fspath(folder)) from error
