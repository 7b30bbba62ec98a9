import itertools
import pathlib
import time

import note_seq
import numpy as np
import pytest
from scipy import stats

from keras_symdiff import Melody
from keras_symdiff.metrics.framewise_self_similarity import (
    framewise_self_similarity,
    overlap_distance,
    overlap_moments,
    region_pairs,
    relative_similarity,
    seam_pairs,
)
from keras_symdiff.metrics.intervals import resampled_counts
from keras_symdiff.metrics.overlapping_area import overlapping_area
from keras_symdiff.music.corpus import read_corpus

LAKH = pathlib.Path(__file__).parents[1] / "data" / "lakh"


def pieces_of(pattern):
    corpus = read_corpus(sorted(LAKH.glob(pattern)))
    return corpus.tokens[corpus.windows()[:, None] + np.arange(32)]


def random_pieces(num_pieces, num_phrases, seed=0):
    """Sparse random tokens: held notes across phrases, rests, stray note-offs, empty frames."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(0, 90, (num_pieces, num_phrases, 32))
    tokens[rng.random(tokens.shape) < 0.85] = 0
    tokens[rng.random(tokens.shape) < 0.05] = 1
    tokens[rng.random(tokens.shape[:2]) < 0.4] = 0
    return tokens.astype(np.int8)


def notes(*pitches_and_lengths):
    """One phrase of notes one after the other; pitch None is a rest."""
    phrase, step = np.zeros(32, np.int8), 0
    for pitch, length in pitches_and_lengths:
        phrase[step] = 1 if pitch is None else pitch - 19
        step += length
    assert step == 32
    return phrase


def by_note_seq(phrases, variant):
    """One piece, frame by frame, with note-seq's notes and its way to cut them: overlaps of pitch and of duration."""
    sequence = Melody.from_phrases(phrases).to_note_sequence()
    frames = [note_seq.trim_note_sequence(sequence, 4 * k, 4 * k + 8).notes for k in range(len(phrases) - 1)]
    scores = []
    for values in (
        [[note.pitch for note in frame] for frame in frames],
        [[note.end_time - note.start_time for note in frame] for frame in frames],
    ):
        if variant == "paper":
            moments = [(np.mean(frame), np.var(frame)) if frame else (0.0, 0.0) for frame in values]
        else:
            unit = 1 if isinstance(next(filter(None, values))[0], int) else 0.125  # one semitone, one step in seconds
            moments = [
                (np.mean(frame), max(np.var(frame), unit**2 / 12)) if frame else (np.nan, np.nan) for frame in values
            ]
        scores.append([overlapping_area(m, n, v, w, variant) for (m, v), (n, w) in itertools.pairwise(moments)])
    return scores, sum(not frame for frame in frames)


@pytest.mark.parametrize("variant", ["exact", "paper"])
@pytest.mark.parametrize("music", ["random", "real"])
def test_agrees_with_frames_cut_by_note_seq(variant, music):
    tokens = random_pieces(12, 9) if music == "random" else pieces_of("*melody_*.mid")[:4]
    result = framewise_self_similarity(tokens, variant)
    assert result.pitch.dtype == result.duration.dtype == np.float64
    for p, phrases in enumerate(tokens):
        (pitch, duration), empty_frames = by_note_seq(phrases, variant)
        # The paper's formula divides by differences of variances near 1e-6 and so enlarges the last digits.
        np.testing.assert_allclose(result.pitch[p], pitch, atol=1e-6 if variant == "paper" else 1e-12)
        np.testing.assert_allclose(result.duration[p], duration, atol=1e-6 if variant == "paper" else 1e-12)
        assert result.empty_frames[p] == empty_frames
    assert music == "real" or result.empty_frames.sum() > 0


def test_neighbours_that_are_the_same_overlap_fully_and_far_ones_do_not():
    low, high = notes((40, 8), (42, 8), (45, 16)), notes((80, 2), (82, 2), (85, 28))
    result = framewise_self_similarity(np.stack([[low] * 5, [low, low, high, high, high]]))
    np.testing.assert_allclose(result.pitch[0], 1)
    # the frame in the middle holds both
    np.testing.assert_array_less(result.pitch[1, 0], 0.3)
    assert framewise_self_similarity(np.stack([[low, low, low, high]])).pitch.shape == (1, 2)


def test_a_variance_is_at_least_that_of_a_cell():
    # one held pitch a frame: without a floor, points that overlap by 0
    same, semitone = notes((60, 32)), notes((61, 32))
    result = framewise_self_similarity(np.stack([[same, same, same], [same, same, semitone]]))
    assert result.pitch[0, 0] == 1
    assert result.pitch[1, 0] == pytest.approx(overlapping_area(60, 60.5, 1 / 12, 1 / 4))


