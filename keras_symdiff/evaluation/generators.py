"""The generators of the paper's tables, for both tasks."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int8

from keras_symdiff.autoregressive.continue_pieces import continue_pieces
from keras_symdiff.autoregressive.latent_mdn import LatentMDN
from keras_symdiff.constants import MAX_PITCH, MIN_PITCH, PHRASE_STEPS, PIECE_PHRASES
from keras_symdiff.diffusion.generate import infill, sample
from keras_symdiff.diffusion.latent_diffusion import LatentDiffusion
from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.evaluation.real_pieces import Pieces
from keras_symdiff.evaluation.spherical_interpolation import spherical_interpolation
from keras_symdiff.infilling.asked import Asked
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.music.condition import BEATS_PER_PHRASE, HIDEABLE, Condition, earliest_equal
from keras_symdiff.music.form import FormTable, variations
from keras_symdiff.music.key import Key
from keras_symdiff.noise_streams import Purpose, noise_streams
from keras_symdiff.vae.music_vae import MusicVAE

GAP = slice(8, 24)  # paper 5.2: the middle 16 of 32 phrases, bars 17-48


def keep_mask(num_phrases: int) -> Bool[np.ndarray, " L"]:
    """Bool array (L,), False in the gap."""
    mask = np.ones(num_phrases, dtype=bool)
    mask[GAP] = False
    return mask


def told_nothing(real_steps: Int[np.ndarray, "32 2"] | None = None) -> Condition:
    """The condition of a whole piece of which every part that can be hidden is; in 4/4 unless real steps are given."""
    condition = Condition.of(np.zeros((PIECE_PHRASES, PHRASE_STEPS), np.int8), real_steps=real_steps)
    for part in HIDEABLE:
        condition = condition.hide(part)
    return condition


def told_forms(
    forms: FormTable, numbers: range, seed: int
) -> dict[str, Float32[np.ndarray, "N 32 C"] | Int[np.ndarray, "N 32"]]:
    """Draws the forms of new pieces, as `Composer` does, and what tells them and nothing else.

    Args:
        forms: table to draw from.
        numbers: of the pieces.
        seed: int.

    Returns:
        Arguments of `sample`: `conditions`, `repeats` and `varies`.
    """
    drawn = [forms.draw(PIECE_PHRASES, seed, number) for number in numbers]
    nothing = told_nothing()
    conditions = [
        dataclasses.replace(nothing, repeats=form.repeats, register=form.register, density=form.density)
        for form in drawn
    ]
    return {
        "conditions": np.stack([condition.features() for condition in conditions]),
        "repeats": np.stack([form.repeats for form in drawn]),
        "varies": np.stack([form.varies for form in drawn]),
    }


def complete_forms(
    forms: FormTable, pieces: Pieces, mask: Bool[np.ndarray, " L"], numbers: range, seed: int
) -> tuple[list[Condition], Int[np.ndarray, "N L"], Int[np.ndarray, "N L"]]:
    """Completes the forms of infilled pieces, as `Composer` does where nobody knows the harmony.

    Args:
        forms: table to draw from.
        pieces: real music.
        mask: True for the phrases that are given.
        numbers: of those among them that are infilled.
        seed: int.

    Returns:
        Conditions that tell the forms, the real steps, and the registers of given and new phrases; and for each phrase
        the earliest one that it is equal to, and the earliest one that it repeats or varies.
    """
    conditions, plans = [], []
    (given,) = np.nonzero(mask)
    for number in numbers:
        piece = pieces.tokens[number]
        was = Condition.of(piece, real_steps=pieces.real_steps[number])
        known, alike = np.full((2, len(mask)), -1)
        known[given], alike[given] = given[earliest_equal(piece[given])], given[variations(piece[given])]
        *groups, above = forms.complete(known, alike, seed, number)
        repeats, varies = map(earliest_equal, groups)
        register = np.where(mask, was.register, np.clip(np.nanmean(was.register[mask]) + above, MIN_PITCH, MAX_PITCH))
        conditions.append(dataclasses.replace(was, repeats=repeats, register=register).hide("density"))
        plans.append((repeats, varies))
    return conditions, *np.stack(plans, axis=1)


def decode_as_composed(
    scaled: Float[np.ndarray, "N 32 D"],
    transform: LatentTransform,
    vae: MusicVAE,
    forms: FormTable,
    seed: int,
    key: Key | None,
    progress: Callable[[int, int], Any] | None = None,
) -> Int8[np.ndarray, "N 32 32"]:
    """Decodes new pieces as `Composer` does: in the range of their form, and notes outside the key cost `KEY_COST`.

    Args:
        scaled: scaled latents of pieces 0 to N - 1.
        transform: `LatentTransform`.
        vae: `MusicVAE`.
        forms: table that their forms were drawn from.
        seed: int.
        key: the only key that the model knows; `None` if it knows others.
        progress: function of the pieces done and all pieces. Defaults to `None`.
    """
    unknown = np.full((PIECE_PHRASES, BEATS_PER_PHRASE, 12), np.nan)
    tokens = []
    for number, piece in enumerate(scaled):
        bias = Asked().decoding_bias(unknown, key, forms.draw(PIECE_PHRASES, seed, number).pitches)
        tokens.append(vae.decode(transform.inverse(piece), bias=bias))
        if progress is not None:
            progress(number + 1, len(scaled))
    return np.stack(tokens)


def generators(
    task: str,
    model: LatentDiffusion,
    baseline: LatentMDN,
    transform: LatentTransform,
    held_out: Pieces,
    sampler: Sampler,
    num_samples: int,
    seed: int,
    progress: Callable[[int, int], Any] | None = None,
    observe: Callable[[int, np.ndarray], Any] | None = None,
    forms: FormTable | None = None,
) -> dict[str, tuple[Callable[[range], np.ndarray], int]]:
    """Returns what makes the pieces of a table's rows.

    Args:
        task: `"unconditional"`, or `"infilling"` of the gap in held-out pieces.
        model: `LatentDiffusion`.
        baseline: `LatentMDN`. In infilling it goes on from the phrases before the gap and knows nothing of those after.
        transform: `LatentTransform`.
        held_out: real music. Interpolation goes from the first to the last phrase of each,
            in infilling between the neighbours of the gap (paper, sections 5.1 and 5.2).
        sampler: `Sampler` of the diffusion model.
        num_samples: new pieces per generator; those that start from held-out pieces make one of each.
        seed: int.
        progress: function of the steps done and all steps of the diffusion model, see `sample`.
        observe: function of the steps done and the states of the first batch of new pieces, see `sample`.
        forms: from which the forms of new pieces are drawn and the plans of infilled ones completed, for a model that
            hears conditions. Defaults to `None`: they have none.

    Returns:
        Dict of names to a function and the number of pieces that it can make. The function takes a range of piece
        numbers and returns scaled latents (B, 32, D), of which infilling uses the gap.
    """
    length, channels = held_out.scaled.shape[1:]
    infilling = task == "infilling"
    number = len(held_out.tokens) if infilling else num_samples
    ends = (GAP.start - 1, GAP.stop) if infilling else (0, length - 1)
    mask, hears = keep_mask(length), getattr(model.denoiser, "condition_dim", None) is not None

    def diffuse(pieces):
        options = {
            "sampler": sampler, "batch_size": len(pieces), "first_piece": pieces.start, "progress": progress
        }  # fmt: skip
        if not infilling:
            if forms is not None:
                options |= told_forms(forms, pieces, seed)
            return sample(model, len(pieces), seed, observe=None if pieces.start else observe, **options)
        if hears:
            if forms is None:
                conditions = [told_nothing(held_out.real_steps[piece]) for piece in pieces]
            else:
                conditions, options["repeats"], options["varies"] = complete_forms(forms, held_out, mask, pieces, seed)
            options["conditions"] = np.stack([one.features() for one in conditions])
        return infill(model, real(pieces), np.tile(mask, (len(pieces), 1)), seed, **options)

    def continue_prefix(pieces):
        prefix = real(pieces)[:, : GAP.start] if infilling else np.zeros((len(pieces), 0, channels))
        return continue_pieces(baseline, prefix, seed, pieces.start)

    def interpolate(pieces):
        latents = transform.inverse(real(pieces))
        between = spherical_interpolation(latents[:, ends[0]], latents[:, ends[1]], ends[1] - ends[0] + 1)
        latents[:, ends[0] : ends[1] + 1] = between
        return transform.forward(latents)

    def draw_prior(pieces):
        streams = noise_streams(seed, pieces, Purpose.PRIOR)
        latents = np.stack([stream.standard_normal((length, transform.latent_dim)) for stream in streams])
        return transform.forward(latents)

    def real(pieces):
        return held_out.scaled[pieces.start : pieces.stop]

    return {
        "Diffusion": (diffuse, number),
        "Autoregression": (continue_prefix, number),
        "Interpolation": (interpolate, len(held_out.tokens)),
        "N(0, I) prior": (draw_prior, number),
        "Test data, decoded": (real, len(held_out.tokens)),
    }
