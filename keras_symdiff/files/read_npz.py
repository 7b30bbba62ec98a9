"""Arrays of an `.npz` file that came from outside: what it declares is checked before memory is taken."""

import io
import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable

import numpy as np

# An archive may unpack to so many bytes, whatever its own size, or to so many times its size.
FREE_BYTES = 1 << 26
MOST_GROWTH = 100


def read_npz(file: str | os.PathLike | bytes, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Reads the arrays of an `.npz` file that anybody may have written.

    Args:
        file: Path of the file, or its bytes.
        names: Of the arrays to read. Defaults to `None`: all.

    Returns:
        Dict of the arrays by name. Floating-point numbers may still be NaN or infinite.

    Raises:
        ValueError: If the file is something else, is damaged, declares more than it holds, or would unpack to more
            than 100 times its size (and more than 64 MiB); the message does not name it.
        OSError: If it cannot be read.
    """
    if not isinstance(file, bytes):
        with open(file, "rb") as stream:
            return _read_arrays(stream, names)
    return _read_arrays(io.BytesIO(file), names)


def _read_arrays(stream, names):
    size = stream.seek(0, io.SEEK_END)
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > max(FREE_BYTES, MOST_GROWTH * size):
                raise ValueError(
                    f"an archive unpacks to at most {MOST_GROWTH} times its size. Received: {size:,} bytes that would "
                    f"become {total:,}"
                )
            by_name = {member.filename.removesuffix(".npy"): member for member in members}
            names = list(by_name) if names is None else names
            missing = [name for name in names if name not in by_name]
            if missing:
                raise ValueError(f"the archive must hold {', '.join(names)}. Received: none of {', '.join(missing)}")
            return {name: _read_array(archive, by_name[name]) for name in names}
    # All that zipfile, zlib and NumPy's header raise for a damaged archive; RuntimeError: an encrypted member.
    except (
        EOFError, KeyError, MemoryError, NotImplementedError, OSError, OverflowError, RecursionError, RuntimeError,
        SyntaxError, TypeError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise ValueError(str(error) or type(error).__name__) from error


def _read_array(archive, member):
    """Reads one array whose header declares as many bytes as follow it."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{member.filename} must be of NumPy's format 1.0 or 2.0. Received: {version}")
        read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
        shape, _, dtype = read_header(file)
        if dtype.hasobject or dtype.fields is not None:
            raise ValueError(f"{member.filename} must hold numbers or text. Received: {dtype}")
        declared = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or declared != member.file_size - file.tell():
            raise ValueError(
                f"{member.filename} declares {declared:,} bytes. Received: {member.file_size - file.tell():,}"
            )
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
