"""New and infilled pieces from a trained denoiser."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from keras import ops

from keras_symdiff.check_finite import check_finite
from keras_symdiff.check_integer import check_integer
from keras_symdiff.constants import PIECE_PHRASES
from keras_symdiff.diffusion.ancestral import ancestral_sampling, reverse_steps
from keras_symdiff.diffusion.forward_process import show_given
from keras_symdiff.diffusion.guidance import ALWAYS_TOLD, Guidance
from keras_symdiff.diffusion.noise_schedule import NoiseSchedule
from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.diffusion.solvers import (
    ddim_steps,
    dpm_solver_steps,
    fill_up,
    heun_steps,
    solver_sampling,
    with_resampling,
)
from keras_symdiff.diffusion.ties import tie, tie_matrix
from keras_symdiff.music.condition import PARTS
from keras_symdiff.noise_streams import Purpose, draw, noise_streams

# Ancestral steps of one compiled call. Its noise is drawn on the host: a megabyte for 4 samples of the paper's size.
MAX_CHUNK_STEPS = 50
# Steps of the other samplers in one call, filled up to it: any number of steps is one compiled function, which reports
# and can be left every few of them.
SOLVER_CHUNK_STEPS = 5


def sample(
    model: keras.Model,
    num_samples: int,
    seed: int = 0,
    schedule: NoiseSchedule | None = None,
    batch_size: int = 32,
    progress: Callable[[int, int], Any] | None = None,
    first_piece: int = 0,
    observe: Callable[[int, np.ndarray], Any] | None = None,
    sampler: Sampler | None = None,
    conditions: Float[np.ndarray, "N L C"] | None = None,
    repeats: Int[np.ndarray, "N L"] | None = None,
    varies: Int[np.ndarray, "N L"] | None = None,
) -> Float32[np.ndarray, "N L D"]:
    """Generates pieces from nothing, or from what they are told.

    A piece depends on `seed` and its index only: not on the backend, on `num_samples` or on `batch_size`, up to float32
    rounding.

    Args:
        model: A `LatentDiffusion`, or a denoiser such as `TransformerDenoiser`.
        num_samples: At least 1.
        seed: At least 0. Defaults to `0`.
        schedule: `NoiseSchedule` to walk back. Defaults to the model's own, or for a denoiser to the paper's.
        batch_size: At least 1. Greatest number of pieces made at once. Defaults to `32`.
        progress: Function of the number of steps done and of all steps, called now and then.
        first_piece: At least 0. Index of the first piece among those of the seed. Defaults to `0`.
        observe: Function of the steps done and of the states `(B, L, D)` of one batch after them, called at
            least 20 times per batch if there are as many steps, the first time before any step. Samplers other than the
            ancestral show every fifth state.
        sampler: `Sampler`. Defaults to the paper's: ancestral, with all steps of the schedule.
        conditions: `(num_samples, L, C)`, for a model that has them: what each phrase is told, see `music.condition`.
            Pieces end where feature 0 is 0. Defaults to `None`: pieces of L phrases that are told nothing.
        repeats: Index of the phrase that each one is; its own, or -1, where it is new. Any
            model makes such phrases equal. Defaults to `None`: all are new.
        varies: Index of the phrase that each one is a variation of; its own, or -1, where it is of none. Defaults to
            `None`: nothing is a variation.

    Returns:
        Scaled latents, about in [-1, 1]; zeros beyond the end of a piece.

    Raises:
        ValueError: If a count or the seed is out of range, conditions or repeats do not fit, or the model gives what is
            not finite.

    Example:
        >>> latents = transform.inverse(sample(model, num_samples=8, seed=1))  # (8, 32, Z)

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), Algorithm 3.
    """
    check_integer("num_samples", num_samples, 1)
    told = _told(model, num_samples, conditions, repeats, varies)
    return _generate(model, num_samples, told, seed, schedule, batch_size, progress, first_piece, sampler, observe)


def infill(
    model: keras.Model,
    latents: Float[np.ndarray, "B L D"],
    keep_mask: Bool[np.ndarray, "B L"],
    seed: int = 0,
    schedule: NoiseSchedule | None = None,
    batch_size: int = 32,
    progress: Callable[[int, int], Any] | None = None,
    first_piece: int = 0,
    sampler: Sampler | None = None,
    conditions: Float[np.ndarray, "B L C"] | None = None,
    repeats: Int[np.ndarray, "B L"] | None = None,
    varies: Int[np.ndarray, "B L"] | None = None,
    start: Float[np.ndarray, "B L D"] | None = None,
    variation: float = 1.0,
) -> Float32[np.ndarray, "B L D"]:
    """Generates the missing phrases of pieces; the given ones come back bit-exact.

    With the same `seed`, piece `i` starts from the noise of piece `i` of `sample`. A model that was trained with given
    phrases (`LatentDiffusion.given_share`) sees them as they are; any other sees them noised like the rest.

    Args:
        model: A `LatentDiffusion`, or a denoiser such as `TransformerDenoiser`.
        latents: Scaled latents. What stands at missing positions does not matter.
        keep_mask: True where a phrase is given, False where it is to be generated.
        seed: At least 0. Defaults to `0`.
        schedule: `NoiseSchedule` to walk back. Defaults to the model's own, or for a denoiser to the paper's.
        batch_size: At least 1. Greatest number of pieces made at once. Defaults to `32`.
        progress: Function of the number of steps done and of all steps, called now and then.
        first_piece: At least 0. Index of the first piece among those of the seed. Defaults to `0`.
        sampler: `Sampler`. Defaults to the paper's: ancestral, with all steps of the schedule.
        conditions: `(B, L, C)`, for a model that has them: what each phrase is told, see `music.condition`. Pieces end
            where feature 0 is 0. Defaults to `None`: pieces of L phrases that are told nothing.
        repeats: Index of the phrase that each one is; its own, or -1, where it is new. Any model makes
            such phrases equal: to the given one, if one is given. Defaults to `None`: all are new.
        varies: Index of the phrase that each one is a variation of, of the given one if one is given; its own, or -1,
            where it is of none. Defaults to `None`: nothing is a variation.
        start: Scaled latents to start from, noised, in place of noise. Defaults to `None`: noise.
        variation: In (0, 1]. Share of the steps that is taken from `start`: the more, the less is left of it.
            Defaults to `1.0`, after which next to nothing is.

    Returns:
        `latents` with the missing phrases generated.

    Raises:
        ValueError: If shapes do not fit the model, a latent, given or generated, is not finite, or a number is out of
            range.

    Example:
        >>> keep_mask = np.ones((1, 32), dtype=bool)
        >>> keep_mask[:, 8:24] = False  # bars 17 to 48 are made anew
        >>> filled = infill(model, transform.forward(latents), keep_mask)  # (1, 32, D)

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), Algorithm 1, corrected as in `ancestral_sampling`.
    """
    latents = np.asarray(latents, dtype=np.float32)  # (B, L, D)
    keep_mask = np.asarray(keep_mask)  # (B, L)
    expected = _piece_shape(_denoiser(model))
    if latents.ndim != 3 or not len(latents) or latents.shape[1:] != expected:
        raise ValueError(
            f"`latents` must have shape (B, {expected[0]}, {expected[1]}) with B >= 1. Received: shape {latents.shape}"
        )
    if keep_mask.dtype != bool or keep_mask.shape != latents.shape[:2]:
        raise ValueError(
            f"`keep_mask` must be bool of shape {latents.shape[:2]}, True where a phrase is given. "
            f"Received: {keep_mask.dtype} of shape {keep_mask.shape}"
        )
    check_finite("Given latents", latents[keep_mask])
    given = np.where(keep_mask[:, :, None], latents, np.float32(0))
    told = _told(model, len(latents), conditions, repeats, varies, keep_mask)
    told |= {"given": given, "keep_mask": keep_mask}
    if start is not None:
        start = np.asarray(start, dtype=np.float32)
        if start.shape != latents.shape:
            raise ValueError(f"`start` must have shape {latents.shape}. Received: shape {start.shape}")
        check_finite("`start`", start)
        told["start"] = np.where(keep_mask[:, :, None], given, start)
    return _generate(
        model, len(latents), told, seed, schedule, batch_size, progress, first_piece, sampler, variation=variation
    )


def _told(model, num_samples, conditions, repeats, varies, keep_mask=None):
    """What pieces are told: `condition (B, L, C)`, if the model has one, and `ties (B, L, L)`, if there are any."""
    told = {}
    denoiser = _denoiser(model)
    length, _ = _piece_shape(denoiser)
    condition_dim = getattr(denoiser, "condition_dim", None)
    if condition_dim is None and conditions is not None:
        raise ValueError("`conditions` are for a model that was trained with them. Received: one without condition_dim")
    if condition_dim is not None:
        if conditions is None:
            conditions = np.zeros((num_samples, length, condition_dim), np.float32)
            for part in ("present", "real_steps"):
                conditions[:, :, PARTS[part]] = 1.0
        told["condition"] = np.asarray(conditions, dtype=np.float32)
        check_finite("Conditions", told["condition"])
        if told["condition"].shape != (num_samples, length, condition_dim):
            raise ValueError(
                f"`conditions` must have shape {(num_samples, length, condition_dim)}. "
                f"Received: shape {told['condition'].shape}"
            )
    plans = [plan for plan in (repeats, varies) if plan is not None]
    if plans:
        for plan in plans:
            if np.shape(plan) != (num_samples, length):
                raise ValueError(
                    f"`repeats` and `varies` must have the shape {(num_samples, length)}. Received: {np.shape(plan)}"
                )
        unrepeated = np.full((num_samples, length), -1)
        told["ties"] = tie_matrix(unrepeated if repeats is None else repeats, varies, keep_mask)
    return told


def _generate(
    model, num_samples, told, seed, schedule, batch_size, progress, first_piece, sampler, observe=None, variation=1.0
):
    check_integer("seed", seed, 0)
    check_integer("first_piece", first_piece, 0)
    check_integer("batch_size", batch_size, 1)
    denoiser = _denoiser(model)
    schedule = schedule or getattr(model, "schedule", None) or NoiseSchedule.linear()
    sampler = sampler or Sampler()
    for name, value, kind in (("schedule", schedule, NoiseSchedule), ("sampler", sampler, Sampler)):
        if not isinstance(value, kind):
            raise ValueError(f"`{name}` must be a `{kind.__name__}`. Received: {name}={value!r:.200}")
    if not 0 < variation <= 1:
        raise ValueError(f"`variation` must be in (0, 1]. Received: variation={variation}")
    steps = _steps(sampler, schedule, variation if "start" in told else 1.0)  # (S, 5), or (S, 7) of a solver
    take_steps = ancestral_sampling if sampler.name == "ancestral" else solver_sampling
    shows_given = "given" in told and getattr(model, "given_share", 0) > 0
    hears = "condition" in told and bool(np.any(told["condition"] * (1.0 - ALWAYS_TOLD)))
    is_scaled = hears and sampler.condition_scale != 1
    reverse_process = _reverse_process(denoiser, take_steps, shows_given, sampler.guidance, is_scaled)
    shape = _piece_shape(denoiser)
    # Chunks of one size and batches of one size: one compiled function serves them all.
    largest = MAX_CHUNK_STEPS if observe is None else max(1, len(steps) // 20)
    chunk = max(size for size in range(1, largest + 1) if len(steps) % size == 0)
    num_steps = len(steps)
    if take_steps is solver_sampling:
        chunk = min(num_steps, SOLVER_CHUNK_STEPS)
        steps = fill_up(steps, chunk)
    num_batches = -(-num_samples // batch_size)
    batch = -(-num_samples // num_batches)  # batches as even as can be, the last one filled up
    batch = min(batch_size, -(-batch // 8) * 8 if batch > 8 else 1 << (batch - 1).bit_length())  # of few sizes
    num_batches = -(-num_samples // batch)
    filling = num_batches * batch - num_samples
    told = {name: np.concatenate([array, array[-1:].repeat(filling, axis=0)]) for name, array in told.items()}

    pieces = []
    for first in range(0, num_samples, batch):
        indices = range(first, first + batch)
        numbers = range(first_piece + first, first_piece + first + batch)
        reverse_streams = noise_streams(seed, numbers, Purpose.REVERSE)
        forward_streams = noise_streams(seed, numbers, Purpose.FORWARD)
        inputs = {name: array[indices] for name, array in told.items()}
        x = draw(reverse_streams, shape)  # (B, L, D)
        if "start" in inputs:
            level = steps[0, 0]
            x = level * inputs.pop("start") + np.sqrt(1 - level**2, dtype=np.float32) * x
        if is_scaled:  # an argument, not a part of what is compiled
            inputs["condition_scale"] = np.array([sampler.condition_scale], np.float32)
        if take_steps is solver_sampling:
            inputs["before"] = np.zeros_like(x)
        filled = min(batch, num_samples - first)
        if observe is not None:
            observe(0, x[:filled])
        for done in range(0, len(steps), chunk):
            inputs |= {"x": x, "steps": steps[done : done + chunk]}
            inputs["noise"] = draw(reverse_streams, (chunk, *shape))  # (B, S, L, D)
            if "given" in told:
                inputs["given_noise"] = draw(forward_streams, (chunk, *shape))  # (B, S, L, D)
            x = reverse_process.predict_on_batch(inputs)  # (B, L, D)
            if take_steps is solver_sampling:
                x, inputs["before"] = x
            taken = min(done + chunk, num_steps)
            if observe is not None:
                observe(taken, x[:filled])
            if progress is not None:
                progress(len(pieces) * num_steps + taken, num_batches * num_steps)
        check_finite("Generated latents", x)
        pieces.append(x)
    pieces = np.concatenate(pieces)[:num_samples]
    if "condition" in told:
        pieces = np.where(told["condition"][:num_samples, :, :1] > 0.5, pieces, np.float32(0))
    return pieces


class _ReverseProcess(keras.Model):
    """Gives the sampler Keras's compiled `predict_on_batch`, which takes weights as arguments on every backend."""

    def __init__(self, denoiser, take_steps, shows_given, guidance, is_scaled):
        # float32 whatever the global policy: under bfloat16 the inputs, noise levels among them, would be rounded.
        super().__init__(dtype="float32", name="reverse_process")
        self.denoiser = Guidance(denoiser, guidance) if guidance or is_scaled else denoiser
        self.take_steps = take_steps
        self.shows_given = shows_given
        self.built = True  # nothing of its own to build; Keras would run a chunk for it

    def call(self, inputs):
        inputs = dict(inputs)
        condition = [inputs.pop("condition")] if "condition" in inputs else []
        ties = inputs.pop("ties", None)
        scale = {name: inputs.pop(name) for name in ("condition_scale",) if name in inputs}
        given = {name: inputs[name] for name in ("given", "keep_mask") if name in inputs}

        def denoise(x, level):
            shown = show_given(x, level, **given) if self.shows_given else (x, level)
            epsilon = self.denoiser([*shown, *condition], training=False, **scale)
            return epsilon if ties is None else tie(ops.cast(epsilon, x.dtype), x, level, ties, **given)

        return self.take_steps(denoise, **inputs)


