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
    contents = (eighths(np.roll(C_MAJOR, 3)), eighths([100, 103]), np.zeros(64, int))
    takes = [take(melody, tokens) for tokens in contents]
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


def test_chord_tones_count_by_the_weight_of_their_beat_and_clashes_are_told():
    melody = tune()
    sounds = np.zeros((16, 8, 12))
    sounds[:, :, [0, 4, 7]] = 1  # C major throughout
    half = eighths([60, 60, 61, 61, 60, 60, 61, 61])  # C on the first and third quarter of each bar, else C sharp
    other = eighths([61, 61, 60, 60, 61, 61, 60, 60])
    neither = eighths([69])
    takes = [take(melody, tokens) for tokens in (eighths(C_MAJOR[:1]), half, other, neither, np.zeros(64, int))]
    scores = score_takes(takes, [GAP], sounds)
    assert [score.chord_tones for score in scores[:4]] == pytest.approx([1, 2 / 3, 1 / 3, 0])
    assert [score.clashes for score in scores[:4]] == pytest.approx([0, 1 / 3, 2 / 3, 0])
    assert np.isnan([scores[4].chord_tones, scores[4].clashes]).all()  # nothing sounds
    assert TakeScores(0.9, 0.6, 0.2, 0.5, 0).overall == pytest.approx((0.9 + 0.4 + 0.5 + 1) / 4)
    assert TakeScores(np.nan, 0.1, 0.6, np.nan, 1).overall == 0


@pytest.mark.parametrize("sounds", [None, np.full((16, 8, 12), np.nan), np.zeros((16, 8, 12))])
def test_where_nothing_else_sounds_there_is_no_score_of_chords(sounds):
    (scores,) = score_takes([take(tune(), eighths(C_MAJOR))], [GAP], sounds)
    assert np.isnan([scores.chord_tones, scores.clashes]).all()
    assert np.isnan(scores.novelty)
    assert scores.overall == pytest.approx(np.mean([scores.seam_fit, 1]))


def test_a_phrase_that_was_trained_on_is_not_new_in_any_key_unless_the_piece_has_it():
    melody = tune()
    trained = tune(seed=1).phrases()[0][:2]
    moved, new = np.where(trained > 1, trained + 5, 0), eighths([60, 72]).reshape(2, 32)
    new[1] = new[0] + (new[0] > 1) * np.arange(32)  # two different phrases
    own = melody.phrases()[0][:2]
    contents = (trained, moved, new, np.concatenate([trained[:1], new[1:]]), own)
    known = phrase_hashes(np.concatenate([trained, own]))
    scores = score_takes([take(melody, tokens) for tokens in contents], [GAP], training_phrases=known)
    assert [score.novelty for score in scores] == [0, 0, 1, 0.5, 1]


def test_bars_with_leaps_are_counted_and_put_a_take_back():
    melody = tune()
    calm, one, bass = eighths([72]), eighths([72]), eighths([48])
    one[34] = 85 - 19  # up by 13 semitones and down again, in one bar
    takes = [take(melody, tokens) for tokens in (calm, one, bass, np.zeros(64, int))]
    scores = score_takes(takes, [GAP])
    before, after = (abs(int(melody.pitches[n]) - 48) > 12 for n in (63, 96))  # the notes on both sides
    assert [score.leaps for score in scores] == [0, 0.25, (before + after) / 4, 0]
    assert TakeScores(0.85, np.nan, np.nan, np.nan, 0.25).overall == pytest.approx(0.8)


def test_a_piece_too_short_to_compare_with_has_its_other_scores():
    melody = tune(bars=3)
    gap = Gap(32, 48, "3")
    known = phrase_hashes(melody.phrases()[0])
    (scores,) = score_takes([take(melody, eighths(C_MAJOR)[:16], gap)], [gap], training_phrases=known)
    assert np.isnan(scores.seam_fit)
    assert (scores.novelty, scores.overall) == (1, 1)


def test_the_best_is_first_and_near_duplicates_of_better_takes_are_dropped():
    melody = tune()
    nearly = eighths(C_MAJOR)
    nearly[2] += 1
    takes = [take(melody, tokens) for tokens in (eighths(C_MAJOR), nearly, eighths([60, 67]), eighths(C_MAJOR))]
    scores = [TakeScores(value, value, 0, np.nan, 0) for value in (0.5, 0.6, 0.9, 0.6)]
    order, duplicates = rank_takes(takes, scores, [GAP])
    assert order == [2, 1]  # 1 and 3 are equally good: the first of them stays
    assert duplicates == {3: (1, 31 / 33), 0: (1, 31 / 33)}


def test_takes_that_share_less_stay():
    melody = tune()
    other = eighths(C_MAJOR)
    other[::16] += 2  # 4 of 32 notes
    takes, scores = [take(melody, eighths(C_MAJOR)), take(melody, other)], [TakeScores(1, 1, 0, 1, 0)] * 2
    assert rank_takes(takes, scores, [GAP]) == ([0, 1], {})
