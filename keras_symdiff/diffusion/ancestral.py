"""Ancestral sampling and infilling: the paper's Algorithms 3 and 1."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32
from keras import ops

from keras_symdiff.diffusion.forward_process import add_noise
from keras_symdiff.diffusion.noise_schedule import NoiseSchedule


def reverse_steps(schedule: NoiseSchedule) -> Float32[np.ndarray, "N 5"]:
    """Returns the numbers of the reverse steps `t = N, ..., 1`, in the order in which they are taken.

    Args:
        schedule: A `NoiseSchedule`.

    Returns:
        `(N, 5)`, float32. A row holds the noise level of `t`, `1 / sqrt(alpha_t)`,
        `(1 - alpha_t) / sqrt(1 - alpha_bar_t)`, `sigma_t` and the noise level of `t - 1`.
    """
    t = np.arange(schedule.num_steps, 0, -1)
    columns = (
        schedule.noise_level[t],
        1.0 / np.sqrt(schedule.alpha[t]),
        schedule.beta[t] / np.sqrt(1.0 - schedule.alpha_bar[t]),
        schedule.posterior_stddev[t],
        schedule.noise_level[t - 1],
    )
    return np.stack(columns, axis=-1).astype(np.float32)


def ancestral_sampling(
    denoise: Callable,
    steps: Float[Any, "S 5"],
    x: Float[Any, "B L D"],
    noise: Float[Any, "B S L D"],
    given: Float[Any, "B L D"] | None = None,
    keep_mask: Bool[Any, "B L"] | None = None,
    given_noise: Float[Any, "B S L D"] | None = None,
) -> Float[Any, "B L D"]:
    """Takes reverse steps; with a given part, each of them puts that part back, noised to the state's level.

    Algorithm 1 as printed noises the given part to the level of `t` while the state has reached `t - 1`; here it is
    noised to the level of `t - 1`. After the last step that is level 1: the given part comes back unchanged.

    Args:
        denoise: Function of `x (B, L, D)` and noise levels `(B, 1)` that predicts the noise in `x`, `(B, L, D)`.
        steps: All rows of `reverse_steps`, or the next S of them.
        x: The state before the first of `steps`: N(0, 1) draws before step N.
        noise: N(0, 1) draws.
        given: Clean data whose given positions are kept. Defaults to `None`: nothing is given.
        keep_mask: True where `given` is kept.
        given_noise: N(0, 1) draws for the given part.

    Returns:
        `(B, L, D)`: the state after the last of `steps`.

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), Algorithms 1 and 3.
    """

    def step(i, x):
        level, x_scale, epsilon_scale, sigma, next_level = ops.unstack(steps[i], num=5)
        epsilon = ops.cast(denoise(x, level * ops.ones_like(x[:, 0, :1])), x.dtype)  # (B, L, D)
        x = x_scale * (x - epsilon_scale * epsilon) + sigma * noise[:, i]
        if given is not None and keep_mask is not None and given_noise is not None:
            x = ops.where(keep_mask[:, :, None], add_noise(given, next_level, given_noise[:, i]), x)
        return x  # (B, L, D)

    return ops.fori_loop(0, ops.shape(steps)[0], step, x)
