"""Samplers for few steps: one loop, and a table of numbers for each of DDIM, DPM-Solver++ and Heun.

All are linear in the state and the last two predictions of the clean data, so that what tells them apart is the table.
A row `(level, stddev, a, b, c, s, next_level)` is one call of the denoiser at noise level `level = sqrt(alpha_bar)`,
whose noise has the deviation `stddev = sqrt(1 - level^2)`, and with the prediction `p` of the clean data sets

    x <- a x + b p + c p_before + s noise        # now at noise level `next_level`
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64
from keras import ops

from keras_symdiff.diffusion.forward_process import add_noise

_LEVEL, _STDDEV, _A, _B, _C, _S, _NEXT = range(7)


def solver_sampling(
    denoise: Callable,
    steps: Float[Any, "S 7"],
    x: Float[Any, "B L D"],
    noise: Float[Any, "B S L D"],
    before: Float[Any, "B L D"],
    given: Float[Any, "B L D"] | None = None,
    keep_mask: Bool[Any, "B L"] | None = None,
    given_noise: Float[Any, "B S L D"] | None = None,
) -> tuple[Float[Any, "B L D"], Float[Any, "B L D"]]:
    """Takes the steps of a table; with a given part, each of them puts that part back, noised to the state's level.

    Args:
        denoise: Function of `x (B, L, D)` and noise levels `(B, 1)` that predicts the noise in `x`, `(B, L, D)`.
        steps: Rows of `ddim_steps`, `dpm_solver_steps`, `heun_steps` or `with_resampling`.
        x: N(0, 1) draws.
        noise: N(0, 1) draws.
        before: The prediction of the row before these; zeros before the first one, which does not use it.
        given: Clean data whose given positions are kept. Defaults to `None`: nothing is given.
        keep_mask: True where `given` is kept.
        given_noise: N(0, 1) draws for the given part.

    Returns:
        Two arrays `(B, L, D)`: the state after the last of `steps`, and its prediction, to go on from.
    """

    def step(i, state):
        x, before = state
        level, stddev, a, b, c, s, next_level = ops.unstack(steps[i], num=7)
        epsilon = ops.cast(denoise(x, level * ops.ones_like(x[:, 0, :1])), x.dtype)  # (B, L, D)
        predicted = (x - stddev * epsilon) / level
        x = a * x + b * predicted + c * before + s * noise[:, i]
        if given is not None and keep_mask is not None and given_noise is not None:
            x = ops.where(keep_mask[:, :, None], add_noise(given, next_level, given_noise[:, i]), x)
        return x, predicted  # (B, L, D) both

    return ops.fori_loop(0, ops.shape(steps)[0], step, (x, before))


def fill_up(steps: Float[np.ndarray, "S 7"], size: int) -> Float[np.ndarray, "T 7"]:
    """Adds rows that change nothing, so that the number of rows is a multiple of `size`: one call serves them all."""
    nothing = steps[-1].copy()
    nothing[[_A, _B, _C, _S, _NEXT]] = 1, 0, 0, 0, 1
    return np.concatenate([steps, np.tile(nothing, (-len(steps) % size, 1))])


def ddim_steps(levels: Float64[np.ndarray, " N"], eta: float = 0.0) -> Float64[np.ndarray, "S 7"]:
    """Makes the table of DDIM: of first order.

    Args:
        levels: Increasing noise levels in (0, 1]; a last one of 1 ends at the clean data.
        eta: In [0, 1]. 0 follows the probability flow; 1 adds the noise of ancestral sampling, which it is on
            neighbouring levels of a schedule. Defaults to `0.0`.

    Returns:
        `(S, 7)`, float64.

    Reference:
        - [Song et al., 2021](https://arxiv.org/abs/2010.02502), equations 12 and 16.
    """
    stddev = _stddev(levels)
    level, next_level = levels[:-1], levels[1:]
    s = eta * stddev[1:] / stddev[:-1] * np.sqrt(1.0 - (level / next_level) ** 2)
    a = np.sqrt(np.maximum(stddev[1:] ** 2 - s**2, 0.0)) / stddev[:-1]
    return np.stack([level, stddev[:-1], a, next_level - a * level, 0 * level, s, next_level], axis=-1)


def dpm_solver_steps(
    levels: Float64[np.ndarray, " N"], stochastic: bool = False, noise_scale: float = 1.0
) -> Float64[np.ndarray, "S 7"]:
    """Makes the table of DPM-Solver++(2M), of second order, or of SDE-DPM-Solver++(2M).

    DDIM's steps from the prediction extrapolated to the middle of the step, in half the log signal-to-noise ratio. The
    first step has no prediction to start from, and the last, to level 1, is infinitely long: they are DDIM's.

    Args:
        levels: As in `ddim_steps`.
        stochastic: Whether to add the noise of ancestral sampling. Defaults to `False`.
        noise_scale: At least 0. Factor of that noise. Defaults to `1.0`.

    Returns:
        `(S, 7)`, float64.

    Reference:
        - [Lu et al., 2022](https://arxiv.org/abs/2211.01095), Algorithm 2 and appendix A.
        - [Karras et al., 2022](https://arxiv.org/abs/2206.00364), section 4: `noise_scale` is their S_noise.
    """
    steps = ddim_steps(levels, eta=float(stochastic))
    half_log_snr = np.log(levels[:-1] / _stddev(levels[:-1]))  # (S,), lambda
    length = np.diff(half_log_snr)  # (S - 1,), of all steps but the last
    steps[1:-1, _C] = -length[1:] / (2.0 * length[:-1]) * steps[1:-1, _B]
    steps[:, _B] -= steps[:, _C]
    steps[:, _S] *= noise_scale
    return steps


def heun_steps(levels: Float64[np.ndarray, " N"]) -> Float64[np.ndarray, "S 7"]:
    """Makes the table of Heun's method, of second order: two rows per step, one for the last.

    A DDIM step, then the correction: the state is moved as if the step's slope had been the mean of the slopes at
    its two ends. In `sigma = stddev / level` that adds `(sigma - sigma_next) / (2 sigma_next) (p_next - p)` to
    `x / level`. The last step, to level 1, is DDIM's.

    Args:
        levels: As in `ddim_steps`.

    Returns:
        `(2 S - 1, 7)`, float64.

    Reference:
        - [Karras et al., 2022](https://arxiv.org/abs/2206.00364), Algorithm 1.
    """
    predict = ddim_steps(levels)
    stddev, inner = _stddev(levels), levels[1:-1]
    sigma = stddev[:-1] / levels[:-1]
    b = inner * (sigma[:-1] - sigma[1:]) / (2.0 * sigma[1:])
    correct = np.stack([inner, stddev[1:-1], np.ones_like(b), b, -b, np.zeros_like(b), inner], axis=-1)
    steps = np.empty((2 * len(predict) - 1, 7))
    steps[::2], steps[1::2] = predict, correct
    return steps


def with_resampling(steps: Float64[np.ndarray, "S 7"], times: int) -> Float64[np.ndarray, "T 7"]:
    """Takes each step but the last several times, each time but the last going back to the noise level before it.

    Without it phrases are made by a model that sees the given ones but never changes what it has made to fit them. A
    jump back adds noise and needs no call of the denoiser: it is part of the row before it. The prediction before a
    jump is not extrapolated.

    Args:
        steps: A table of this module.
        times: At least 1.

    Returns:
        `(about times * S, 7)`, float64.

    Reference:
        - [Lugmayr et al., 2022](https://arxiv.org/abs/2201.09865), Algorithm 1, with jumps of one step.
    """
    starts = np.flatnonzero(steps[:, _LEVEL] != steps[:, _NEXT])  # Heun's correction stays at its level
    *all_but_last, last = np.split(steps, starts[1:])
    rows = []
    for step in all_but_last:
        again = step.copy()
        again[0, _B] += again[0, _C]
        again[0, _C] = 0.0
        sequence = [step] + (times - 1) * [again]
        rows += [_and_back(one) for one in sequence[:-1]] + [sequence[-1]]
    return np.concatenate([*rows, last])


def _and_back(step):
    """Ends a step at the noise level where it starts."""
    step = step.copy()
    start, end = step[0, _LEVEL], step[-1, _NEXT]
    step[-1, [_A, _B, _C, _S]] *= start / end
    step[-1, _S] = np.hypot(step[-1, _S], np.sqrt(1.0 - (start / end) ** 2))
    step[-1, _NEXT] = start
    return step


def _stddev(levels):
    return np.sqrt((1.0 - levels) * (1.0 + levels))
