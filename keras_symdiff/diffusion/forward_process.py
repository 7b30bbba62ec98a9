"""The forward process: from data to noise, in one jump to any noise level."""

from typing import Any

from jaxtyping import Bool, Float
from keras import ops


def add_noise(
    x_0: Float[Any, "*X"], noise_level: Float[Any, "..."] | float, noise: Float[Any, "*X"]
) -> Float[Any, "*X"]:
    """Draws the state of a noise level: `q(x_t | x_0)`.

    Args:
        x_0: Clean data.
        noise_level: `(B, 1)`, `(B,)` or a scalar. `sqrt(alpha_bar)` in [0, 1]: 1 gives back `x_0`, 0 gives `noise`.
        noise: N(0, 1) draws.

    Returns:
        `(B, ...)`: `noise_level * x_0 + sqrt(1 - noise_level^2) * noise`.

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), section 2.1 and Algorithm 2.
    """
    level = ops.reshape(noise_level, (-1,) + (1,) * (len(x_0.shape) - 1))  # (B, 1, 1)
    # Not 1 - level^2: squaring rounds, and the first levels are only a few float32 spacings below 1.
    return level * x_0 + ops.sqrt((1.0 - level) * (1.0 + level)) * noise


def show_given(
    x_t: Float[Any, "B L D"], noise_level: Float[Any, "B 1"], given: Float[Any, "B L D"], keep_mask: Bool[Any, "B L"]
) -> tuple[Float[Any, "B L D"], Float[Any, "B L"]]:
    """Puts given phrases into a noised piece as they are: without noise, at noise level 1.

    Args:
        x_t: Noised data.
        noise_level: Its `sqrt(alpha_bar)`.
        given: Clean data.
        keep_mask: True where it is given.

    Returns:
        Tuple of the piece `(B, L, D)` and the noise level of each phrase `(B, L)`.
    """
    return ops.where(keep_mask[:, :, None], given, x_t), ops.where(keep_mask, 1.0, noise_level)


def continuous_noise_level(noise_levels: Float[Any, " N"], uniform: Float[Any, "*U"]) -> Float[Any, "*U"]:
    """Maps uniform draws to noise levels between neighbouring diffusion steps.

    A step `t` uniform on 1..N, then a level uniform between those of `t - 1` and `t`, together are the piecewise linear
    interpolation of the levels at a uniform position in [0, N]: one draw gives both.

    Args:
        noise_levels: `(N + 1,)`. `NoiseSchedule.noise_level`.
        uniform: Tensor of any shape. Draws from [0, 1).

    Returns:
        Tensor of `uniform`'s shape, float32: `sqrt(alpha_bar)` in [noise_levels[N], 1].

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), section 2.1 and Algorithm 2. The released code passes
          the ends of the interval in the wrong order and so never leaves the discrete levels.
    """
    noise_levels = ops.convert_to_tensor(noise_levels, dtype="float32")  # (N + 1,)
    uniform = ops.convert_to_tensor(uniform, dtype="float32")
    num_steps = noise_levels.shape[0] - 1
    position = uniform * num_steps
    # A draw just below 1 may round up to `num_steps`.
    step = ops.minimum(ops.floor(position), num_steps - 1)
    before = ops.take(noise_levels, ops.cast(step, "int32"))
    after = ops.take(noise_levels, ops.cast(step, "int32") + 1)
    return before + (position - step) * (after - before)
