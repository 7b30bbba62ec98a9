"""Framewise self-similarity: how alike neighbouring four-bar frames of a piece are."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from keras_symdiff import constants
from keras_symdiff.metrics.overlapping_area import overlapping_area
from keras_symdiff.music.melody import checked_tokens

_PHRASES_PER_FRAME = 2  # paper 4.4: a 4-bar window ...
_PHRASES_PER_PAIR = 3  # ... that moves on by 2 bars, one phrase
_CELL_VARIANCE = 1 / 12  # of a uniform error over one semitone or one step
_DISTANCE_BINS = 1000
_PAPER_STEP_SECONDS = 0.125  # a sixteenth note at 120 quarters a minute

# One number, or one per resample.
Values = float | Float[np.ndarray, " R"]


@dataclasses.dataclass(frozen=True, eq=False)
class SelfSimilarity:
    """The overlaps of the adjacent frames of P pieces of F frames.

    Args:
        pitch: overlapping areas of pitch; NaN where one of the two frames is empty.
        duration: overlapping areas of duration, likewise.
        empty_frames: frames in which no note starts.
    """

    pitch: Float[np.ndarray, "P F-1"]
    duration: Float[np.ndarray, "P F-1"]
    empty_frames: Int[np.ndarray, " P"]


def framewise_self_similarity(tokens: Int[np.ndarray, "P L 32"], variant: str = "exact") -> SelfSimilarity:
    """Compares pitch and duration of neighbouring frames by the overlap of their Gaussians.

    A frame is 4 bars, two phrases; it moves on by 2 bars, one phrase, so that L phrases have F = L - 1 frames and
    F - 1 pairs of neighbours. A note belongs to the frames in which it starts, and is cut where the frame ends, as in
    the release: a frame is judged by its own four bars, and a note held into a silent gap does not grow with the gap.
    (Uncut lengths move scores of Lakh melodies by up to 0.03, less than the choice of real music does.) A frame's
    Gaussian has the population mean and variance of its notes.

    `"exact"`: pitch in semitones, duration in steps of a sixteenth note, the exact overlapping area. A variance is at
    least that of one quantisation cell, 1/12 semitone^2 or 1/12 step^2, since a grid cannot tell smaller ones. A frame
    without a note has no Gaussian: its pairs are NaN, and it is counted.

    `"paper"`: the release's conventions. Duration in seconds at 120 quarters a minute, no least variance, a frame
    without a note counts as mean 0 and variance 0, and `overlapping_area(..., variant="paper")`, see there.

    Args:
        tokens: pieces of L >= 3 phrases of tokens in [0, 89]. A note sounds until the next
            note-off, the next onset or the end of the piece, as in `Melody.from_phrases`.
        variant: `"exact"` or `"paper"`. Defaults to `"exact"`.

    Returns:
        A `SelfSimilarity`.

    Raises:
        ValueError: if shape, type or values of `tokens` are others, or `variant` is.

    Example:
    ```python
    model, train = framewise_self_similarity(tokens[:4]), framewise_self_similarity(tokens[4:])
    consistency, variance = relative_similarity(overlap_moments(model.pitch), overlap_moments(train.pitch))
    ```

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), section 4.4
    """
    if variant not in ("exact", "paper"):
        raise ValueError(f"The variant must be one of ['exact', 'paper']. Received: variant={variant!r}")
    tokens = _checked_pieces(tokens)
    is_onset = tokens >= constants.FIRST_ONSET  # (P, L, 32)
    pitch = np.where(is_onset, tokens + np.int32(constants.PITCH_OFFSET), 0)
    length = np.where(is_onset, _steps_to_next_event(tokens), 0)
    to_phrase_end = np.arange(constants.PHRASE_STEPS, 0, -1)
    # The frame ends with the note's own phrase if that is its second, one phrase later if it is its first.
    second_length = np.minimum(length, to_phrase_end)
    first_length = np.minimum(length, to_phrase_end + constants.PHRASE_STEPS)

    count = _frame_sums(is_onset, is_onset)  # (P, F)
    pitch_mean, pitch_variance = _mean_and_variance(count, pitch, pitch)
    duration_mean, duration_variance = _mean_and_variance(count, first_length, second_length)
    if variant == "exact":
        pitch_variance = np.maximum(pitch_variance, _CELL_VARIANCE)  # NaN stays
        duration_variance = np.maximum(duration_variance, _CELL_VARIANCE)
    else:
        pitch_mean, pitch_variance = np.nan_to_num(pitch_mean), np.nan_to_num(pitch_variance)
        duration_mean = np.nan_to_num(duration_mean) * _PAPER_STEP_SECONDS
        duration_variance = np.nan_to_num(duration_variance) * _PAPER_STEP_SECONDS**2
    return SelfSimilarity(
        pitch=_overlaps_of_neighbours(pitch_mean, pitch_variance, variant),
        duration=_overlaps_of_neighbours(duration_mean, duration_variance, variant),
        empty_frames=np.sum(count == 0, axis=1),
    )


def overlap_moments(
    overlaps: Float[np.ndarray, "P N"],
    weights: Num[np.ndarray, " P"] | Num[np.ndarray, "R P"] | None = None,
    aggregation: str = "pairs",
) -> tuple[Values, Values]:
    """Mean and population variance of overlaps, of one set of pieces or of many resamples of it.

    Args:
        overlaps: the overlaps of N pairs of frames; NaN is skipped.
        weights: how often each piece counts, e.g. from `resampled_counts`. Defaults to `None`:
            once.
        aggregation: `"pairs"` or `"pieces"`. `"pairs"` takes the mean and the variance over the pairs of all pieces
            at once, as the paper does ("over all adjacent frames"). `"pieces"` takes them inside each piece, and then
            their means over the pieces that have a pair: it leaves out how much pieces differ from one another.
            Defaults to `"pairs"`.

    Returns:
        Tuple of:
        - the mean, one per resample if there are several; NaN without any overlap.
        - the variance, likewise.

    Raises:
        ValueError: if `overlaps` is not two-dimensional, or `aggregation` is another.
    """
    overlaps = np.asarray(overlaps, np.float64)
    if overlaps.ndim != 2:
        raise ValueError(f"Overlaps must have shape (P, N). Received: overlaps of shape {overlaps.shape}")
    if aggregation not in ("pairs", "pieces"):
        raise ValueError(f"The aggregation must be one of ['pairs', 'pieces']. Received: aggregation={aggregation!r}")
    weights = np.ones(len(overlaps)) if weights is None else np.asarray(weights, np.float64)
    known = ~np.isnan(overlaps)
    count = known.sum(1)  # (P,)
    # Sums around a value in the middle, so that the difference of squares below keeps its digits.
    centre = overlaps[known].mean() if known.any() else 0.0
    deviations = np.where(known, overlaps - centre, 0.0)
    total, squares = deviations.sum(1), (deviations**2).sum(1)
    if aggregation == "pieces":
        # Each piece as one pair of its own mean and variance; those without a pair count 0 times.
        pairs = np.maximum(count, 1)
        means = total / pairs
        count, total, squares = count > 0, means, squares / pairs - means**2
    pairs, total, squares = np.moveaxis(weights @ np.stack([count, total, squares], axis=-1), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):  # NaN where there is nothing to average
        mean, variance = total / pairs, squares / pairs
    if aggregation == "pairs":
        variance = variance - mean**2
    return centre + mean, np.maximum(variance, 0.0)


def relative_similarity(
    moments: tuple[Values, Values], reference_moments: tuple[Values, Values]
) -> tuple[Values, Values]:
    """Consistency and variance relative to a reference, equation 10: 1 is equal, 0 is off by 100 % or more.

    Both fall on either side of the reference, so that resampled values lie below those of the sets themselves where
    these are close to 1: an interval then says how far down chance alone reaches.

    Args:
        moments: mean and variance, from `overlap_moments`.
        reference_moments: mean and variance of the training music.

    Returns:
        Tuple of:
        - consistency in [0, 1]; NaN if both means are 0.
        - variance in [0, 1], likewise.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        consistency, variance = (
            np.maximum(0.0, 1.0 - np.abs(value - reference) / reference)
            for value, reference in zip(moments, reference_moments, strict=True)
        )
    return consistency, variance


