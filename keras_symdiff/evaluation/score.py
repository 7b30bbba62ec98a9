"""All figures of one set of pieces, with their intervals."""

import functools
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt32

from keras_symdiff.evaluation.real_pieces import Pieces
from keras_symdiff.metrics.framewise_self_similarity import (
    framewise_self_similarity,
    overlap_distance,
    overlap_moments,
    region_pairs,
    relative_similarity,
    seam_pairs,
)
from keras_symdiff.metrics.frechet_distance import frechet_distance, frechet_distances
from keras_symdiff.metrics.intervals import interval, resampled_counts
from keras_symdiff.metrics.maximum_mean_discrepancy import maximum_mean_discrepancies, maximum_mean_discrepancy
from keras_symdiff.metrics.memorisation import distinct_in_any_key, training_phrase_rate
from keras_symdiff.metrics.piece_statistics import piece_statistics
from keras_symdiff.presets.training_phrases import known_phrase_rate

FEATURES = ("pitch", "duration")
# Resamples of a set and of the reference are drawn apart; sets of equal size share theirs.
_SET_SEED, _REFERENCE_SEED = 1, 0
_DISTANCE_RESAMPLES = 200  # a resampled Frechet distance takes eigenvectors


class Reference:
    """Training music, with all that each score needs of it.

    Args:
        pieces: `Pieces` of training music.
        training_tokens: int8 array (N, 32), every phrase that was trained on.
        num_latent_pieces: how many of a set's pieces are compared in latent space: the distances are larger for
            fewer pieces, so that all sets must have as many.
        training_hashes: uint32 array (U,), hashes of every phrase that was trained on, in place of `training_tokens`
            where these are a part only; see `read_training_phrases`. Defaults to `None`.
    """

    def __init__(
        self,
        pieces: Pieces,
        training_tokens: Int[np.ndarray, "N 32"],
        num_latent_pieces: int,
        training_hashes: UInt32[np.ndarray, " U"] | None = None,
    ):
        self.scaled = pieces.scaled
        self.num_latent_pieces = num_latent_pieces
        if training_hashes is None:
            known = distinct_in_any_key(training_tokens)
            self.training_phrase_rate = functools.partial(training_phrase_rate, training_tokens=known)
        else:
            self.training_phrase_rate = functools.partial(known_phrase_rate, hashes=training_hashes)
        self.similarity = _similarity(pieces.tokens)
        self.weights = resampled_counts(len(pieces.tokens), seed=_REFERENCE_SEED)