# The compiled function lives with the wrapper: kept, so that the next call does not compile again.
@functools.lru_cache(maxsize=8)  # new pieces and infills, told something or not, by two samplers
def _reverse_process(denoiser, take_steps, shows_given, guidance, is_scaled):
    return _ReverseProcess(denoiser, take_steps, shows_given, guidance, is_scaled)


def _steps(sampler, schedule, share=1.0):
    """The table of a sampler's last steps: all of them, or a share."""
    num_steps = schedule.num_steps if sampler.num_steps is None else sampler.num_steps
    taken = max(1, round(share * num_steps))
    if sampler.name == "ancestral":
        return reverse_steps(schedule.respaced(num_steps))[-taken:]
    make = {
        "ddim": functools.partial(ddim_steps, eta=sampler.eta),
        "dpm-solver": dpm_solver_steps,
        "dpm-solver-sde": functools.partial(dpm_solver_steps, stochastic=True, noise_scale=sampler.noise_scale),
        "heun": heun_steps,
    }[sampler.name]
    return with_resampling(make(schedule.quadratic_levels(num_steps)[-taken - 1 :]), sampler.resamplings).astype(
        np.float32
    )


def _denoiser(model):
    denoiser = getattr(model, "denoiser", model)
    if len(getattr(denoiser, "inputs", None) or ()) < 2:
        raise ValueError(
            "`model` must be a `LatentDiffusion`, or a denoiser such as `TransformerDenoiser`. "
            f"Received: model of type {type(model).__name__}"
        )
    return denoiser


def _piece_shape(denoiser):
    _, length, channels = denoiser.inputs[0].shape
    return (length or PIECE_PHRASES, channels)  # a denoiser built for any length
