"""Figure 2: piano rolls of infilled pieces."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from keras_symdiff import constants
from keras_symdiff.evaluation.figures.style import GAP_COLOR, NOTE_EDGE, generator_style, written_figure
from keras_symdiff.music.melody import Melody
from keras_symdiff.render.piano_roll import draw_notes, set_pitch_axis

_ROW_HEIGHT = 0.95  # inches
_GIVEN = "0.2"


def plot_infills(
    rows: dict[str, Int[np.ndarray, "E L 32"]], keep_mask: Bool[np.ndarray, " L"], path: str | Path
) -> Any:
    """Draws the same pieces with their gap filled by several generators, one row each, and writes a PNG.

    The pieces stand side by side, named A, B, ..., and each has one pitch axis for all its rows. The gap has a dashed
    red frame; what is new in it has its generator's colour.

    Args:
        rows: dict of str to int array (E, L, 32), the tokens of E pieces by generator, from the top row down, the
            original music among them.
        keep_mask: bool array (L,), True for a given phrase.
        path: path of the PNG.

    Returns:
        The matplotlib `Figure` that was written; its axes go row by row.

    Raises:
        ValueError: if the rows are not of one shape, or `keep_mask` does not fit them.
        OSError: if the file cannot be written.

    Example:
    ```python
    keep_mask = np.ones(32, bool)
    keep_mask[8:24] = False
    plot_infills({"Original": tokens[:2], "Diffusion": tokens[2:4]}, keep_mask, "infills.png")
    ```

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), figures 2 and 11
    """
    from matplotlib.patches import Rectangle

    keep_mask = np.asarray(keep_mask, dtype=bool)
    shapes = {name: np.shape(tokens) for name, tokens in rows.items()}
    if len(set(shapes.values())) != 1 or next(iter(shapes.values()))[1:2] != keep_mask.shape:
        raise ValueError(
            "All rows must have one shape (E, L, 32), and the mask (L,). "
            f"Received: rows={shapes}, keep_mask of shape {keep_mask.shape}"
        )
    num_pieces, num_phrases = next(iter(shapes.values()))[:2]
    end_bar = 1 + num_phrases * constants.BARS_PER_PHRASE
    borders = np.flatnonzero(np.diff(keep_mask, prepend=True, append=True)).reshape(-1, 2)  # first, end of each gap
    with written_figure(path, height=_ROW_HEIGHT * len(rows) + 0.5) as figure:
        grid = figure.subplots(len(rows), num_pieces, sharex=True, sharey="col", squeeze=False)
        melodies = [[Melody.from_phrases(piece) for piece in tokens] for tokens in rows.values()]
        for name, line, row in zip(rows, melodies, grid, strict=True):
            row[0].set_ylabel(name)
            for melody, axes in zip(line, row, strict=True):
                given = keep_mask[melody.start_steps // constants.PHRASE_STEPS]
                draw_notes(axes, melody, np.where(given, _GIVEN, generator_style(name)["color"]), NOTE_EDGE)
                for first, end in borders * constants.BARS_PER_PHRASE + 1:
                    # Heights in parts of the axes: the frame stands clear of the axis lines.
                    frame = Rectangle((first, 0.02), end - first, 0.96, transform=axes.get_xaxis_transform())
                    frame.set(fill=False, edgecolor=GAP_COLOR, linestyle="--", linewidth=1.1, zorder=4)
                    axes.add_patch(frame)
        for index, (axes, column) in enumerate(zip(grid[0], zip(*melodies, strict=True), strict=True)):
            axes.set_title(chr(ord("A") + index), loc="left", fontweight="bold")
            set_pitch_axis(axes, column, max_labels=5)
            axes.set_xticks(np.arange(1, end_bar, 8))
            axes.set_xlim(1, end_bar)
        figure.supxlabel("bar", fontsize="medium")
        figure.supylabel("pitch", fontsize="medium")
    return figure
