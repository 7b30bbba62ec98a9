"""File names of any bytes, as text that can be written and shown."""

import os
import re

_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def readable_name(path: str | os.PathLike) -> str:
    r"""Returns the name of a file as text in one line; bytes that are no text stand as `\xe9`.

    Python keeps such bytes as lone surrogates, which can be neither encoded nor drawn.

    Example:
        >>> readable_name(os.fsdecode(b"caf\xe9.mid"))
        'caf\\xe9.mid'
    """
    return _NO_TEXT.sub(lambda match: f"\\x{ord(match[0]) & 0xFF:02x}", os.fspath(path))
