"""Maximum mean discrepancy between sets of latents."""

import numpy as np
from jaxtyping import Float, Num

from keras_symdiff.metrics.frechet_distance import as_pieces

# The cost of the RBF kernel grows with the square of the number of latents, and those of one piece resemble each other.
_RBF_PHRASES = 4
_BANDWIDTH_SAMPLE = 500  # latents of each set
_BLOCK = 256  # pieces at a time, to bound the memory: at most 0.3 GB for 1000 pieces


def maximum_mean_discrepancy(
    x: Float[np.ndarray, "N D"] | Float[np.ndarray, "P L D"],
    y: Float[np.ndarray, "M D"] | Float[np.ndarray, "Q K D"],
    kernel: str = "polynomial",
) -> float:
    """Estimates the squared distance between the mean embeddings of two sets of latents, without bias.

    The mean of `k(x, x')` over pairs of different pieces of one set, plus the same for the other set, less twice the
    mean of `k(x, y)`. Pairs within a piece are left out, a latent with itself (as the released code has it) and with
    its neighbours: they resemble each other in any music, which would not cancel. So equal distributions give 0 on
    average, and single values may be below 0. Latents `(N, D)` count as pieces of length 1, which is the usual unbiased
    estimate. Every phrase is one observation, whatever its place in the piece.

    Kernels:
        - `"polynomial"`: `(x . y)^2`, the paper's as the released code has it (degree 2, gamma 1, constant 0). Its MMD
          is the squared difference of all second moments `E[x_i x_j]` and sees nothing else. All phrases are used.
        - `"rbf"`: `exp(-|x - y|^2 / (2 m^2))`, m the median distance between latents of both sets together (at most
          500 of each, a fixed draw). It sees any difference. Of pieces longer than 4 phrases, 4 are used, evenly
          spaced, from a first one that moves on with each piece. m depends on both sets: values of different models
          use slightly different kernels.

    The released code hands `(N, 32, D)` arrays to functions of matrices, which fails, and so does not tell how the
    paper's figures were pooled; they are comparable in order only.

    Args:
        x: latents, or those of pieces, scaled by a `LatentTransform` for the report.
        y: the others.
        kernel: `"polynomial"` or `"rbf"`. Defaults to `"polynomial"`.

    Returns:
        The estimate, which may be below 0.

    Raises:
        ValueError: if an argument has another shape, fewer than two pieces, or values that are not finite, or if
            `kernel` is unknown.

    Example:
    ```python
    maximum_mean_discrepancy(latents[:4], latents[4:])
    ```

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), section 4.5 and Table 3
        - [Gretton et al., 2012](https://jmlr.org/papers/v13/gretton12a.html), equation 3
    """
    return float(maximum_mean_discrepancies(x, y, np.ones((1, len(x))), np.ones((1, len(y))), kernel)[0])


def maximum_mean_discrepancies(
    x: Float[np.ndarray, "N D"] | Float[np.ndarray, "P L D"],
    y: Float[np.ndarray, "M D"] | Float[np.ndarray, "Q K D"],
    x_weights: Num[np.ndarray, "R _"],
    y_weights: Num[np.ndarray, "R _"],
    kernel: str = "polynomial",
) -> Float[np.ndarray, " R"]:
    """Computes `maximum_mean_discrepancy` of resampled pieces.

    Copies of a piece are not paired with each other: they would add the resemblance of a piece to itself.

    Args:
        x: latents, or those of pieces.
        y: the others.
        x_weights: how often each piece is drawn; a row that draws one piece only gives NaN.
        y_weights: likewise.
        kernel: `"polynomial"` or `"rbf"`. Defaults to `"polynomial"`. The bandwidth is that of all pieces.

    Returns:
        The estimates. Weights of 1 everywhere give `maximum_mean_discrepancy(x, y, kernel)`.

    Raises:
        ValueError: as `maximum_mean_discrepancy`.
    """
    if kernel not in _KERNELS:
        raise ValueError(f"`kernel` must be one of {', '.join(_KERNELS)}. Received: kernel={kernel!r}")
    x, y = as_pieces(x, y)
    if min(len(x), len(y)) < 2:
        raise ValueError(f"A set must hold at least 2 pieces. Received: x of shape {x.shape}, y of shape {y.shape}")
    x_weights, y_weights = np.asarray(x_weights, np.float64), np.asarray(y_weights, np.float64)
    within_x, within_y, between = _KERNELS[kernel](x, y, x_weights, y_weights)
    x_pairs, y_pairs = (w.sum(axis=1) ** 2 - (w**2).sum(axis=1) for w in (x_weights, y_weights))
    x_pairs, y_pairs = (np.where(pairs > 0, pairs, np.nan) for pairs in (x_pairs, y_pairs))
    return within_x / x_pairs + within_y / y_pairs - 2 * between / (x_weights.sum(axis=1) * y_weights.sum(axis=1))


