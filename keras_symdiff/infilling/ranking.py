"""Which takes of the same bars fit their piece, and which are twins of a better one."""

import dataclasses

import numpy as np

from keras_symdiff import constants
from keras_symdiff.infilling.gaps import kept_notes
from keras_symdiff.metrics.framewise_self_similarity import (
    framewise_self_similarity,
    overlap_moments,
    region_pairs,
    relative_similarity,
    seam_pairs,
)
from keras_symdiff.metrics.piece_statistics import SCALES
from keras_symdiff.presets.training_phrases import phrase_hashes

# Takes that share as many of their notes are near-duplicates.
DUPLICATE_SHARE = 0.9

_SURROUNDINGS = 32  # kept notes on either side of a gap that say in which key it stands: about a page of a song book
_FEWEST_PHRASES = 3  # a pair of frames needs as many


@dataclasses.dataclass(frozen=True)
class TakeScores:
    """How well a take fits its piece; each score lies in [0, 1] and is NaN where there is nothing to compare.

    Args:
        seam_fit: float, how far four-bar frames across the edges of the gaps are as alike as frames are elsewhere in
            the piece, in pitch and in duration (the paper's consistency, equation 10, with the piece as its own
            reference).
        key_fit: float, share of the new notes that lie in the major scale which fits the notes around their gap best
            (or in any of several that fit as well).
        novelty: float, share of the phrases with new notes that stand neither among the kept phrases nor, where they
            are known, among those that the model was trained on, in any key.
    """

    seam_fit: float
    key_fit: float
    novelty: float

    @property
    def overall(self):
        """Mean of the scores that are known, by which takes are ranked; NaN if none is."""
        known = [score for score in dataclasses.astuple(self) if not np.isnan(score)]
        return float(np.mean(known)) if known else float("nan")


def score_takes(takes, gaps, training_phrases=None):
    """Scores takes of the same bars.

    Args:
        takes: list of `Melody`, equal outside of the gaps, as `compose_gaps` returns them.
        gaps: list of `Gap`.
        training_phrases: uint32 array `(U,)` of hashes, as `read_training_phrases` returns it. Defaults to `None`:
            novelty is told against the piece alone.

    Returns:
        A list of `TakeScores`, one a take.

    Example:
    ```python
    scores = score_takes(takes, gaps)
    best, *others = rank_takes(takes, scores, gaps)[0]
    ```
    """
    tokens = np.stack([take.phrases()[0] for take in takes])  # (T, L, 32)
    starts = takes[0].first_step + constants.PHRASE_STEPS * np.arange(tokens.shape[1])  # (L,)
    ends = starts + constants.PHRASE_STEPS
    kept = ~np.any([(starts < gap.end_step) & (ends > gap.first_step) for gap in gaps], axis=0)  # (L,)
    seams = _seam_fit(tokens, kept)
    known = phrase_hashes(tokens[0, kept])
    if training_phrases is not None:
        known = np.append(known, training_phrases)
    novelties = _novelty(tokens[:, ~kept], known)
    keys = [_key_fit(take, gaps) for take in takes]
    return [TakeScores(*map(float, scores)) for scores in zip(seams, keys, novelties, strict=True)]


def rank_takes(takes, scores, gaps):
    """Puts takes in order, the best overall score first, and finds near-duplicates.

    A take is a near-duplicate if at least 90 % of its new notes and of those of a better take together are in both:
    same pitch, same start. Takes of equal score stay in their order.

    Args:
        takes: list of `Melody`.
        scores: list of `TakeScores`.
        gaps: list of `Gap`.

    Returns:
        Tuple of:
        - order: list of int, indices of the takes that stay, best first.
        - twins: dict of the index of each other take to (index of the better take, share of notes in both).
    """
    notes = [_new_notes(take, gaps) for take in takes]
    order, twins = [], {}
    for index in sorted(range(len(takes)), key=lambda index: -np.nan_to_num(scores[index].overall)):
        shares = [(_share(notes[index], notes[better]), better) for better in order]
        share, better = max(shares, default=(0, None))
        if share >= DUPLICATE_SHARE:
            twins[index] = (better, share)
        else:
            order.append(index)
    return order, twins


def score_table(takes):
    """Returns the scores of takes (`Takes`) as text: a line each, best first, and what was left out and why."""
    lines = [f"{'take':>6}{'seam fit':>10}{'key fit':>10}{'novelty':>10}{'overall':>10}"]
    for take in takes.order:
        scores = takes.scores[take]
        values = (*dataclasses.astuple(scores), scores.overall)
        lines.append(f"{take:6}" + "".join(f"{'-' if np.isnan(value) else f'{value:.2f}':>10}" for value in values))
    if takes.twins:
        nearly = ", ".join(
            f"take {take} has {share:.0%} of its notes in common with {better}"
            for take, (better, share) in takes.twins.items()
        )
        lines.append(f"Left out {len(takes.twins)} near-duplicate{'s' * (len(takes.twins) > 1)}: {nearly}")
    return "\n".join(lines)


def _seam_fit(tokens, kept):
    """Consistency (T,) of the frames across the edges with those of kept phrases; NaN where either have no notes."""
    if len(kept) < _FEWEST_PHRASES:
        return np.full(len(tokens), np.nan)
    seam = seam_pairs(kept)
    own = ~seam & ~region_pairs(kept)
    similarity = framewise_self_similarity(tokens)
    each = np.eye(len(tokens))
    fits = [
        relative_similarity(overlap_moments(overlaps[:, seam], each), overlap_moments(overlaps[:1, own]))[0]
        for overlaps in (similarity.pitch, similarity.duration)
    ]
    return np.mean(fits, axis=0)


def _novelty(tokens, known):
    """Share (T,) of the phrases (T, L, 32) with an onset whose hash is not known; NaN for a silent take."""
    sounding = (tokens >= constants.FIRST_ONSET).any(axis=2)  # (T, L)
    new = np.zeros(sounding.shape)
    new[sounding] = ~np.isin(phrase_hashes(tokens[sounding]), known)
    count = sounding.sum(axis=1)
    return np.divide(new.sum(axis=1), count, out=np.full(len(tokens), np.nan), where=count > 0)


def _key_fit(take, gaps):
    kept = np.flatnonzero(kept_notes(take, gaps))
    inside = []
    for gap in gaps:
        new = _in_gap(take, gap)
        before, after = (kept[take.start_steps[kept] < gap.first_step], kept[take.start_steps[kept] >= gap.end_step])
        around = np.concatenate([before[-_SURROUNDINGS:], after[:_SURROUNDINGS]])
        counts = SCALES @ np.bincount(take.pitches[around] % 12, minlength=12)  # (12,), notes in each scale
        best = SCALES[counts == counts.max()]  # (ties, 12)
        in_scale = best[:, take.pitches[new] % 12]  # (ties, notes)
        inside.append(in_scale[in_scale.sum(axis=1).argmax()])
    inside = np.concatenate(inside)
    return inside.mean() if len(inside) else np.nan


def _in_gap(take, gap):
    return (take.start_steps >= gap.first_step) & (take.start_steps < gap.end_step)


def _new_notes(take, gaps):
    chosen = ~kept_notes(take, gaps)
    return set(zip(take.start_steps[chosen].tolist(), take.pitches[chosen].tolist(), strict=True))


def _share(notes, others):
    """Notes in both sets per notes in either; two silent takes are alike."""
    return len(notes & others) / len(notes | others) if notes | others else 1.0
