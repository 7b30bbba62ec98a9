"""Files that appear complete or not at all."""

import os
import pathlib
import tempfile


def write_atomically(path: str | os.PathLike, data: bytes | memoryview) -> None:
    """Writes bytes to a file that appears complete or not at all.

    Args:
        path: path of the file; an existing one is replaced.
        data: bytes.

    Raises:
        OSError: if the file cannot be written; it names `path`.
    """
    path = pathlib.Path(path)
    # Not named as the file, whose name may be as long as names can be.
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".unfinished.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)  # mkstemp's files are private, those of `open` are not
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        error.filename = str(path)  # what the caller knows of
        del error.filename2
        raise
