"""Noise schedules of diffusion models, as plain numbers."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float64


@dataclasses.dataclass(frozen=True, eq=False)
class NoiseSchedule:
    """The variances of a diffusion process, indexed by diffusion step.

    Every array is float64, read-only and of length `num_steps + 1`, so that the index is the paper's step `t`: index 0
    is clean data (`beta[0] = 0`, `alpha_bar[0] = 1`), index `num_steps` is the noisiest state.

    Args:
        beta: Variance of the noise that step `t` of the forward process adds: `beta[0] = 0`, all
            others in (0, 1).

    Raises:
        ValueError: If `beta` is not such an array.

    Example:
        >>> schedule = NoiseSchedule.linear(num_steps=1000)
        >>> round(float(schedule.noise_level[-1]), 5)
        0.08138

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), section 2.1. Its sigma_t,
          `beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t)`, is the posterior *variance* of
          [Ho et al., 2020](https://arxiv.org/abs/2006.11239), equation 7. Algorithms 1 and 3 multiply unit noise by
          sigma_t, which therefore has to be its square root, as in Ho et al., section 3.2, and in the released code.
    """

    beta: np.ndarray

    def __post_init__(self):
        beta = np.array(self.beta, dtype=np.float64)
        if beta.ndim != 1 or len(beta) < 2 or beta[0] != 0 or not np.all((beta[1:] > 0) & (beta[1:] < 1)):
            raise ValueError(
                "`beta` must be a vector of 0 followed by at least one variance in (0, 1). "
                f"Received: beta={np.array2string(beta, threshold=8)} of shape {beta.shape}"
            )
        beta.setflags(write=False)
        object.__setattr__(self, "beta", beta)

    @classmethod
    def linear(cls, num_steps: int = 1000, beta_start: float = 1e-6, beta_end: float = 0.01) -> "NoiseSchedule":
        """Returns the schedule whose variances grow linearly; the defaults are the paper's.

        Args:
            num_steps: At least 1. Number of diffusion steps N. Defaults to `1000`.
            beta_start: In (0, 1). Variance of step 1. Defaults to `1e-6`.
            beta_end: In (0, 1). Variance of step N. Defaults to `0.01`.

        Returns:
            A `NoiseSchedule`.

        Raises:
            ValueError: If an argument is out of range.
        """
        if isinstance(num_steps, bool) or not isinstance(num_steps, (int, np.integer)) or num_steps < 1:
            raise ValueError(f"`num_steps` must be an integer of at least 1. Received: num_steps={num_steps}")
        return cls(np.concatenate([[0.0], np.linspace(beta_start, beta_end, num_steps)]))

    def respaced(self, num_steps: int) -> "NoiseSchedule":
        """Returns a schedule of fewer steps that passes through noise levels of this one, evenly spaced by step.

        A denoiser that was trained on continuous noise levels can walk back on it.

        Args:
            num_steps: In [1, N].

        Returns:
            A `NoiseSchedule` with the same noisiest level.

        Raises:
            ValueError: If `num_steps` is out of range.

        Reference:
            - [Nichol and Dhariwal, 2021](https://arxiv.org/abs/2102.09672), section 4.
        """
        self._check_num_steps(num_steps)
        if num_steps == self.num_steps:
            return self
        alpha_bar = self.alpha_bar[np.round(np.linspace(0, self.num_steps, num_steps + 1)).astype(int)]
        return NoiseSchedule(np.concatenate([[0.0], 1.0 - alpha_bar[1:] / alpha_bar[:-1]]))

    def quadratic_levels(self, num_steps: int) -> Float64[np.ndarray, " S"]:
        """Returns noise levels for few steps: those at diffusion steps `N (i / num_steps)^2`, the noisiest first.

        Between diffusion steps they are interpolated, as the levels of training are. Of even and quadratic spacing by
        diffusion step, even spacing of the log signal-to-noise ratio and that of Karras et al., this one came closest
        to the end of the probability flow on the preset `lakh_pop_small` (`benchmarks/README.md`).

        Args:
            num_steps: In [1, N].

        Returns:
            `(num_steps + 1,)`, float64, increasing from the noisiest level to 1.

        Raises:
            ValueError: If `num_steps` is out of range.

        Reference:
            - [Song et al., 2021](https://arxiv.org/abs/2010.02502), appendix D.2.
        """
        self._check_num_steps(num_steps)
        t = self.num_steps * np.linspace(1.0, 0.0, num_steps + 1) ** 2
        return np.interp(t, np.arange(self.num_steps + 1), self.noise_level)

    def _check_num_steps(self, num_steps):
        if not isinstance(num_steps, (int, np.integer)) or not 1 <= num_steps <= self.num_steps:
            raise ValueError(
                f"`num_steps` must be an integer in [1, {self.num_steps}]. Received: num_steps={num_steps}"
            )

    @property
    def num_steps(self) -> int:
        """Number of diffusion steps N."""
        return len(self.beta) - 1

    @property
    def alpha(self) -> Float64[np.ndarray, " N"]:
        """`1 - beta`."""
        return _read_only(1.0 - self.beta)

    @property
    def alpha_bar(self) -> Float64[np.ndarray, " N"]:
        """Running product of `alpha`: the share of the data's variance left after `t` steps."""
        return _read_only(np.cumprod(self.alpha))

    @property
    def noise_level(self) -> Float64[np.ndarray, " N"]:
        """`sqrt(alpha_bar)` in (0, 1]: the factor of the clean data, 1 without noise; what the denoiser is told."""
        return _read_only(np.sqrt(self.alpha_bar))

    @property
    def posterior_stddev(self) -> Float64[np.ndarray, " N"]:
        """Standard deviation of the noise added by the reverse step from `t` to `t - 1`; 0 at `t = 1`."""
        alpha_bar = self.alpha_bar
        stddev = np.zeros_like(alpha_bar)
        stddev[1:] = np.sqrt(self.beta[1:] * (1.0 - alpha_bar[:-1]) / (1.0 - alpha_bar[1:]))
        return _read_only(stddev)

    def get_config(self) -> dict[str, Any]:
        """Returns a JSON-able dict: the three numbers of a linear schedule, or the variances of any other."""
        config = {
            "num_steps": self.num_steps,
            "beta_start": float(self.beta[1]),
            "beta_end": float(self.beta[-1]),
        }
        if np.array_equal(NoiseSchedule.linear(**config).beta, self.beta):
            return config
        return {"beta": self.beta.tolist()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "NoiseSchedule":
        """Returns the schedule of a `get_config` dict, equal to the last bit."""
        keys = set(config)
        if keys == {"beta"}:
            return cls(config["beta"])
        if keys == {"num_steps", "beta_start", "beta_end"}:
            return cls.linear(**config)
        raise ValueError(
            "A schedule's config has the keys `num_steps`, `beta_start` and `beta_end`, or the key `beta`. "
            f"Received: keys={sorted(keys)}"
        )


def _read_only(array):
    array.setflags(write=False)
    return array
