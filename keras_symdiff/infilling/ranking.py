"""Which takes of the same bars fit their piece, and which nearly repeat a better one."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt32

from keras_symdiff import constants
from keras_symdiff.infilling.gaps import Gap, kept_notes
from keras_symdiff.metrics.framewise_self_similarity import (
    framewise_self_similarity,
    overlap_moments,
    region_pairs,
    relative_similarity,
    seam_pairs,
)
from keras_symdiff.music.harmony import sounding
from keras_symdiff.music.melody import Melody
from keras_symdiff.presets.training_phrases import phrase_hashes

# Takes that share as many of their notes are near-duplicates.
DUPLICATE_SHARE = 0.9

# As people read them.
SCORE_NAMES = {
    "seam_fit": "seam fit",
    "chord_tones": "chord tones",
    "clashes": "clashes",
    "novelty": "novelty",
    "leaps": "leaps",
}

_FEWEST_PHRASES = 3  # a pair of frames needs as many
_QUARTER_WEIGHTS = (2, 1, 2, 1)  # of the quarters of a bar of 16 steps


@dataclasses.dataclass(frozen=True)
class TakeScores:
    """How well a take fits its piece; each score lies in [0, 1] and is NaN where there is nothing to compare.

    Args:
        seam_fit: how far four-bar frames across the edges of the gaps are as alike as frames are elsewhere in the
            piece, in pitch and in duration (the paper's consistency, equation 10, with the piece as its own reference).
        chord_tones: share of the new melody's time on a pitch class that other tracks sound in the beat; the first and
            third quarter of a bar count twice. NaN where no other track sounds.
        clashes: share of that time a semitone beside a pitch class that sounds, on none that does.
        novelty: share of the phrases with new notes that are not among those that the model was trained on, in any key;
            what the piece has itself may return. NaN where the training phrases are not known.
        leaps: share of the new bars with an interval of more than an octave, to kept notes too.
    """

    seam_fit: float
    chord_tones: float
    clashes: float
    novelty: float
    leaps: float

    @property
    def overall(self) -> float:
        """Takes are ranked by it: the mean of seam fit, chord tones less clashes, novelty, and bars without leaps.

        What is unknown does not count.
        """
        scores = (self.seam_fit, max(self.chord_tones - self.clashes, 0.0), self.novelty, 1 - self.leaps)
        return float(np.mean([score for score in scores if not np.isnan(score)]))

    def as_json(self) -> dict[str, float | None]:
        """The scores by name, `None` where unknown."""
        values = dataclasses.asdict(self)
        return {name: None if np.isnan(value) else round(value, 4) for name, value in values.items()}


def score_takes(
    takes: Sequence[Melody],
    gaps: Sequence[Gap],
    sounds: Float[np.ndarray, "L 8 12"] | None = None,
    training_phrases: UInt32[np.ndarray, " U"] | None = None,
) -> list[TakeScores]:
    """Scores takes of the same bars.

    Args:
        takes: melodies that are equal outside of the gaps, as `compose_gaps` returns them.
        gaps: the gaps.
        sounds: what the other tracks sound in each beat of their phrases, NaN where nobody knows. Defaults to `None`:
            nobody knows.
        training_phrases: hashes, as `read_training_phrases` returns them. Defaults to `None`: nobody knows them.

    Returns:
        `TakeScores` of each take.
    """
    tokens = np.stack([take.phrases()[0] for take in takes])  # (T, L, 32)
    steps = takes[0].phrase_steps  # (L, 32)
    inside = np.any([(steps >= gap.first_step) & (steps < gap.end_step) for gap in gaps], axis=0)
    kept = ~inside.any(axis=1)  # (L,)
    seams = _seam_fit(tokens, kept)
    unknown = np.full(len(takes), np.nan)
    novelties = unknown
    if training_phrases is not None:
        trained = np.setdiff1d(training_phrases, phrase_hashes(tokens[0, kept]))
        novelties = _novelty(tokens[:, ~kept], trained)
    chord_tones, clashes = (unknown, unknown) if sounds is None else _chord_scores(takes, steps, inside, sounds)
    rows = zip(seams, chord_tones, clashes, novelties, _leaps(tokens, inside), strict=True)
    return [TakeScores(*map(float, scores)) for scores in rows]


def rank_takes(
    takes: Sequence[Melody], scores: Sequence[TakeScores], gaps: Sequence[Gap]
) -> tuple[list[int], dict[int, tuple[int, float]]]:
    """Puts takes in order, the best overall score first, and finds near-duplicates.

    A take is a near-duplicate if at least 90 % of its new notes and of those of a better take together are in both:
    same pitch, same start. Takes of equal score stay in their order.

    Args:
        takes: melodies.
        scores: of each.
        gaps: the gaps.

    Returns:
        Tuple of:
        - order: indices of the takes that stay, best first.
        - duplicates: index of each other take, with (index of the better take, share of notes in both).
    """
    notes = [_new_notes(take, gaps) for take in takes]
    order, duplicates = [], {}
    for index in sorted(range(len(takes)), key=lambda index: -np.nan_to_num(scores[index].overall)):
        shares = [(_share(notes[index], notes[better]), better) for better in order]
        share, better = max(shares, default=(0, None))
        if share >= DUPLICATE_SHARE:
            duplicates[index] = (better, share)
        else:
            order.append(index)
    return order, duplicates


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
    return np.mean(np.array(fits, float), axis=0)


def _novelty(tokens, known):
    """Share (T,) of the phrases (T, L, 32) with an onset whose hash is not known; NaN for a silent take."""
    sounding = (tokens >= constants.FIRST_ONSET).any(axis=2)  # (T, L)
    new = np.zeros(sounding.shape)
    new[sounding] = ~np.isin(phrase_hashes(tokens[sounding]), known)
    count = sounding.sum(axis=1)
    return np.divide(new.sum(axis=1), count, out=np.full(len(tokens), np.nan), where=count > 0)


def _leaps(tokens, inside):
    """Share (T,) of the bars with new steps, `inside` (L, 32), in which an interval of more than an octave ends."""
    stream = tokens.reshape(len(tokens), -1).astype(np.int64)  # (T, S)
    columns = np.arange(stream.shape[1])
    last_onset = np.maximum.accumulate(np.where(stream >= constants.FIRST_ONSET, columns, 0), axis=1)
    before = np.pad(last_onset[:, :-1], ((0, 0), (1, 0)))  # the onset before each step; 0 may be none
    earlier = np.take_along_axis(stream, before, axis=1)
    wide = (np.minimum(stream, earlier) >= constants.FIRST_ONSET) & (np.abs(stream - earlier) > 12)
    new = inside.reshape(-1)
    leaps = wide & (new | new[before])
    bars = leaps.reshape(len(tokens), -1, constants.STEPS_PER_BAR).any(axis=2)
    new_bars = new.reshape(-1, constants.STEPS_PER_BAR).any(axis=1)
    return np.minimum(bars.sum(axis=1) / new_bars.sum(), 1.0)  # the last interval may end in the bar after


def _chord_scores(takes, steps, inside, sounds):
    """Shares (T,) of the melody's time in the gaps on chord tones, and in clash with the chord; see `TakeScores`."""
    places = steps.reshape(-1)  # (S,)
    events = np.stack([take.events(places.max() + 1)[places] for take in takes]).astype(np.int64)  # (T, S)
    events[:, places < 0] = constants.NO_EVENT  # a bar is filled up
    columns = np.arange(len(places))
    last_event = np.maximum.accumulate(np.where(events != constants.NO_EVENT, columns, 0), axis=1)
    token = np.take_along_axis(events, last_event, axis=1)  # what sounds
    heard = np.repeat(sounding(sounds).reshape(-1, 12), constants.STEPS_PER_QUARTER, axis=0)  # (S, 12)
    judged = inside.reshape(-1) & heard.any(axis=1) & (token >= constants.FIRST_ONSET)  # (T, S)
    classes = token + constants.PITCH_OFFSET
    on, above, below = (heard[columns, (classes + semitones) % 12] for semitones in (0, 1, -1))
    quarters = np.resize(_QUARTER_WEIGHTS, len(places) // constants.STEPS_PER_QUARTER)
    weights = judged * np.repeat(quarters, constants.STEPS_PER_QUARTER)
    total = weights.sum(axis=1)
    return [
        np.divide((weights * chosen).sum(axis=1), total, out=np.full(len(takes), np.nan), where=total > 0)
        for chosen in (on, ~on & (above | below))
    ]


def _new_notes(take, gaps):
    chosen = ~kept_notes(take, gaps)
    return set(zip(take.start_steps[chosen].tolist(), take.pitches[chosen].tolist(), strict=True))


def _share(notes, others):
    """Notes in both sets per notes in either; two silent takes are alike."""
    return len(notes & others) / len(notes | others) if notes | others else 1.0