def test_a_note_is_cut_at_the_end_of_its_frame():
    # phrase 0: one note that sounds for 96 steps; phrase 3: four notes of 8. Frame 0 sees its 64 steps.
    phrases = np.zeros((4, 32), np.int8)
    phrases[0, 0], phrases[1, 16], phrases[2, 0] = 41, 41, 1
    phrases[3] = notes((60, 8), (60, 8), (60, 8), (60, 8))
    result = framewise_self_similarity(phrases[None])
    # frame 0: lengths 48 and 16; frame 1: 16; frame 2: 8 8 8 8
    np.testing.assert_allclose(
        result.duration[0],
        [overlapping_area(32, 16, 256, 1 / 12), overlapping_area(16, 8, 1 / 12, 1 / 12)],
    )
    held = np.zeros((3, 32), np.int8)
    held[0, 0] = held[1, 31] = 41  # the second note sounds to the end: 1 step in frame 0, 33 in frame 1
    np.testing.assert_allclose(
        framewise_self_similarity(held[None]).duration, [[overlapping_area(32, 33, 31**2, 1 / 12)]]
    )


def test_empty_frames_are_skipped_and_counted():
    tune, rest = notes((60, 16), (64, 16)), notes((None, 32))
    tokens = np.array([[tune, tune, rest, rest, tune, tune], [rest] * 6])
    result = framewise_self_similarity(tokens)
    np.testing.assert_array_equal(np.isnan(result.pitch), [[False, True, True, False], [True] * 4])
    np.testing.assert_array_equal(np.isnan(result.duration), np.isnan(result.pitch))
    assert result.empty_frames.tolist() == [1, 5]
    assert overlap_moments(result.pitch) == (1.0, 0.0)
    # the release takes silence for pitch 0: silence is then perfectly consistent
    assert framewise_self_similarity(tokens, "paper").pitch[1].tolist() == pytest.approx([1] * 4)


def test_transposition_changes_nothing():
    tokens = pieces_of("melody_*.mid")
    higher = np.where(tokens >= 2, tokens + 3, tokens)
    assert higher.max() < 90
    before, after = framewise_self_similarity(tokens), framewise_self_similarity(higher)
    np.testing.assert_allclose(after.pitch, before.pitch, atol=1e-12)
    np.testing.assert_array_equal(after.duration, before.duration)


def test_moments_over_pairs_and_over_pieces():
    overlaps = np.array([[0.2, 0.4, np.nan], [1.0, np.nan, np.nan], [np.nan] * 3, [0.6, 0.6, 0.9]])
    known = overlaps[~np.isnan(overlaps)]
    np.testing.assert_allclose(overlap_moments(overlaps), (known.mean(), known.var()))
    np.testing.assert_allclose(
        overlap_moments(overlaps, aggregation="pieces"), (np.mean([0.3, 1.0, 0.7]), np.mean([0.01, 0, 0.02]))
    )
    assert np.isnan(overlap_moments(overlaps[2:3])).all()
    assert np.isnan(overlap_moments(overlaps[2:3], aggregation="pieces")).all()


@pytest.mark.parametrize("aggregation", ["pairs", "pieces"])
def test_weights_stand_for_repeated_pieces(aggregation):
    rng = np.random.default_rng(0)
    overlaps = np.where(rng.random((9, 30)) < 0.2, np.nan, rng.random((9, 30)))
    overlaps[4] = np.nan
    weights = rng.integers(0, 3, (5, 9))
    mean, variance = overlap_moments(overlaps, weights, aggregation)
    assert mean.shape == variance.shape == (5,)
    for r in range(5):
        expected = overlap_moments(np.repeat(overlaps, weights[r], axis=0), aggregation=aggregation)
        np.testing.assert_allclose((mean[r], variance[r]), expected)
        np.testing.assert_allclose(overlap_moments(overlaps, weights[r], aggregation), expected)


@pytest.mark.filterwarnings("error")
def test_relative_similarity_is_equation_10():
    consistency, variance = relative_similarity((0.76, 0.05), (0.80, 0.04))
    assert (consistency, variance) == pytest.approx((0.95, 0.75))
    assert relative_similarity((0.80, 0.04), (0.80, 0.04)) == (1, 1)
    assert relative_similarity((0.80, 0.12), (0.80, 0.04))[1] == 0  # clipped
    both = relative_similarity((np.array([0.76, 0.8]), np.array([0.05, 0.04])), (0.80, 0.04))
    np.testing.assert_allclose(both, [[0.95, 1], [0.75, 1]])
    assert np.isnan(relative_similarity((1.0, 0.0), (1.0, 0.0))[1])


