"""Which way back from noise is taken; a file of its own, so that `--help` imports nothing for it."""

import dataclasses

SAMPLERS = ("ancestral", "ddim", "dpm-solver", "dpm-solver-sde", "heun")

# Above them nothing sounds better.
MOST = {"num_steps": 10_000, "resamplings": 100, "noise_scale": 10, "guidance": 100, "condition_scale": 100}


@dataclasses.dataclass(frozen=True)
class Sampler:
    """A sampler and its number of steps.

    `ancestral` is the paper's, evenly spaced by diffusion step; the others are for few steps, spaced as
    `NoiseSchedule.quadratic_levels`. `ddim`, `dpm-solver` (DPM-Solver++ 2M) and `heun` follow the probability flow from
    the first noise and draw no more of it; `dpm-solver-sde` draws noise at every step, as `ancestral` does.

    Args:
        name: `"ancestral"`, `"ddim"`, `"dpm-solver"`, `"dpm-solver-sde"` or `"heun"`. Defaults to `"ancestral"`.
        num_steps: At least 1, at most the schedule's. `heun` calls the denoiser twice per step, the others once.
            Defaults to `None`: as many as the schedule has.
        eta: In [0, 1]. Share of the ancestral steps' noise in those of `ddim`. Defaults to `0.0`.
        resamplings: At least 1. How often each step but the last is taken, with a jump back to its noise level in
            between; not for `ancestral`, which is `ddim` with eta 1. Infilled phrases fit the given ones the better
            the more there are. Defaults to `1`: no jumps.
        noise_scale: At least 0. Factor of the noise that `dpm-solver-sde` draws on the way, a temperature: the lower it
            is, the more a piece repeats itself and the less it leaps (`benchmarks/README.md`, "Noise on the way").
            Defaults to `1.0`, the sampler that its authors derived.
        guidance: At least 0. How much more phrases follow those around them than the denoiser lets them; see
            `Guidance`. Defaults to `0.0`.
        condition_scale: At least 0. How much pieces follow what they are told: 1 as the denoiser was trained to, more
            for more, at twice the time; nothing changes where nothing is told. Defaults to `1.0`.

    Raises:
        ValueError: If an argument is out of range, or not one of this sampler's.

    Example:
        >>> pieces = sample(model, num_samples=8, sampler=Sampler("dpm-solver-sde", 25))  # (8, 32, D)

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), Algorithms 1 and 3: `ancestral`.
        - `solvers.py` cites the others.
    """

    name: str = "ancestral"
    num_steps: int | None = None
    eta: float = 0.0
    resamplings: int = 1
    noise_scale: float = 1.0
    guidance: float = 0.0
    condition_scale: float = 1.0

    def __post_init__(self):
        if self.name not in SAMPLERS:
            raise ValueError(f"`name` must be one of {', '.join(SAMPLERS)}. Received: name={self.name}")
        for field in ("num_steps", "resamplings"):
            value = getattr(self, field)
            if value is None and field == "num_steps":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST[field]:
                raise ValueError(f"`{field}` must be an integer in [1, {MOST[field]}]. Received: {field}={value!r}")
        for field in ("eta", "noise_scale", "guidance", "condition_scale"):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, float | int):
                raise ValueError(f"`{field}` must be a number. Received: {field}={value!r}")
        if not 0 <= self.eta <= (self.name == "ddim"):
            raise ValueError(
                f"`eta` must be in [0, 1], and 0 unless the sampler is ddim. Received: eta={self.eta}, name={self.name}"
            )
        if not 0 <= self.noise_scale <= MOST["noise_scale"] or (
            self.noise_scale != 1 and self.name != "dpm-solver-sde"
        ):
            raise ValueError(
                f"`noise_scale` must be in [0, {MOST['noise_scale']}], and 1 unless the sampler is dpm-solver-sde. "
                f"Received: noise_scale={self.noise_scale}, name={self.name}"
            )
        for field in ("guidance", "condition_scale"):
            if not 0 <= getattr(self, field) <= MOST[field]:
                raise ValueError(f"`{field}` must be in [0, {MOST[field]}]. Received: {field}={getattr(self, field)}")
        if self.resamplings > 1 and self.name == "ancestral":
            raise ValueError(
                "`resamplings` must be 1 for ancestral sampling; take ddim with eta=1, which has its steps. "
                f"Received: resamplings={self.resamplings}"
            )


# By the curves in benchmarks/README.md, "Few steps" and "Noise on the way": fewer steps ask for less noise. Harmony
# counts three and a half times: at 3 infills fit the chords less, at 4 more notes leave the key and new pieces over
# chords leap (docs/results/attempts.md, "LSTMs on a GPU").
QUALITIES = {
    "draft": Sampler("dpm-solver-sde", 10, noise_scale=0.94, guidance=1.0, condition_scale=3.5),
    "normal": Sampler("dpm-solver-sde", 25, noise_scale=0.972, guidance=1.0, condition_scale=3.5),
    "best": Sampler("dpm-solver-sde", 100, noise_scale=0.978, guidance=1.0, condition_scale=3.5),
}


def as_sampler(quality: str | Sampler) -> Sampler:
    """Returns the sampler of a quality.

    Args:
        quality: one of `QUALITIES`, or a `Sampler`, which is returned.

    Raises:
        ValueError: If there is no such quality.
    """
    if isinstance(quality, Sampler):
        return quality
    if not isinstance(quality, str) or quality not in QUALITIES:
        raise ValueError(
            f"`quality` must be one of {', '.join(QUALITIES)}, or a Sampler. Received: quality={quality!r}"
        )
    return QUALITIES[quality]
