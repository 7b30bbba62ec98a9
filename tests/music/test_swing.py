import numpy as np
import pytest

from keras_symdiff.music.swing import NO_SWING, estimate_swing

BEATS = np.arange(64.0)


def pairs(ratio, length=1.0):
    return np.stack([BEATS, BEATS + ratio], axis=1).reshape(-1) * length


@pytest.mark.parametrize("ratio", [0.55, 0.6, 2 / 3])
def test_swung_eighths_and_sixteenths(ratio):
    dice = np.random.default_rng(0)
    for late in (0, -0.09, 0.1):  # a performance is early or late as a whole
        played = pairs(ratio) + dice.normal(0, 0.01, 128) + late
        assert estimate_swing([played]).ratio == pytest.approx(ratio, abs=0.01)
    sixteenths = estimate_swing([pairs(ratio, 0.5)])
    assert (sixteenths.ratio, sixteenths.steps) == (pytest.approx(ratio), 2)


def swing(straight, ratio):
    """Straight onsets with their off-beat eighths moved to a ratio, and what lies between with them."""
    beat, place = np.divmod(straight, 1)
    return beat + np.where(place < 0.5, place * 2 * ratio, ratio + (place - 0.5) * 2 * (1 - ratio))


DOTTED = np.concatenate([BEATS, BEATS + 0.75, BEATS[:14] + 0.5])
SIXTEENTHS = np.arange(256) / 4


@pytest.mark.parametrize("ratio", [0.58, 0.62, 2 / 3])
@pytest.mark.parametrize(
    "tracks",
    [
        [DOTTED],
        [SIXTEENTHS],
        [DOTTED, SIXTEENTHS[:40] + 0.02],  # a band whose players are late by themselves
        [pairs(0.5), np.arange(320) / 5],  # with quintuplets
        [pairs(0.5)[:20], pairs(0.5)[20:40]],  # enough together
    ],
)
def test_songs_swing_whatever_their_rhythms(tracks, ratio):
    found = estimate_swing([swing(track, ratio) for track in tracks])
    assert (found.steps, found.triplets) == (4, False)
    assert found.ratio == pytest.approx(ratio, abs=0.02)
    assert estimate_swing(tracks) == NO_SWING


@pytest.mark.parametrize(
    "onsets",
    [
        pairs(0.5),
        pairs(0.515),  # no more than players do
        pairs(0.75),  # a dotted rhythm
        pairs(0.5, 0.5),
        pairs(2 / 3)[:20],  # too few to tell
        np.concatenate([pairs(0.5), pairs(2 / 3)]),
        np.concatenate([BEATS, np.arange(36) * 2 / 3]),  # some triplets of halves
        np.concatenate([BEATS + 0.17, BEATS + 0.67]),  # eighths too late to know where beats are
        np.concatenate([BEATS, BEATS[:24] + 0.58, BEATS + 0.29, BEATS + 0.79]),  # a sixteenth too late
        np.concatenate([BEATS, BEATS[:5] + 1 / 3, BEATS[:5] + 2 / 3, BEATS[:8] + 0.5]),
    ],
)
def test_what_is_straight_stays_so(onsets):
    assert estimate_swing([onsets]) == NO_SWING


def test_triplets():
    thirds = np.concatenate([BEATS, BEATS + 1 / 3, BEATS + 2 / 3])
    assert estimate_swing([thirds]).triplets
    # One that sings straight eighths above them, or swings with them.
    assert estimate_swing([thirds, pairs(0.5)]) == NO_SWING
    both = estimate_swing([thirds, pairs(2 / 3)])
    assert (both.triplets, both.steps) == (False, 4)
    assert both.ratio == pytest.approx(2 / 3)
    assert estimate_swing([]) == NO_SWING
