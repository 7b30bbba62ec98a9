"""Whole numbers in a range."""

from typing import Any

import numpy as np


def check_integer(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Stops where an argument is no integer in its range.

    Args:
        name: What the argument is called, for the message.
        value: What it is.
        least: The lowest integer that passes.
        most: The highest one. Defaults to `None`: there is none.

    Raises:
        ValueError: If it is no integer, or outside.

    Example:
        >>> check_integer("seed", 7, least=0)
    """
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_integer or value < least or (most is not None and value > most):
        allowed = f"of at least {least}" if most is None else f"in [{least}, {most}]"
        raise ValueError(f"`{name}` must be an integer {allowed}. Received: {name}={value!r:.200}")
