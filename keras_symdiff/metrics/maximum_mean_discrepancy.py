"""Maximum mean discrepancy between sets of latents."""

import numpy as np
from jaxtyping import Float, Num

from keras_symdiff.metrics.frechet_distance import as_pieces

# The cost of the RBF kernel grows with the square of the number of latents, and those of one piece resemble each other.
_RBF_PHRASES = 4
_COMPARED = 1000  # pieces: the cost of more grows with their number, and no longer with its square
_BANDWIDTH_SAMPLE = 500  # latents of each set
_BLOCK, _VALUES = 256, 2**25  # pieces, and numbers, at a time: at most 0.3 GB


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
          use slightly different kernels. Of more than 1000 pieces not all pairs are compared: piece `i` of a set of
          N meets those of its set with the same `i mod ceil(N / 1000)`, and of the other set, of M, those with the
          same `i mod ceil(min(N, M) / 1000)`. The estimate stays without bias, every piece is used, and time and
          memory grow with the number of pieces. (Zaremba et al., 2013, compare within blocks likewise.)

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
        - [Zaremba et al., 2013](https://arxiv.org/abs/1307.1954), section 2.1
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
    return within_x + within_y - 2 * between


def _polynomial_means(x, y, x_weights, y_weights):
    """Weighted means (R,) of the kernel over pairs of pieces: within x, within y, between them."""
    if x.shape[2] ** 2 > max(x.size, y.size) // x.shape[2]:  # more second moments than latents
        return _pair_means(x, y, x_weights, y_weights, lambda a, b: (a @ b.T) ** 2, compared=max(len(x), len(y)))
    # (x . y)^2 is the inner product of x x^T and y y^T. So the sum over all pairs is that of two sums of such matrices.
    (x_moments, x_own), (y_moments, y_own) = _second_moments(x, x_weights), _second_moments(y, y_weights)
    return (
        ((x_moments**2).sum(axis=1) - x_own) / _pairs(x_weights),
        ((y_moments**2).sum(axis=1) - y_own) / _pairs(y_weights),
        (x_moments * y_moments).sum(axis=1) / _pairs(x_weights, y_weights),
    )


def _rbf_means(x, y, x_weights, y_weights):
    """Weighted means (R,) of the kernel over pairs of pieces: within x, within y, between them."""
    x, y = _spaced_phrases(x), _spaced_phrases(y)
    scale = -2 * _median_distance(x, y) ** 2

    def kernel(a, b):
        values = a @ (-2 * b.T)  # the largest array: changed in place
        values += (a**2).sum(axis=1)[:, None]
        values += (b**2).sum(axis=1)
        values /= scale
        return np.exp(values, out=values)

    return _pair_means(x, y, x_weights, y_weights, kernel, _COMPARED)


_KERNELS = {"polynomial": _polynomial_means, "rbf": _rbf_means}


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


def _block(values):
    """How many pieces are worked on at a time, each of which takes so many values."""
    return max(1, min(_BLOCK, _VALUES // values))


def _second_moments(pieces, weights):
    """Weighted sums (R, D * D) of the pieces' mean `x x^T`, and (R,) of their squared norms by squared weights."""
    num_pieces, length, dim = pieces.shape
    moments, own = np.zeros((len(weights), dim * dim)), np.zeros(len(weights))
    block = _block(dim * dim)
    for start in range(0, num_pieces, block):
        part, weight = pieces[start : start + block], weights[:, start : start + block]
        products = (np.swapaxes(part, 1, 2) @ part / length).reshape(len(part), -1)  # (b, D * D)
        moments += weight @ products
        own += weight**2 @ (products**2).sum(axis=1)
    return moments, own


def _pairs(weights, others=None):
    """Numbers (R,) of weighted pairs: of different pieces of one set, or of those of two; NaN where there are none."""
    if others is None:
        pairs = weights.sum(axis=1) ** 2 - (weights**2).sum(axis=1)
    else:
        pairs = weights.sum(axis=1) * others.sum(axis=1)
    return np.where(pairs > 0, pairs, np.nan)


def _pair_means(x, y, x_weights, y_weights, kernel, compared):
    """Weighted means (R,) of `kernel`, a function of (n, D) and (m, D), where a piece meets about so many others."""

    def mean(a, b, a_weights, b_weights):
        groups = -(-min(len(a), len(b)) // compared)
        total, pairs = np.zeros(len(a_weights)), np.zeros(len(a_weights))
        for group in range(groups):  # not neighbours, which may be of one song
            every = slice(group, None, groups)
            weights, other_weights = a_weights[:, every], b_weights[:, every]
            total += _pair_sums(a[every], b[every], weights, other_weights, kernel, a is b)
            pairs += np.nan_to_num(_pairs(weights, None if a is b else other_weights))
        return total / np.where(pairs > 0, pairs, np.nan)

    return mean(x, x, x_weights, x_weights), mean(y, y, y_weights, y_weights), mean(x, y, x_weights, y_weights)


def _pair_sums(a, b, a_weights, b_weights, kernel, one_set):
    """Weighted sums (R,) over the pairs of pieces of a and b, or, of one set, over those of different pieces."""
    total = np.zeros(len(a_weights))
    flat = b.reshape(-1, b.shape[2])
    block = _block(a.shape[1] * len(flat))
    for start in range(0, len(a), block):
        part = a[start : start + block]
        values = kernel(part.reshape(-1, a.shape[2]), flat)  # (n * L, Q * K)
        values = values.reshape(len(part), a.shape[1], len(b), b.shape[1]).mean(axis=(1, 3))  # (n, Q)
        if one_set:
            values[np.arange(len(part)), start + np.arange(len(part))] = 0.0  # not with itself
        total += (a_weights[:, start : start + block] @ values * b_weights).sum(axis=1)
    return total
