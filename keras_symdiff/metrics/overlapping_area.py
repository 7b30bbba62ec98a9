"""The overlapping area of two Gaussians."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Real
from scipy import special

# Added by the release to every variance under a root and to the difference of variances.
_PAPER_EPSILON = 1e-6


def overlapping_area(
    mean_a: float | Sequence[float] | Real[np.ndarray, "..."],
    mean_b: float | Sequence[float] | Real[np.ndarray, "..."],
    variance_a: float | Sequence[float] | Real[np.ndarray, "..."],
    variance_b: float | Sequence[float] | Real[np.ndarray, "..."],
    variant: str = "exact",
) -> float | Float[np.ndarray, "..."]:
    """The area under the lower of two Gaussian densities.

    `"exact"` integrates `min(p_a, p_b)` in closed form. Densities of unequal variance cross twice; with the narrow
    one `n`, the wide one `w` and crossings `y1 < y2`, the area is
    `Phi_n(y1) + Phi_w(y2) - Phi_w(y1) + 1 - Phi_n(y2)`; for equal deviations it is `2 Phi(-|mean_a - mean_b| / 2 s)`.
    A variance of 0 is a point: it overlaps with itself by 1 and with everything else by 0.

    `"paper"` is the formula of the released code, for comparison with the paper's printed figures only. It is wrong:

    - it knows one of the two crossings;
    - it divides by `variance_a - variance_b + 1e-6`, so that equal variances put the crossing at 0, and the area of
      any two such Gaussians whose means are well above 0 is 1: `N(60, 4)` and `N(80, 4)` give 1.000, not 0.000;
    - it reads means and variances in their units: the area changes when both Gaussians are shifted or scaled;
    - it can leave [0, 1], and is NaN where a difference of variances is exactly `-1e-6`.

    Equation 9 as printed is neither: it lacks the factors 1/2 and divides by variances where deviations belong.

    Args:
        mean_a: mean of the first Gaussian. All four broadcast.
        mean_b: mean of the second Gaussian, in the same unit.
        variance_a: variance of the first Gaussian, in the square of that unit.
        variance_b: variance of the second Gaussian.
        variant: `"exact"` or `"paper"`. Defaults to `"exact"`.

    Returns:
        The areas, in [0, 1] if exact; NaN where an argument is NaN.

    Raises:
        ValueError: if a variance is negative, or `variant` is another.

    Example:
    ```python
    overlapping_area(60.0, 62.0, 4.0, 4.0)  # 0.617, two semitones apart at a deviation of two
    ```

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), equation 9
        - [Magenta's `overlapping_area`](https://github.com/magenta/symbolic-music-diffusion), `utils/metrics.py`
    """
    variants = {"exact": _exact, "paper": _paper}
    if variant not in variants:
        raise ValueError(f"The variant must be one of {list(variants)}. Received: variant={variant!r}")
    arguments = [np.asarray(x, np.float64) for x in (mean_a, mean_b, variance_a, variance_b)]
    for name, variance in zip(("variance_a", "variance_b"), arguments[2:], strict=True):
        if np.any(variance < 0):
            raise ValueError(f"Variances must not be negative. Received: {name} down to {np.nanmin(variance)}")
    # Infinite and undefined steps on the way are meant: the limits come out of erf and of the last np.where.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        return variants[variant](*np.broadcast_arrays(*arguments))


def _exact(mean_a, mean_b, variance_a, variance_b):
    narrow, wide = np.minimum(variance_a, variance_b), np.maximum(variance_a, variance_b)
    # All lengths in standard deviations: the narrow Gaussian is N(0, 1), the wide one lies at distance / ratio >= 0.
    ratio = np.sqrt(narrow / wide)
    # At 100 wide deviations nothing is left in float64; the bound keeps squares finite.
    distance = np.minimum(np.abs(mean_a - mean_b) / np.sqrt(wide), 100.0)
    # 1 - ratio^2 and -2 log(ratio), both without cancellation for nearly equal and for hugely different variances.
    excess = (wide - narrow) / wide
    log_ratio = np.where(excess < 0.5, -np.log1p(-excess), np.log(wide) - np.log(narrow))
    # The crossings solve excess u^2 + 2 distance ratio u - (distance^2 + log_ratio) = 0. The larger term of the
    # textbook formula gives one root, the product of the roots the other. Equal variances send the lower to -infinity.
    larger = distance * ratio + np.sqrt(distance**2 + excess * log_ratio)
    one_gaussian = larger == 0  # no distance, one variance: any upper crossing does
    upper = np.where(one_gaussian, 0.0, (distance**2 + log_ratio) / np.where(one_gaussian, 1.0, larger))
    lower = np.where(excess == 0, -np.inf, -larger / np.where(excess == 0, 1.0, excess))
    # A ratio of 0 times an infinite crossing: there the narrow Gaussian is a point, settled below.
    wide_lower = np.where(excess == 0, -np.inf, ratio * lower - distance)
    wide_between = special.ndtr(ratio * upper - distance) - special.ndtr(wide_lower)
    area = np.clip(special.ndtr(lower) + wide_between + special.ndtr(-upper), 0.0, 1.0)

    unknown = np.isnan(mean_a + mean_b + variance_a + variance_b)
    points = np.where(wide == 0, mean_a == mean_b, 0.0)
    return np.where((narrow == 0) & ~unknown, points, area)


def _paper(mean_a, mean_b, variance_a, variance_b):
    swap = mean_b < mean_a
    low, high = np.where(swap, mean_b, mean_a), np.where(swap, mean_a, mean_b)
    low_variance, high_variance = np.where(swap, variance_b, variance_a), np.where(swap, variance_a, variance_b)
    low_stddev, high_stddev = np.sqrt(low_variance + _PAPER_EPSILON), np.sqrt(high_variance + _PAPER_EPSILON)
    difference = low_variance - high_variance
    # Here, unlike below, the deviations are the plain ones, and the difference that divides has its epsilon.
    root = np.sqrt((low - high) ** 2 + 2 * difference * np.log(low_stddev / high_stddev))
    plain_low, plain_high = np.sqrt(low_variance), np.sqrt(high_variance)
    crossing = high * low_variance - plain_high * (low * plain_high + plain_low * root)
    crossing = crossing / (difference + _PAPER_EPSILON)
    z_low, z_high = (crossing - low) / low_stddev, (crossing - high) / high_stddev
    return 1 - special.erf(z_low / np.sqrt(2)) / 2 + special.erf(z_high / np.sqrt(2)) / 2
