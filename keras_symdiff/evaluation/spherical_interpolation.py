"""Spherical interpolation between two latents, the paper's baseline."""

import numpy as np
from jaxtyping import Float, Float64

# Below this sine of the angle the spherical weights are quotients of rounding errors.
_SMALLEST_SINE = 1e-6


def spherical_interpolation(
    start: Float[np.ndarray, "B Z"], end: Float[np.ndarray, "B Z"], num_points: int
) -> Float64[np.ndarray, "B P Z"]:
    """Interpolates between latents along the arc that joins them.

    Point `t` in [0, 1] is `(sin((1 - t) w) start + sin(t w) end) / sin(w)`, `w` the angle between `start` and `end`.
    Between vectors of different length, the length passes from one to the other along the way. Where the arc is not
    defined (a zero vector, opposite directions) and where it is a straight line (equal directions), the points lie on
    the straight line, evenly spaced.

    The paper interpolates between the first and the last latent of a piece (unconditional: `num_points=32`) and
    between the two neighbours of the gap (infilling of phrases 8 to 23: phrases 7 and 24, `num_points=18`, of which
    the first and last are the given ones).

    Args:
        start: float array `(B, Z)`.
        end: float array `(B, Z)`.
        num_points: int >= 2, with both ends.

    Returns:
        Float64 array `(B, num_points, Z)`; the first and last points are `start` and `end`, bit-exact.

    Raises:
        ValueError: if `start` and `end` are not `(B, Z)` both, or `num_points` is below 2.

    Example:
    ```python
    latents[:, 7:25] = spherical_interpolation(latents[:, 7], latents[:, 24], num_points=18)
    ```

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), section 5.1
        - [White, 2016](https://arxiv.org/abs/1609.04468)
    """
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    if start.ndim != 2 or start.shape != end.shape:
        raise ValueError(
            "`start` and `end` must have the same shape (B, Z). "
            f"Received: start of shape {start.shape}, end of shape {end.shape}"
        )
    if num_points < 2:
        raise ValueError(f"`num_points` must be at least 2, the ends. Received: num_points={num_points}")
    a, b = _directions(start), _directions(end)
    # Kahan's formula: arccos of the inner product would lose half of the digits of a small angle.
    angle = 2 * np.arctan2(np.linalg.norm(a - b, axis=1), np.linalg.norm(a + b, axis=1))[:, None]  # (B, 1)
    sine = np.sin(angle)
    straight = (sine < _SMALLEST_SINE) | ~a.any(axis=1, keepdims=True) | ~b.any(axis=1, keepdims=True)
    sine = np.where(straight, 1.0, sine)
    t = np.linspace(0.0, 1.0, num_points)  # (N,)
    start_weight = np.where(straight, 1 - t, np.sin((1 - t) * angle) / sine)  # (B, N)
    end_weight = np.where(straight, t, np.sin(t * angle) / sine)
    return start_weight[:, :, None] * start[:, None] + end_weight[:, :, None] * end[:, None]


def _directions(vectors):
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
