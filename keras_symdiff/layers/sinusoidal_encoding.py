"""Sinusoids of a position or a noise level."""

from typing import Any

import numpy as np
from jaxtyping import Float
from keras import ops

MAX_WAVELENGTH = 10_000.0  # paper, equation 8: frequencies fall from 1 to 1e-4


def sinusoidal_encoding(values: Float[Any, "*N 1"], dim: int) -> Float[Any, "*N E"]:
    """Encodes values as sines, then cosines, of falling frequencies.

    The paper's equation 8: frequency `i` of `dim / 2` is `10 ** (-4 * i / (dim / 2 - 1))`.

    Args:
        values: what to encode, in float32, because angles reach thousands of radians.
        dim: size of the encoding, even.

    Returns:
        The encoding, of `dim` numbers in [-1, 1].

    Raises:
        ValueError: if `dim` is not a positive even number.
    """
    if dim < 2 or dim % 2:
        raise ValueError(f"A sinusoidal encoding needs a positive even size. Received: dim={dim}")
    frequencies = np.geomspace(1.0, 1.0 / MAX_WAVELENGTH, dim // 2).astype("float32")
    angles = ops.multiply(values, frequencies)  # (..., dim / 2)
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)  # (..., dim)