def overlap_distance(
    overlaps: Float[np.ndarray, "P N"],
    reference: Float[np.ndarray, "Q M"],
    weights: Num[np.ndarray, "R P"] | None = None,
    reference_weights: Num[np.ndarray, "R Q"] | None = None,
) -> Float[np.ndarray, " R"]:
    """1-Wasserstein distance between the distributions of two sets of overlaps.

    Equation 10 looks at mean and variance apart: overlaps that are too low throughout but scatter as much as those of
    real music have a perfect variance. This distance is 0 only for equal distributions.

    Args:
        overlaps: numbers in [0, 1]; NaN is skipped.
        reference: likewise.
        weights: how often each piece counts in each resample. Defaults to `None`: once, R = 1.
        reference_weights: likewise.

    Returns:
        Distances in [0, 1], to within 0.001; NaN without any overlap.
    """
    one, other = _distributions(overlaps, weights), _distributions(reference, reference_weights)
    return np.abs(np.cumsum(one - other, axis=1)).mean(axis=1)


def _distributions(overlaps, weights):
    """Shares (R, bins) of the overlaps in bins of [0, 1]."""
    weights = np.ones((1, len(overlaps))) if weights is None else weights
    piece, pair = np.nonzero(~np.isnan(overlaps))
    # The released formula can leave [0, 1] by a little.
    bins = np.clip((overlaps[piece, pair] * _DISTANCE_BINS).astype(int), 0, _DISTANCE_BINS - 1)
    counts = np.bincount(piece * _DISTANCE_BINS + bins, minlength=len(overlaps) * _DISTANCE_BINS)
    # In floats, which hold these integers exactly: NumPy multiplies matrices of integers tens of times slower.
    counts = np.asarray(weights, np.float64) @ counts.reshape(len(overlaps), _DISTANCE_BINS).astype(np.float64)
    total = counts.sum(axis=1, keepdims=True)
    return counts / np.where(total > 0, total, np.nan)


