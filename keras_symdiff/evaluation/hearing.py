"""Whether a model that hears conditions fits its new bars to the harmony, and does what it is asked."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff.constants import PIECE_PHRASES, STEPS_PER_BAR
from keras_symdiff.diffusion.generate import sample
from keras_symdiff.diffusion.latent_diffusion import LatentDiffusion
from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.evaluation.generators import told_forms, told_nothing
from keras_symdiff.evaluation.made_pieces import make_pieces
from keras_symdiff.evaluation.openings import conditions_at, infill_openings, opening_rows
from keras_symdiff.evaluation.real_pieces import Pieces, pieces_at
from keras_symdiff.evaluation.score import figure, mean_figure
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.metrics.chord_fit import chord_fit
from keras_symdiff.metrics.control import asked_against_got, form_fit
from keras_symdiff.metrics.intervals import resampled_counts
from keras_symdiff.metrics.piece_statistics import piece_statistics
from keras_symdiff.music.form import FormTable
from keras_symdiff.music.key import estimate_key, pitch_class_weights
from keras_symdiff.music.key_cost import KEY_COST
from keras_symdiff.music.pitch_bias import pitch_bias
from keras_symdiff.vae.music_vae import MusicVAE

NUM_PHRASES = 16
GAP = slice(4, 12)  # bars 9 to 24 of 32
DISPLACED_BARS = (3, 5, 7)
MOST_ASKED = 200  # pieces per part of the condition
_ASKED = {"density": "note_density", "register": "mean_pitch"}  # part of a condition: statistic of a piece
_ASKED_SHARE = 0.05, 0.95  # quantiles of real pieces between which densities and registers are asked for
_RESAMPLES = 200  # of a correlation


def chord_fits(
    model: LatentDiffusion,
    transform: LatentTransform,
    vae: MusicVAE,
    held_out: LatentCorpus,
    sampler: Sampler,
    num_samples: int,
    seed: int,
    folder: Path,
    progress: Callable,
) -> dict | None:
    """Compares infills with the harmony of held-out songs, with and without hearing it.

    Args:
        model: `LatentDiffusion` that hears conditions.
        transform: `LatentTransform`.
        vae: `MusicVAE`.
        held_out: `LatentCorpus`.
        sampler: `Sampler`.
        num_samples: the greatest number of pieces, one per melody.
        seed: int.
        folder: where pieces are kept, see `make_pieces`.
        progress: function of a label, what is done and all that is to be done.

    Returns:
        JSON-able dict of `num_pieces` and `rows`: of name to the figures of `metrics.chord_fit`, in the gap. `None` if
        no held-out melody has harmony and 16 phrases in a row without a rest.
    """
    rows = opening_rows(held_out.corpus, NUM_PHRASES, num_samples, harmony=True)
    if not len(rows):
        return None
    real, harmony = pieces_at(held_out, transform, rows), held_out.corpus.harmony(rows)
    mask = np.ones(NUM_PHRASES, dtype=bool)
    mask[GAP] = False
    gaps = {"The song's own": real.tokens}
    for bars in DISPLACED_BARS:
        stream = np.roll(real.tokens.reshape(len(rows), -1), bars * STEPS_PER_BAR, axis=1)
        gaps[f"The song's own, {bars} bars late"] = stream.reshape(real.tokens.shape)
    made = {}
    for name, hears in (("Infill that hears the harmony", True), ("Infill without it", False)):
        told = conditions_at(held_out.corpus, rows, harmony=hears)

        def make(numbers, told=told):
            at = slice(numbers.start, numbers.stop)
            return infill_openings(
                model, real.scaled[at], mask, told[at], sampler=sampler, seed=seed, first_piece=numbers.start
            )

        files = folder / f"harmony_{'heard' if hears else 'unheard'}"
        made[name] = make_pieces(
            make, len(rows), transform, vae, (real, mask), files, functools.partial(progress, name)
        )
    gaps |= {name: pieces.tokens for name, pieces in made.items()}
    heard = made["Infill that hears the harmony"]
    latents = transform.inverse(heard.scaled[:, GAP]).reshape(-1, vae.latent_dim)
    given = np.where(mask[:, None], real.tokens, 0)
    bias = np.concatenate([_key_bias(*piece) for piece in zip(given, harmony, strict=True)])
    constrained = heard.tokens.copy()
    constrained[:, GAP] = vae.decode(latents, bias=bias).reshape(constrained[:, GAP].shape)
    gaps[f"Infill that hears the harmony, key cost {KEY_COST}"] = constrained
    weights = resampled_counts(len(rows))
    fits = {name: chord_fit(tokens[:, GAP], harmony[:, GAP]) for name, tokens in gaps.items()}
    return {
        "num_pieces": len(rows),
        "rows": {
            name: {part: mean_figure(values, weights) for part, values in fit.items()} for name, fit in fits.items()
        },
    }


def control(
    model: LatentDiffusion,
    transform: LatentTransform,
    vae: MusicVAE,
    real: Pieces,
    forms: FormTable,
    sampler: Sampler,
    num_samples: int,
    seed: int,
    folder: Path,
    progress: Callable,
) -> dict[str, Any]:
    """Asks for densities, registers and forms, and measures what comes.

    Args:
        model: `LatentDiffusion` that hears conditions.
        transform: `LatentTransform`.
        vae: `MusicVAE`.
        real: `Pieces` of real music, whose densities and registers are asked for.
        forms: table that forms are drawn from.
        sampler: `Sampler`.
        num_samples: pieces for each; at most 200 are made.
        seed: int.
        folder: where pieces are kept, see `make_pieces`.
        progress: function of a label, what is done and all that is to be done.

    Returns:
        JSON-able dict of `num_pieces`, of `density` and `register`, each a dict of the figures of
        `metrics.asked_against_got`, and of `form`: those of `metrics.form_fit`, and of `piece_statistics`.
    """
    number = min(num_samples, MOST_ASKED)

    def made(part, **told):
        def make(numbers):
            return sample(
                model, len(numbers), seed, batch_size=len(numbers), first_piece=numbers.start, sampler=sampler,
                **{name: values[numbers.start : numbers.stop] for name, values in told.items()},
            )  # fmt: skip

        report = functools.partial(progress, f"Asked for: {part}")
        return make_pieces(make, number, transform, vae, None, folder / f"asked_{part}", report).tokens

    result: dict = {"num_pieces": number}
    for part, statistic in _ASKED.items():
        asked = np.nanquantile(piece_statistics(real.tokens)[statistic], np.linspace(*_ASKED_SHARE, number))
        told = [dataclasses.replace(told_nothing(), **{part: np.full(PIECE_PHRASES, value)}) for value in asked]
        features = np.stack([condition.features() for condition in told])
        result[part] = _agreement(asked, piece_statistics(made(part, conditions=features))[statistic])
    told = told_forms(forms, range(number), seed)
    tokens = made("form", **told)
    weights = resampled_counts(number)
    values = form_fit(tokens, told["repeats"]) | piece_statistics(tokens)
    result["form"] = {name: mean_figure(per_piece, weights) for name, per_piece in values.items()}
    return result


def _key_bias(given: Int[np.ndarray, "L 32"], harmony: Float[np.ndarray, "L 8 12"]):
    key, _ = estimate_key(pitch_class_weights(given, harmony))
    return pitch_bias(harmony[GAP], key)


def _agreement(asked, got):
    values = asked_against_got(asked, got)
    indices = [np.repeat(np.arange(len(asked)), counts) for counts in resampled_counts(len(asked), _RESAMPLES)]
    resampled = [asked_against_got(asked[index], got[index]) for index in indices]
    return {name: figure(value, np.array([one[name] for one in resampled])) for name, value in values.items()}
