"""Measures of music: pure functions of arrays."""

from keras_symdiff.metrics.chord_fit import chord_fit
from keras_symdiff.metrics.framewise_self_similarity import (
    SelfSimilarity,
    framewise_self_similarity,
    overlap_moments,
    relative_similarity,
)
from keras_symdiff.metrics.frechet_distance import frechet_distance
from keras_symdiff.metrics.intervals import interval, resampled_counts
from keras_symdiff.metrics.maximum_mean_discrepancy import maximum_mean_discrepancy
from keras_symdiff.metrics.memorisation import training_phrase_rate
from keras_symdiff.metrics.note_agreement import note_agreement
from keras_symdiff.metrics.overlapping_area import overlapping_area
from keras_symdiff.metrics.piece_statistics import piece_statistics

__all__ = [
    "SelfSimilarity",
    "chord_fit",
    "framewise_self_similarity",
    "frechet_distance",
    "interval",
    "maximum_mean_discrepancy",
    "note_agreement",
    "overlap_moments",
    "overlapping_area",
    "piece_statistics",
    "relative_similarity",
    "resampled_counts",
    "training_phrase_rate",
]
