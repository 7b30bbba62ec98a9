import dataclasses

import numpy as np
import pytest

from keras_symdiff import Melody
from keras_symdiff.infilling.gaps import Gap
from keras_symdiff.infilling.ranking import TakeScores, rank_takes, score_takes
from keras_symdiff.presets.training_phrases import phrase_hashes

C_MAJOR = [60, 62, 64, 65, 67, 69, 71, 72]
GAP = Gap(128, 192, "9-12")  # phrases 5 and 6 of 16


def tune(bars=32, pitches=C_MAJOR, seed=0):
    """Eighth notes that wander through a scale."""
    walk = np.random.default_rng(seed).integers(0, len(pitches), bars * 8)
    starts = np.arange(bars * 8) * 2
    return Melody(np.array(pitches)[walk], starts, starts + 2)


def take(melody, tokens, gap=GAP):
    return melody.replace_steps(gap.first_step, np.asarray(tokens).reshape(-1))


def eighths(pitches):
    """Tokens of 4 bars of eighth notes."""
    stream = np.zeros(64, int)
    stream[::2] = np.resize(pitches, 32) - 19
    return stream


def test_bars_like_the_piece_fit_its_seams_better_than_foreign_ones():
    melody = tune()
    takes = [take(melody, eighths(np.roll(C_MAJOR, 3))), take(melody, eighths([100, 103])), take(melody, np.zeros(64))]
    like, foreign, silent = (scores.seam_fit for scores in score_takes(takes, [GAP]))
    assert like > 0.8
    assert foreign < like - 0.2
    assert np.isnan(silent) or silent < like


def test_each_take_has_its_own_scores_whatever_the_others():
    melody = tune()
    takes = [take(melody, eighths(np.roll(C_MAJOR, n) + n)) for n in range(3)]
    together = score_takes(takes, [GAP])
    alone = [score_takes([one], [GAP])[0] for one in takes]
    np.testing.assert_allclose([*map(dataclasses.astuple, together)], [*map(dataclasses.astuple, alone)], atol=1e-12)


def test_the_key_is_that_of_the_notes_around_the_gap():
    c_major, c_sharp_major = tune(64), tune(64, np.array(C_MAJOR) + 1, seed=1)
    half = 64 * 8
    modulating = Melody(
        np.append(c_major.pitches[: half // 2], c_sharp_major.pitches[half // 2 :]),
        c_major.start_steps,
        c_major.end_steps,
    )
    early, late = Gap(128, 192, "9-12"), Gap(896, 960, "57-60")
    for gap, fits in ((early, 1.0), (late, 2 / 7)):  # C major and C sharp major share F and C
        (scores,) = score_takes([take(modulating, eighths(C_MAJOR[:7] * 4 + C_MAJOR[:4]), gap)], [gap])
        assert scores.key_fit == pytest.approx(fits, abs=0.05)


def test_a_copied_phrase_is_not_new_in_any_key():
    melody = tune()
    phrases = melody.phrases()[0]
    copied, moved, new = phrases[:2], np.where(phrases[:2] > 1, phrases[:2] + 5, 0), eighths([60, 72]).reshape(2, 32)
    new[1] = new[0] + (new[0] > 1) * np.arange(32)  # two different phrases
    mixed = np.concatenate([copied[:1], new[1:]])
    scores = score_takes([take(melody, tokens) for tokens in (copied, moved, new, mixed)], [GAP])
    assert [score.novelty for score in scores] == [0, 0, 1, 0.5]


def test_a_piece_too_short_to_compare_with_has_its_other_scores():
    melody = tune(bars=3)
    gap = Gap(32, 48, "3")
    (scores,) = score_takes([take(melody, eighths(C_MAJOR)[:16], gap)], [gap])
    assert np.isnan(scores.seam_fit)
    assert (scores.key_fit, scores.novelty, scores.overall) == (1, 1, 1)


def test_the_best_is_first_and_near_duplicates_of_better_takes_are_dropped():
    melody = tune()
    nearly = eighths(C_MAJOR)
    nearly[2] += 1
    takes = [take(melody, tokens) for tokens in (eighths(C_MAJOR), nearly, eighths([60, 67]), eighths(C_MAJOR))]
    scores = [TakeScores(value, value, np.nan) for value in (0.5, 0.6, 0.9, 0.6)]
    order, twins = rank_takes(takes, scores, [GAP])
    assert order == [2, 1]  # 1 and 3 are equally good: the first of them stays
    assert twins == {3: (1, 31 / 33), 0: (1, 31 / 33)}


def test_takes_that_share_less_stay():
    melody = tune()
    other = eighths(C_MAJOR)
    other[::16] += 2  # 4 of 32 notes
    takes, scores = [take(melody, eighths(C_MAJOR)), take(melody, other)], [TakeScores(1, 1, 1)] * 2
    assert rank_takes(takes, scores, [GAP]) == ([0, 1], {})


def test_a_phrase_that_was_trained_on_is_not_new():
    melody = tune()
    first, second = eighths([60, 72]).reshape(2, 32), eighths([60, 72]).reshape(2, 32)
    second[1] = second[1] + (second[1] > 1) * np.arange(32)
    (alone,) = score_takes([take(melody, second)], [GAP])
    trained = phrase_hashes(np.where(first[:1] > 1, first[:1] + 3, 0))
    (known,) = score_takes([take(melody, second)], [GAP], trained)
    assert (alone.novelty, known.novelty) == (1, 0.5)
