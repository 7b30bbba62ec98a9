"""Pieces shorter than the paper's: how melodies open, and how a model infills them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from keras_symdiff.constants import PIECE_PHRASES
from keras_symdiff.diffusion.generate import infill
from keras_symdiff.diffusion.latent_diffusion import LatentDiffusion
from keras_symdiff.music.condition import HIDEABLE, Condition
from keras_symdiff.music.corpus import Corpus


def opening_rows(corpus: Corpus, num_phrases: int, most: int, harmony: bool = False) -> Int[np.ndarray, "P L"]:
    """Finds the first phrases in a row without a rest of each melody.

    Args:
        corpus: `Corpus`.
        num_phrases: how many in a row, L.
        most: the greatest number of pieces; from more melodies so many are taken at even distances.
        harmony: whether only those count beneath which other tracks are known. Defaults to `False`.

    Returns:
        Rows of `corpus.tokens`; a melody without so many is left out.
    """
    starts = corpus.windows(num_phrases)
    _, first = np.unique(np.searchsorted(corpus.offsets, starts, side="right"), return_index=True)
    rows = starts[first, None] + np.arange(num_phrases)
    if harmony:
        rows = rows[~np.isnan(corpus.harmony(rows)).any(axis=(1, 2, 3))]
    number = min(most, len(rows))
    return rows[np.arange(number) * len(rows) // max(1, number)]


def conditions_at(corpus: Corpus, rows: Int[np.ndarray, "P L"], harmony: bool = False) -> list[Condition]:
    """What a model is told of pieces: where they end and how long their bars are, nothing of the notes.

    Args:
        corpus: `Corpus`.
        rows: of `corpus.tokens`.
        harmony: whether it is also told what the other tracks sound. Defaults to `False`.

    Returns:
        A `Condition` per piece.
    """
    conditions = []
    for piece in rows:
        condition = Condition.of(corpus.tokens[piece], corpus.harmony(piece), corpus.real_steps[piece].astype(int))
        for part in HIDEABLE:
            if not (harmony and part == "chroma"):
                condition = condition.hide(part)
        conditions.append(condition)
    return conditions


def infill_openings(
    model: LatentDiffusion,
    scaled: Float[np.ndarray, "P L D"],
    mask: Bool[np.ndarray, " L"],
    conditions: Sequence[Condition] = (),
    plans: Mapping[str, Int[np.ndarray, "P L"]] = MappingProxyType({}),
    **options: Any,
) -> Float[np.ndarray, "P L D"]:
    """Infills pieces of less than 32 phrases.

    A model that hears conditions is told where the pieces end. Any other one gets them as the first phrases of pieces
    of which the rest is missing too.

    Args:
        model: `LatentDiffusion`.
        scaled: scaled latents.
        mask: True for phrases that are given.
        conditions: list of P `Condition` of L phrases, of which a model that hears none is told nothing.
        plans: `repeats` and `varies` of `infill`, as far as there are any.
        **options: of `infill`.

    Returns:
        Scaled latents.
    """
    positions = model.denoiser.num_positions or PIECE_PHRASES
    number, length = scaled.shape[:2]
    beyond = (0, positions - length)
    if getattr(model.denoiser, "condition_dim", None) is not None:
        rows = np.stack([condition.features() for condition in conditions or ()])
        options["conditions"] = np.pad(rows, ((0, 0), beyond, (0, 0)))
    for name, plan in plans.items():
        options[name] = np.concatenate([plan, np.tile(np.arange(length, positions), (number, 1))], axis=1)
    padded = np.pad(scaled, ((0, 0), beyond, (0, 0)))
    keep_mask = np.tile(np.pad(mask, beyond), (number, 1))
    return infill(model, padded, keep_mask, batch_size=number, **options)[:, :length]