def seam_pairs(keep_mask: Bool[np.ndarray, " L"]) -> Bool[np.ndarray, " L-2"]:
    """Finds the pairs of frames that see both given and generated phrases: do they fit together?

    Args:
        keep_mask: True for a given phrase.

    Returns:
        Which columns of `SelfSimilarity.pitch` and `.duration` to select. Pair k spans the phrases k,
        k + 1 and k + 2.

    Raises:
        ValueError: if `keep_mask` is not at least 3 booleans.
    """
    phrases = _phrases_of_pairs(keep_mask)
    return np.logical_or.reduce(phrases, axis=1) & ~np.logical_and.reduce(phrases, axis=1)


def region_pairs(keep_mask: Bool[np.ndarray, " L"]) -> Bool[np.ndarray, " L-2"]:
    """Finds the pairs of frames that see generated phrases only.

    Args, Returns and Raises: as `seam_pairs`.
    """
    return ~np.logical_or.reduce(_phrases_of_pairs(keep_mask), axis=1)


def _phrases_of_pairs(keep_mask):
    keep_mask = np.asarray(keep_mask)
    if keep_mask.ndim != 1 or keep_mask.dtype != bool or len(keep_mask) < _PHRASES_PER_PAIR:
        raise ValueError(
            f"The mask must hold at least {_PHRASES_PER_PAIR} booleans. "
            f"Received: keep_mask of shape {keep_mask.shape} and dtype {keep_mask.dtype}"
        )
    return np.lib.stride_tricks.sliding_window_view(keep_mask, _PHRASES_PER_PAIR)  # (L - 2, 3)


def _checked_pieces(tokens):
    tokens = np.asarray(tokens)
    if tokens.ndim != 3 or tokens.shape[1] < _PHRASES_PER_PAIR:
        raise ValueError(
            f"Tokens must be integers of shape (P, L, {constants.PHRASE_STEPS}) with L >= {_PHRASES_PER_PAIR}. "
            f"Received: tokens of shape {tokens.shape} and dtype {tokens.dtype}"
        )
    checked_tokens(tokens.reshape(-1, tokens.shape[2]))
    return tokens


def _steps_to_next_event(tokens):
    """Steps from each step of a piece to its next note-off or onset, or to its end, (P, L, 32)."""
    num_pieces, num_steps = len(tokens), tokens.shape[1] * tokens.shape[2]
    steps = np.arange(num_steps, dtype=np.int32)
    events = np.where(tokens.reshape(num_pieces, num_steps) != constants.NO_EVENT, steps, np.int32(num_steps))
    next_event = np.full_like(events, num_steps)
    next_event[:, :-1] = np.minimum.accumulate(events[:, :0:-1], axis=1)[:, ::-1]
    return (next_event - steps).reshape(tokens.shape)


def _frame_sums(first, second):
    """Sums over frames (P, F) of a value of each step, (P, L, 32) as first and as second phrase of its frame."""
    return first.sum(2, dtype=np.int64)[:, :-1] + second.sum(2, dtype=np.int64)[:, 1:]


def _mean_and_variance(count, first, second):
    """Population moments of the frames (P, F), NaN for empty ones; from whole numbers, so equal frames are equal."""
    total, squares = _frame_sums(first, second), _frame_sums(first**2, second**2)
    count = np.where(count == 0, np.nan, count)
    return total / count, (count * squares - total**2) / count**2


def _overlaps_of_neighbours(mean, variance, variant):
    return np.asarray(overlapping_area(mean[:, :-1], mean[:, 1:], variance[:, :-1], variance[:, 1:], variant))