def score(pieces: Pieces, reference: Reference, mask: Bool[np.ndarray, " L"] | None = None) -> dict[str, Any]:
    """Scores pieces against training music.

    Args:
        pieces: `Pieces`; `scaled` may be `None`, then there is no score in latent space.
        reference: `Reference`.
        mask: bool array (L,), True for phrases that were given, or `None` if all are new.

    Returns:
        JSON-able dict. A figure is a dict of `value`, `low` and `high`, the ends of its 95 % interval by resampling
        pieces, of the reference too:
        - `exact`, `exact_by_piece`, `paper`: framewise self-similarity by variant and aggregation, each a dict of
          `pitch` and `duration`, each of `consistency` and `variance` (equation 10), `overlap_mean` and
          `overlap_variance` (Table 2), and `overlap_distance` between the distributions.
        - `seam`, `region` (with a mask): as `exact`, of pairs of frames across an edge of the gap and inside it.
        - `latent`: `frechet_distance`, `mmd_polynomial`, `mmd_rbf`.
        - `statistics`: means over pieces of `piece_statistics`, of `training_phrase_rate`, and of `empty_frames`, the
          share of frames without a note, which `exact` leaves out.
        - `num_pieces`: int.
    """
    weights = resampled_counts(len(pieces.tokens), seed=_SET_SEED)
    similarity = _similarity(pieces.tokens)

    def relative(variant, aggregation="pairs", pairs: np.ndarray | slice = slice(None)):
        figures = {}
        for feature in FEATURES:
            own, other = (getattr(s[variant], feature)[:, pairs] for s in (similarity, reference.similarity))
            moments, resampled = (overlap_moments(own, w, aggregation) for w in (None, weights))
            goal, resampled_goal = (overlap_moments(other, w, aggregation) for w in (None, reference.weights))
            values = (*relative_similarity(moments, goal), *moments)
            resamples = (*relative_similarity(resampled, resampled_goal), *resampled)
            distance = overlap_distance(own, other)[0]
            few, few_of_reference = weights[:_DISTANCE_RESAMPLES], reference.weights[:_DISTANCE_RESAMPLES]
            distances = overlap_distance(own, other, few, few_of_reference)
            values, resamples = (*values, distance), (*resamples, _around(distance, distances))
            names = ("consistency", "variance", "overlap_mean", "overlap_variance", "overlap_distance")
            figures[feature] = {
                n: figure(float(v), np.asarray(r)) for n, v, r in zip(names, values, resamples, strict=True)
            }
        return figures

    result = {
        "num_pieces": len(pieces.tokens),
        "exact": relative("exact"),
        "exact_by_piece": relative("exact", "pieces"),
        "paper": relative("paper"),
    }
    if mask is not None:
        result |= {"seam": relative("exact", pairs=seam_pairs(mask))}
        result |= {"region": relative("exact", pairs=region_pairs(mask))}
    statistics = piece_statistics(pieces.tokens)
    statistics["empty_frames"] = similarity["exact"].empty_frames / (pieces.tokens.shape[1] - 1)
    statistics["training_phrase_rate"] = reference.training_phrase_rate(pieces.tokens)
    result["statistics"] = {name: mean_figure(values, weights) for name, values in statistics.items()}
    if pieces.scaled is not None:
        scaled = pieces.scaled[: reference.num_latent_pieces]
        weights = resampled_counts(len(scaled), _DISTANCE_RESAMPLES, _SET_SEED)
        result["latent"] = _latent_figures(scaled, reference.scaled, weights, reference.weights[:_DISTANCE_RESAMPLES])
    return result


def _similarity(tokens):
    return {variant: framewise_self_similarity(tokens, variant) for variant in ("exact", "paper")}


def _latent_figures(x, y, x_weights, y_weights):
    figures = {"frechet_distance": (frechet_distance(x, y), frechet_distances(x, y, x_weights, y_weights))}
    for kernel in ("polynomial", "rbf"):
        value = maximum_mean_discrepancy(x, y, kernel)
        figures[f"mmd_{kernel}"] = (value, maximum_mean_discrepancies(x, y, x_weights, y_weights, kernel))
    return {name: figure(value, _around(value, resamples)) for name, (value, resamples) in figures.items()}


def _around(value, resamples):
    """Resampled distances scatter as the distance does, but around a larger mean: moves them around the value."""
    known = ~np.isnan(resamples)
    return value + resamples - (resamples[known].mean() if known.any() else 0.0)


def mean_figure(values: Float[np.ndarray, " P"], weights: Int[np.ndarray, "R P"]) -> dict[str, float | None]:
    """The figure of the mean over pieces of a number per piece, NaN where a piece has none."""
    known = ~np.isnan(values)
    if not known.any():
        return figure(np.nan, np.array([np.nan]))
    weights = weights[:, known]
    with np.errstate(invalid="ignore"):
        return figure(values[known].mean(), weights @ values[known] / weights.sum(axis=1))


def figure(value: float, resamples: Float[np.ndarray, " R"]) -> dict[str, float | None]:
    """A figure as a report has it.

    Args:
        value: the number.
        resamples: what resampled pieces give. Where a number can only lie on one side of its best, such as a
            consistency of 1, they may all lie on one side of the value: the interval is widened to hold it.

    Returns:
        Dict of `value`, `low` and `high`; `None` where there is no number, which JSON knows and NaN it does not.
    """
    low, high = interval(resamples)
    return {"value": _number(value), "low": _number(min(low, value)), "high": _number(max(high, value))}


def _number(value):
    return float(value) if np.isfinite(value) else None
