import numpy as np
import pytest

from keras_symdiff.infilling.gaps import Gap
from keras_symdiff.infilling.layout import Layout
from keras_symdiff.music.melody import Melody

SIGNATURES = {
    "4/4": (),
    "pickup": ((0, 1, 4), (4, 4, 4)),
    "2/4": ((0, 2, 4),),
    "long bars later": ((0, 4, 4), (160, 12, 8)),
    "long bars before": ((0, 12, 8), (72, 4, 4)),
    "shared bars before": ((0, 2, 4), (72, 4, 4)),
    "three metres": ((0, 3, 4), (36, 2, 4), (92, 5, 4)),
}


@pytest.mark.parametrize("signatures", SIGNATURES.values(), ids=SIGNATURES)
@pytest.mark.parametrize("first_note", [0, 100])
@pytest.mark.parametrize("begin", [None, 1, 2, 5, 8, 11, 14])
def test_a_phrase_begins_with_a_bar_and_bars_of_other_metres_stay_in_their_phrases(signatures, first_note, begin):
    starts = np.arange(first_note, 400, 4)
    melody = Melody(np.full(len(starts), 60), starts, starts + 4, time_signatures=signatures)
    grid, bar = melody.grid, 4 if begin is None else begin
    steps = Layout.of(melody, [Gap(grid.bar_step(bar), grid.bar_step(bar + 2), "")], begin).steps.reshape(-1)
    real = steps[steps >= 0]
    np.testing.assert_array_equal(real, np.arange(real[0], real[-1] + 1))
    assert (real[0] <= min(first_note, grid.bar_step(bar)), real[-1] >= 399) == (True, True)
    first = melody.first_bar if begin is None else begin
    for bar in range(grid.bar_of(int(real[0])), grid.bar_of(399) + 1):
        step = grid.bar_step(bar)
        size = grid.metre_of(step).bar_steps
        (place,) = np.flatnonzero(steps == step)
        if bar or not grid.pickup_steps:  # which ends a half
            assert place % (32 if size > 16 or bar == first else 16 if size > 8 else 8) == 0, bar + 1