def _polynomial_sums(x, y, x_weights, y_weights):
    """Weighted sums (R,) of the kernel over pairs of pieces: within x, within y, between them."""
    if x.shape[2] ** 2 > max(x.size, y.size) // x.shape[2]:  # more second moments than latents
        return _pair_sums(x, y, x_weights, y_weights, lambda a, b: (a @ b.T) ** 2)
    # (x . y)^2 is the inner product of x x^T and y y^T. So the sum over all pairs is that of two sums of such matrices.
    (x_moments, x_own), (y_moments, y_own) = _second_moments(x, x_weights), _second_moments(y, y_weights)
    return (
        (x_moments**2).sum(axis=1) - x_own,
        (y_moments**2).sum(axis=1) - y_own,
        (x_moments * y_moments).sum(axis=1),
    )


def _rbf_sums(x, y, x_weights, y_weights):
    """Weighted sums (R,) of the kernel over pairs of pieces: within x, within y, between them."""
    x, y = _spaced_phrases(x), _spaced_phrases(y)
    scale = -2 * _median_distance(x, y) ** 2

    def kernel(a, b):
        values = a @ (-2 * b.T)  # the largest array: changed in place
        values += (a**2).sum(axis=1)[:, None]
        values += (b**2).sum(axis=1)
        values /= scale
        return np.exp(values, out=values)

    return _pair_sums(x, y, x_weights, y_weights, kernel)


_KERNELS = {"polynomial": _polynomial_sums, "rbf": _rbf_sums}


def _spaced_phrases(pieces):
    """At most `_RBF_PHRASES` phrases of each piece (P, l, D)."""
    num_pieces, length, _ = pieces.shape
    if length <= _RBF_PHRASES:
        return pieces
    spacing = length // _RBF_PHRASES
    # A first phrase that moves: always the same places would be starts of sections.
    chosen = np.arange(num_pieces)[:, None] % spacing + spacing * np.arange(_RBF_PHRASES)
    return pieces[np.arange(num_pieces)[:, None], chosen]


def _median_distance(x, y):
    latents = []
    for pieces in (x, y):
        flat = pieces.reshape(-1, pieces.shape[2])
        # The same draw in either role keeps the estimate symmetric.
        latents.append(flat[np.random.default_rng(0).permutation(len(flat))[:_BANDWIDTH_SAMPLE]])
    from scipy.spatial.distance import pdist  # here: its import takes as long as the rest of the metrics together

    distances = pdist(np.concatenate(latents))
    # Sets in which most latents are equal have median 0, and sets of one point have no scale at all.
    return np.median(distances) or distances.mean() or 1.0


def _second_moments(pieces, weights):
    """Weighted sums (R, D * D) of the pieces' mean `x x^T`, and (R,) of their squared norms by squared weights."""
    num_pieces, length, dim = pieces.shape
    moments, own = np.zeros((len(weights), dim * dim)), np.zeros(len(weights))
    for start in range(0, num_pieces, _BLOCK):
        part, weight = pieces[start : start + _BLOCK], weights[:, start : start + _BLOCK]
        products = (np.swapaxes(part, 1, 2) @ part / length).reshape(len(part), -1)  # (b, D * D)
        moments += weight @ products
        own += weight**2 @ (products**2).sum(axis=1)
    return moments, own


def _pair_sums(x, y, x_weights, y_weights, kernel):
    """Weighted sums (R,) of `kernel`, a function of (n, D) and (m, D), over pairs of pieces: within x, y, between."""

    def sums(a, b, a_weights, b_weights):
        total = np.zeros(len(a_weights))
        flat = b.reshape(-1, b.shape[2])
        for start in range(0, len(a), _BLOCK):
            part = a[start : start + _BLOCK]
            values = kernel(part.reshape(-1, a.shape[2]), flat)  # (b * L, Q * K)
            values = values.reshape(len(part), a.shape[1], len(b), b.shape[1]).mean(axis=(1, 3))  # (b, Q)
            if a is b:
                values[np.arange(len(part)), start + np.arange(len(part))] = 0.0  # not with itself
            total += (a_weights[:, start : start + _BLOCK] @ values * b_weights).sum(axis=1)
        return total

    return sums(x, x, x_weights, x_weights), sums(y, y, y_weights, y_weights), sums(x, y, x_weights, y_weights)
