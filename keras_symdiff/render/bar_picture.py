"""A picture in text of what is kept of a piece and what is composed."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from keras_symdiff import constants
from keras_symdiff.music.melody import Melody

_BARS_PER_ROW = 8
_KEPT, _REST, _COMPOSED = "=", ".", "#"


def draw_bars(melody: Melody, gaps: Sequence[Any], lines: Int[np.ndarray, " B"]) -> str:
    """Draws a melody and its gaps, one character per beat and eight bars per row.

    Args:
        melody: the melody.
        gaps: a list of `Gap`.
        lines: the steps at which bars begin and where the last one ends; see `Grid.bar_lines`.

    Returns:
        Several lines: a legend, and rows that begin with the number of their first bar.

    Example:
    ```text
    = kept   . kept rest   # composed
       1 |....|....|....|....|====|====|====|====|
       9 |====|==##|##==|====|
    ```
    """
    steps = np.full(lines[-1], _REST)
    for start, end in zip(melody.start_steps, melody.end_steps, strict=True):
        steps[start:end] = _KEPT
    for gap in gaps:
        steps[gap.first_step : gap.end_step] = _COMPOSED

    def draw(start, end):
        beats = (
            steps[at : min(at + constants.STEPS_PER_QUARTER, end)]
            for at in range(start, end, constants.STEPS_PER_QUARTER)
        )
        return "".join(next(mark for mark in (_COMPOSED, _KEPT, _REST) if mark in beat) for beat in beats)

    bars = [draw(start, end) for start, end in itertools.pairwise(lines)]
    rows = [
        f"{first + 1:4} |{'|'.join(bars[first : first + _BARS_PER_ROW])}|"
        for first in range(0, len(bars), _BARS_PER_ROW)
    ]
    return "\n".join([f"{_KEPT} kept   {_REST} kept rest   {_COMPOSED} composed", *rows])
