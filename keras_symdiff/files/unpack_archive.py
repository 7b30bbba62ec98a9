"""Archives that came from outside: unpacked within bounds, and only what is wanted of them."""

import bz2
import errno
import gzip
import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

MOST_FILES = 1_000_000  # Lakh has 178,561
MOST_BYTES = 1 << 37  # 128 GiB; Lakh has 6
# An archive may unpack to so many bytes, whatever its own size, or to so many times its size.
FREE_BYTES = 1 << 26
MOST_GROWTH = 100

_OPEN = ((rb"\x1f\x8b\x08", gzip.open), (rb"BZh\d1AY&SY", bz2.open), (rb"\xfd7zXZ", lzma.open), (b"", open))


class _Member(NamedTuple):
    """A file of an archive, the bytes it declares, and what opens it."""

    name: str
    size: int
    open: Callable


def unpack_archive(
    path: str | os.PathLike, folder: str | os.PathLike, wanted: Callable[[str], bool], most_bytes: int = MOST_BYTES
) -> None:
    """Unpacks some files of a `.zip`, or of a `.tar`, compressed or not, that anybody may have made.

    Links are passed over; folders are made where a file needs them.

    Args:
        path: Path of the archive.
        folder: Path of the folder to unpack into.
        wanted: Whether to unpack the file of a name.
        most_bytes: Bytes of one file that are unpacked; what is behind them is left out.

    Raises:
        ValueError: If the archive is damaged or encrypted; if a file would lie outside of `folder`; or if all files
            together are more than a million, more than 128 GiB, or more than 100 times the archive's size (and more
            than 64 MiB). The message does not name the archive. What was unpacked until then stays.
        OSError: If a file cannot be read or written.
    """
    size = os.path.getsize(path)
    most = min(MOST_BYTES, max(FREE_BYTES, MOST_GROWTH * size))
    members = _zip_members(path) if zipfile.is_zipfile(path) else _tar_members(path, most)
    total = 0
    try:
        for number, member in enumerate(members, 1):
            total += member.size
            if number > MOST_FILES:
                raise ValueError(f"an archive has at most {MOST_FILES:,} files. Received: more")
            if total > most:
                raise ValueError(_TOO_LARGE.format(most))
            parts = PurePosixPath(member.name.replace("\\", "/")).parts
            if not parts or ".." in parts or parts[0] == "/" or re.match("[A-Za-z]:", parts[0]):
                raise ValueError(f"the files of an archive lie inside it. Received: {member.name!r}")
            if wanted(member.name):
                target = Path(folder) / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with member.open() as source, open(target, "wb") as file:
                    _copy(source, file, min(member.size, most_bytes))
    # All that both modules raise for damage; RuntimeError: an encrypted file; NotImplementedError: another compression.
    except (
        EOFError, IndexError, KeyError, NotImplementedError, RuntimeError, UnicodeError, lzma.LZMAError,
        tarfile.TarError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise ValueError(str(error) or type(error).__name__) from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise ValueError("it points outside of itself") from error  # zipfile seeks where the archive says


_TOO_LARGE = f"an archive unpacks to at most {MOST_GROWTH} times its size. Received: one that exceeds {{:,}} bytes"


def _zip_members(path) -> Iterator[_Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield _Member(info.filename, info.file_size, lambda info=info: archive.open(info))


def _tar_members(path, most) -> Iterator[_Member]:
    with open(path, "rb") as file:
        start = file.read(10)
    open_stream = next(open_stream for magic, open_stream in _OPEN if re.match(magic, start))
    # `tarfile` only reads from it.
    with (
        open_stream(path, "rb") as stream,
        tarfile.open(fileobj=cast(IO[bytes], _Bounded(stream, most)), mode="r|") as archive,
    ):
        for info in archive:
            if info.isreg():
                yield _Member(info.name, info.size, lambda info=info: archive.extractfile(info))


class _Bounded:
    """A stream that stops with an error after so many bytes, whatever stands in them: names may be long, too."""

    def __init__(self, stream, most):
        self.stream = stream
        self.left = self.most = most + FREE_BYTES

    def read(self, size):
        try:
            data = self.stream.read(size)
        except OSError as error:  # what gzip and bz2 raise for damage
            raise EOFError(str(error)) from error
        self.left -= len(data)
        if self.left < 0:
            raise ValueError(_TOO_LARGE.format(self.most))
        return data


def _copy(source, file, size):
    while size:
        data = source.read(min(size, 1 << 20))
        if not data:
            raise EOFError("a file of it ends early")
        file.write(data)
        size -= len(data)
