"""Numbers that are neither NaN nor infinite."""

import numpy as np
from numpy.typing import ArrayLike


def check_finite(name: str, values: ArrayLike) -> None:
    """Stops where an array has a number that is NaN or infinite, so that none is written or played.

    Args:
        name: What the array is, for the message.
        values: Array of any shape; integers always pass.

    Raises:
        ValueError: If a number is not finite.

    Example:
        >>> check_finite("Latents", [0.5, -1.0])
    """
    values = np.asarray(values)
    wrong = 0 if np.issubdtype(values.dtype, np.integer) else values.size - np.count_nonzero(np.isfinite(values))
    if wrong:
        raise ValueError(f"{name} must be finite. Received: {wrong:,} of {values.size:,} numbers NaN or infinite")