def test_pairs_at_the_seams_and_inside_the_gap():
    keep_mask = np.ones(32, bool)
    keep_mask[8:24] = False
    # pair k spans the phrases k, k + 1, k + 2
    assert np.flatnonzero(seam_pairs(keep_mask)).tolist() == [6, 7, 22, 23]
    assert np.flatnonzero(region_pairs(keep_mask)).tolist() == list(range(8, 22))
    assert not seam_pairs(np.ones(5, bool)).any()
    assert region_pairs(np.zeros(5, bool)).tolist() == [True] * 3
    for mask in (np.ones(2, bool), np.ones(32), np.ones((4, 32), bool)):
        with pytest.raises(ValueError, match=r"3 booleans\. Received"):
            seam_pairs(mask)


def test_the_selected_pairs_see_what_they_say():
    before, after = random_pieces(6, 32, seed=1), random_pieces(6, 32, seed=2)
    keep_mask = np.ones(32, bool)
    keep_mask[8:24] = False
    filled = np.where(keep_mask[:, None], before, after)
    filled[:, :, 0] = before[:, :, 0] = after[:, :, 0] = 50  # no note crosses a border
    pitch = [framewise_self_similarity(tokens).pitch for tokens in (before, after, filled)]
    inside = region_pairs(keep_mask)
    outside = ~(inside | seam_pairs(keep_mask))
    np.testing.assert_array_equal(pitch[2][:, inside], pitch[1][:, inside])
    np.testing.assert_array_equal(pitch[2][:, outside], pitch[0][:, outside])
    assert (pitch[2] != pitch[0])[:, seam_pairs(keep_mask)].any(0).all()
    assert (pitch[2] != pitch[1])[:, seam_pairs(keep_mask)].any(0).all()


def test_golden_moments_of_real_melodies():
    # mean and variance of pitch, then of duration, over all pairs of the nine Lakh melodies of tests/data
    golden = {
        "exact": [0.7979278, 0.0594434, 0.8457455, 0.0624692],
        "paper": [0.8391317, 0.0394517, 0.884845, 0.0273215],
    }
    tokens = pieces_of("*melody_*.mid")
    for variant, moments in golden.items():
        result = framewise_self_similarity(tokens, variant)
        np.testing.assert_allclose(
            [*overlap_moments(result.pitch), *overlap_moments(result.duration)], moments, atol=1e-6
        )


def test_a_thousand_pieces_take_two_seconds():
    tokens = random_pieces(1000, 32)
    start = time.perf_counter()
    framewise_self_similarity(tokens)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    "tokens",
    [
        np.zeros((2, 2, 32), np.int8),
        np.zeros((32, 32), np.int8),
        np.zeros((2, 4, 16), np.int8),
        np.zeros((2, 4, 32)),
        np.full((2, 4, 32), 90),
        np.full((2, 4, 32), -1),
    ],
)
def test_other_arrays_are_refused(tokens):
    with pytest.raises(ValueError, match=r"Tokens must .* Received: tokens"):
        framewise_self_similarity(tokens)


def test_other_names_are_refused():
    with pytest.raises(ValueError, match="Received: variant='papier'"):
        framewise_self_similarity(np.zeros((1, 3, 32), np.int8), variant="papier")
    with pytest.raises(ValueError, match="Received: aggregation='frames'"):
        overlap_moments(np.zeros((1, 3)), aggregation="frames")
    with pytest.raises(ValueError, match=r"Received: overlaps of shape \(3,\)"):
        overlap_moments(np.zeros(3))


def test_distance_is_scipys_and_sees_what_mean_or_variance_alone_do_not():
    stream = np.random.default_rng(0)
    a, b = stream.beta(4, 2, (40, 30)), stream.beta(2, 2, (60, 20))
    a[stream.uniform(size=a.shape) < 0.2] = np.nan
    expected = stats.wasserstein_distance(a[~np.isnan(a)], b.ravel())
    assert overlap_distance(a, b)[0] == pytest.approx(expected, abs=1e-3)
    counts = resampled_counts(40, 3, seed=1)
    repeated = [np.repeat(a, count, axis=0) for count in counts]
    expected = [stats.wasserstein_distance(x[~np.isnan(x)], b.ravel()) for x in repeated]
    np.testing.assert_allclose(overlap_distance(a, b, counts, np.ones((3, 60))), expected, atol=1e-3)
    assert overlap_distance(a, a)[0] == 0
    low = a - np.nanmin(a)
    assert overlap_moments(low)[1] == pytest.approx(overlap_moments(a)[1])  # a perfect variance
    assert overlap_distance(low, a)[0] == pytest.approx(np.nanmin(a), abs=1e-3)
    assert np.isnan(overlap_distance(np.full((2, 3), np.nan), a)[0])
