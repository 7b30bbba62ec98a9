"""JSON that came from outside: bounded in size and depth, and finite."""

import json
import os

MOST_BYTES = 1 << 24
MOST_LEVELS = 32


def read_json(path: str | os.PathLike, most_bytes: int = MOST_BYTES) -> dict:
    """Reads a JSON object from a file that anybody may have written.

    Args:
        path: Path of the file.
        most_bytes: Bytes that such a file may have. Defaults to 16 MiB.

    Returns:
        The object, whose lists and objects lie in each other at most 32 deep and whose numbers are finite.

    Raises:
        ValueError: If the file holds something else; the message does not name it.
        OSError: If it cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"a JSON file has at most {most_bytes:,} bytes. Received: more")
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if not isinstance(value, dict):
        raise ValueError(f"the JSON must be an object. Received: {type(value).__name__}")
    level = [value]
    for _ in range(MOST_LEVELS + 1):
        if not level:
            return value
        level = [child for parent in level for child in _children(parent)]
    raise ValueError(_TOO_DEEP)


_TOO_DEEP = f"JSON is nested at most {MOST_LEVELS} deep. Received: deeper"


def _children(value):
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse(name):
    raise ValueError(f"numbers must be finite. Received: {name}")


def _finite(digits):
    number = float(digits)
    return number if abs(number) != float("inf") else _refuse(digits)
