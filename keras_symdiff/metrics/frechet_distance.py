"""Frechet distance between sets of latents."""

import numpy as np
from jaxtyping import Float, Float64, Num


def frechet_distance(
    x: Float[np.ndarray, "N D"] | Float[np.ndarray, "P L D"], y: Float[np.ndarray, "M D"] | Float[np.ndarray, "Q K D"]
) -> float:
    """Measures how far apart the means and covariances of two sets of latents are.

    It is the squared 2-Wasserstein distance of the Gaussians with those means and covariances. The paper's Table 3
    shows it for latents. Here they are taken as they are, that is scaled by a `LatentTransform` for the report, not
    whitened; every phrase is one observation, whatever its place in the piece (so order within a piece does not
    count). The released code hands `(N, 32, D)` arrays to a function of matrices, which fails, and so does not tell how
    the printed figures were pooled.

    Estimates from few observations are too large: compare sets of equal size only, and read a value beside that of
    real held-out music.

    Args:
        x: latents, or those of pieces. There are at least 2, and may be fewer than D.
        y: the others.

    Returns:
        A number >= 0, in squared units of the latents.

    Raises:
        ValueError: if an argument has another shape, fewer than two observations, or values that are not finite.

    Example:
    ```python
    frechet_distance(latents[:4], latents[4:])
    ```

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), section 4.5 and Table 3
        - [Heusel et al., 2017](https://arxiv.org/abs/1706.08500)
    """
    x, y = as_pieces(x, y)
    moments = [(z.mean(axis=(0, 1)), np.atleast_2d(np.cov(z.reshape(-1, z.shape[2]).T))) for z in (x, y)]
    return float(gaussian_frechet_distance(*moments[0], *moments[1]))


def frechet_distances(
    x: Float[np.ndarray, "P L D"],
    y: Float[np.ndarray, "Q K D"],
    x_weights: Num[np.ndarray, "R P"],
    y_weights: Num[np.ndarray, "R Q"],
) -> Float[np.ndarray, " R"]:
    """Computes `frechet_distance` of resampled pieces.

    Sets drawn with repetition hold fewer different pieces, which raises the distance once more: the values scatter as
    `frechet_distance(x, y)` does, but around a larger mean. Take the width of an interval from them, not its place.

    Args:
        x: float array `(P, L, D)`.
        y: float array `(Q, K, D)`.
        x_weights: array `(R, P)`, how often each piece is drawn; a row has a sum above 0.
        y_weights: array `(R, Q)`.

    Returns:
        Float64 array `(R,)`. Weights of 1 everywhere give `frechet_distance(x, y)`.

    Raises:
        ValueError: as `frechet_distance`.
    """
    x, y = as_pieces(x, y)
    centre = x.mean(axis=(0, 1))  # sums of squares around it lose no digits
    moments = *_resampled_moments(x - centre, x_weights), *_resampled_moments(y - centre, y_weights)
    return np.asarray(gaussian_frechet_distance(*moments))


def gaussian_frechet_distance(
    mean_x: Float[np.ndarray, "*R D"],
    covariance_x: Float[np.ndarray, "*R D D"],
    mean_y: Float[np.ndarray, "*R D"],
    covariance_y: Float[np.ndarray, "*R D D"],
) -> float | Float[np.ndarray, "*R"]:
    """Computes `|m_x - m_y|^2 + tr(C_x + C_y - 2 (C_x C_y)^(1/2))`.

    The trace of the root is the sum of the singular values of `C_x^(1/2) C_y^(1/2)`, with roots by symmetric
    eigendecomposition: real, and exact to rounding also where covariances have no full rank. (A general matrix root
    of the product `C_x C_y`, which is not symmetric, is neither.)

    Args:
        mean_x: means.
        covariance_x: covariances, symmetric, positive semidefinite.
        mean_y: as `mean_x`.
        covariance_y: as `covariance_x`.

    Returns:
        The distances, at least 0.
    """
    root_x, root_y = _root(covariance_x), _root(covariance_y)
    overlap = np.linalg.svd(root_x @ root_y, compute_uv=False).sum(axis=-1)
    # Traces of the roots' squares: equal sets then cancel to rounding.
    traces = (root_x**2).sum(axis=(-2, -1)) + (root_y**2).sum(axis=(-2, -1))
    return np.maximum(((mean_x - mean_y) ** 2).sum(axis=-1) + traces - 2 * overlap, 0.0)


def as_pieces(
    x: Float[np.ndarray, "N D"] | Float[np.ndarray, "P L D"], y: Float[np.ndarray, "M D"] | Float[np.ndarray, "Q K D"]
) -> tuple[Float64[np.ndarray, "_ _ D"], Float64[np.ndarray, "_ _ D"]]:
    """Checks two sets of latents and gives them the shape of pieces.

    Args:
        x: latents, or those of pieces.
        y: the others.

    Returns:
        Two float64 arrays `(P, L, D)`; single latents are pieces of length 1.

    Raises:
        ValueError: if an argument has another shape, fewer than two observations, or values that are not finite.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if not (x.ndim in (2, 3) and y.ndim in (2, 3) and x.shape[-1] == y.shape[-1] > 0):
        raise ValueError(
            "Latents must be (N, D) or (P, L, D), with the same D in both sets. "
            f"Received: x of shape {x.shape}, y of shape {y.shape}"
        )
    for name, z in (("x", x), ("y", y)):
        if z.size < 2 * z.shape[-1]:
            raise ValueError(f"A set must hold at least 2 latents. Received: {name} of shape {z.shape}")
        if not np.isfinite(z).all():
            raise ValueError(f"Latents must be finite. Received: {np.sum(~np.isfinite(z))} other values in {name}")
    return x.reshape(len(x), -1, x.shape[-1]), y.reshape(len(y), -1, y.shape[-1])


def _resampled_moments(pieces, weights):
    """Means (R, D) and unbiased covariances (R, D, D) of the drawn pieces' latents."""
    weights = np.asarray(weights, np.float64)
    _, length, dim = pieces.shape
    counts = length * weights.sum(axis=1)[:, None]  # (R, 1)
    means = weights @ pieces.sum(axis=1) / counts  # (R, D)
    products = np.einsum("pld,ple->pde", pieces, pieces, optimize=True).reshape(len(pieces), -1)
    second = (weights @ products / counts).reshape(-1, dim, dim)
    covariances = second - means[:, :, None] * means[:, None, :]
    return means, covariances * (counts / (counts - 1))[:, :, None]


def _root(covariance):
    values, vectors = np.linalg.eigh(covariance)
    # What rounding leaves of a zero, 1e-16 of the largest, would become 1e-8 under the root.
    smallest = values[..., -1:] * values.shape[-1] * np.finfo(np.float64).eps
    roots = np.sqrt(np.where(values > smallest, values, 0.0))
    return (vectors * roots[..., None, :]) @ np.swapaxes(vectors, -1, -2)
