"""A model on the outside scoreboard."""

import functools
from collections.abc import Callable
from pathlib import Path

from keras_symdiff.diffusion.latent_diffusion import LatentDiffusion
from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.evaluation.generators import complete_forms
from keras_symdiff.evaluation.made_pieces import make_pieces
from keras_symdiff.evaluation.openings import conditions_at, infill_openings, opening_rows
from keras_symdiff.evaluation.real_pieces import pieces_at
from keras_symdiff.evaluation.scoreboard import PIECE_PHRASES, keep_mask, scoreboard
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.music.form import FormTable
from keras_symdiff.vae.music_vae import MusicVAE


def infill_tunes(
    model: LatentDiffusion,
    transform: LatentTransform,
    vae: MusicVAE,
    held_out: LatentCorpus,
    sampler: Sampler,
    num_samples: int,
    seed: int,
    folder: Path,
    progress: Callable,
    forms: FormTable | None = None,
) -> dict:
    """Lets a model infill how held-out melodies open, without their harmony, and scores it.

    Args:
        model: `LatentDiffusion`.
        transform: `LatentTransform`.
        vae: `MusicVAE`.
        held_out: `LatentCorpus`.
        sampler: `Sampler`.
        num_samples: the greatest number of pieces, one per melody.
        seed: integer.
        folder: where pieces are kept, see `make_pieces`.
        progress: function of a label, what is done and all that is to be done.
        forms: from which the plans of the pieces are completed. Defaults to `None`: they have none.

    Returns:
        Dict of `num_pieces` and `rows`, what `scoreboard` returns.

    Raises:
        ValueError: if no melody has 8 phrases in a row without a rest.
    """
    rows = opening_rows(held_out.corpus, PIECE_PHRASES, num_samples)
    real, mask = pieces_at(held_out, transform, rows), keep_mask()
    plans = {}
    if forms is None:
        told = conditions_at(held_out.corpus, rows)
    else:
        told, plans["repeats"], plans["varies"] = complete_forms(forms, real, mask, range(len(rows)), seed)

    def diffuse(numbers):
        conditions, scaled = told[numbers.start : numbers.stop], real.scaled[numbers.start : numbers.stop]
        planned = {name: plan[numbers.start : numbers.stop] for name, plan in plans.items()}
        return infill_openings(
            model, scaled, mask, conditions, planned, sampler=sampler, seed=seed, first_piece=numbers.start
        )

    makers = {"Diffusion": diffuse, "Autoencoder alone": lambda numbers: real.scaled[numbers.start : numbers.stop]}
    generators = {}
    for name, make in makers.items():
        files = folder / f"tunes_{name.lower().replace(' ', '_')}"
        report = functools.partial(progress, f"16 bars: {name}")
        made = make_pieces(make, len(rows), transform, vae, (real, mask), files, report)
        generators[name] = lambda tokens=made.tokens: tokens
    return {"num_pieces": len(rows), "rows": scoreboard(generators, real.tokens, seed)}
