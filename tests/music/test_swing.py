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


@pytest.mark.parametrize(
    "onsets",
    [
        pairs(0.5),
        pairs(0.515),  # no more than players do
        pairs(0.75),  # a dotted rhythm
        pairs(0.5, 0.5),
        pairs(2 / 3)[:20],  # too few to tell
        np.concatenate([pairs(0.5), pairs(2 / 3)]),
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
