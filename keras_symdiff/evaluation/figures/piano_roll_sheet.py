"""Figures 6 to 10: a sheet of small piano rolls."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from keras_symdiff.evaluation.figures.style import NOTE_EDGE, generator_style, written_figure
from keras_symdiff.music.melody import Melody
from keras_symdiff.render.piano_roll import draw_notes, set_pitch_axis

_COLUMNS, _ROW_HEIGHT = 2, 0.85  # pieces, inches


def plot_piano_roll_sheet(tokens: Int[np.ndarray, "P L 32"], path: str | Path, title: str) -> Any:
    """Draws pieces of one generator as small piano rolls, two beside each other, and writes a PNG.

    All share their axes. The number in a roll's upper right corner is the piece's index.

    Args:
        tokens: int array (P, L, 32), e.g. 16 pieces, which fill a page.
        path: path of the PNG.
        title: the generator's name; it chooses the colour too.

    Returns:
        The matplotlib `Figure` that was written.

    Raises:
        ValueError: if there is no piece.
        OSError: if the file cannot be written.

    Example:
    ```python
    plot_piano_roll_sheet(tokens[:16], "prior.png", "Prior")
    ```

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), figures 6 to 10
    """
    melodies = [Melody.from_phrases(piece) for piece in tokens]
    if not melodies:
        raise ValueError(f"A sheet needs at least one piece. Received: tokens of shape {np.shape(tokens)}")
    num_rows = -(-len(melodies) // _COLUMNS)
    end_bar = 1 + max(melody.num_bars for melody in melodies)
    with written_figure(path, height=_ROW_HEIGHT * num_rows + 0.6) as figure:
        grid = figure.subplots(num_rows, _COLUMNS, sharex=True, sharey=True, squeeze=False)
        for index, (axes, melody) in enumerate(zip(grid.flat, melodies, strict=False)):
            draw_notes(axes, melody, generator_style(title)["color"], NOTE_EDGE)
            # Beside the roll rather than in it, where it would cover notes.
            axes.annotate(str(index), (1, 1), (2, 0), "axes fraction", "offset points", va="top", fontsize="small")
        for axes in grid.flat[len(melodies) :]:
            axes.set_axis_off()
        for axes in grid.flat[max(0, len(melodies) - _COLUMNS) : len(melodies)]:  # the lowest of each column
            axes.tick_params(labelbottom=True)
        set_pitch_axis(grid[0, 0], melodies, max_labels=5)
        grid[0, 0].set_xticks(np.arange(1, end_bar, 8))
        grid[0, 0].set_xlim(1, end_bar)
        figure.suptitle(title)
        figure.supxlabel("bar", fontsize="medium")
        figure.supylabel("pitch", fontsize="medium")
    return figure
