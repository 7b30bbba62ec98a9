"""Mixtures of diagonal Gaussians: their likelihood and their samples."""

import math
from typing import Any

from jaxtyping import Float
from keras import ops

# In units of scaled latents: 1 is half of a dimension's range. Training data holds equal phrases, on which a density
# without a floor grows without bound. The encoder's own posterior is wider than this.
MIN_SCALE = 0.01


def scales(log_scales: Float[Any, "*B K C"]) -> Float[Any, "*B K C"]:
    """Standard deviations of a mixture, `exp(log_scales) + MIN_SCALE`, in float32.

    Args:
        log_scales: as `TransformerMDN` returns them.

    Returns:
        The deviations, at least `MIN_SCALE`.
    """
    return ops.exp(ops.cast(log_scales, "float32")) + MIN_SCALE


def mixture_log_likelihood(
    x: Float[Any, "B L C"], means: Float[Any, "B L K C"], log_scales: Float[Any, "B L K C"], logits: Float[Any, "B L K"]
) -> Float[Any, "B L"]:
    """Exact log density of latents under one mixture per position, in nats.

    Computed in float32 whatever the type of the mixture: the sum over channels reaches thousands.

    Args:
        x: scaled latents.
        means: means of the Gaussians.
        log_scales: see `scales`.
        logits: unnormalised log weights.

    Returns:
        The log densities, float32.

    Reference:
        - Bishop, Mixture Density Networks (1994); [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), section 4.2.
    """
    x, means, logits = (ops.cast(tensor, "float32") for tensor in (x, means, logits))
    stddev = scales(log_scales)  # (B, L, K, C)
    deviations = (x[:, :, None] - means) / stddev  # (B, L, K, C)
    log_density = -ops.sum(0.5 * ops.square(deviations) + ops.log(stddev), axis=-1)  # (B, L, K)
    log_density = log_density - 0.5 * x.shape[-1] * math.log(2 * math.pi)
    return ops.logsumexp(ops.log_softmax(logits) + log_density, axis=-1)  # (B, L)


def draw_from_mixture(
    means: Float[Any, "B K C"],
    log_scales: Float[Any, "B K C"],
    logits: Float[Any, "B K"],
    gumbel: Float[Any, "B K"],
    normal: Float[Any, "B C"],
    temperature: float | Float[Any, "B 1"],
) -> Float[Any, "B C"]:
    """Draws one latent per piece.

    Args:
        means: means of the Gaussians.
        log_scales: see `scales`.
        logits: unnormalised log weights.
        gumbel: standard Gumbel draws, which choose the Gaussian.
        normal: N(0, 1) draws.
        temperature: above 0; divides the logits and multiplies the variances.

    Returns:
        The latents, float32.

    Reference:
        - Ha and Eck, [A Neural Representation of Sketch Drawings](https://arxiv.org/abs/1704.03477), equation 8.
    """
    means, logits = ops.cast(means, "float32"), ops.cast(logits, "float32")
    choice = ops.argmax(logits / temperature + gumbel, axis=-1)[:, None, None]  # (B, 1, 1)
    mean = ops.take_along_axis(means, choice, axis=1)[:, 0]  # (B, C)
    stddev = ops.take_along_axis(scales(log_scales), choice, axis=1)[:, 0]  # (B, C)
    return mean + temperature**0.5 * stddev * normal
