"""Figure 3: how samples improve along the reverse process."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_symdiff.evaluation.figures.style import generator_style, written_figure

_COLUMNS, _ROW_HEIGHT = 3, 1.75  # panels, inches
_REAL_LINE = {"color": generator_style("real music")["color"], "linestyle": (0, (5, 2)), "linewidth": 1.0}


def plot_refinement(
    progress: Sequence[float] | np.ndarray,
    curves: Mapping[str, Sequence | np.ndarray],
    path: str | Path,
    real_music: dict[str, float] | None = None,
) -> Any:
    """Draws metrics of the states that a sampler passes through, one panel each, and writes a PNG.

    Args:
        progress: array (S,), per cent of the reverse process that are done: 0 is noise, 100 the sample.
        curves: dict of str to tuple (value, low, high) of arrays (S,), by the metric's name with its unit; drawn as a
            line and a band, a 95 % interval. NaN are left out.
        path: path of the PNG.
        real_music: optional dict of str to float, metrics of held-out music, a dashed line each.

    Returns:
        The matplotlib `Figure` that was written.

    Raises:
        ValueError: if there is no curve, or `real_music` has a metric without a curve.
        OSError: if the file cannot be written.

    Example:
    ```python
    curves = {"Pitch consistency": ([0.6, 0.8, 1.0], [0.5, 0.7, 0.9], [0.7, 0.9, 1.0])}
    plot_refinement([0, 50, 100], curves, "refinement.png", {"Pitch consistency": 1.0})
    ```

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), figure 3
    """
    real_music = real_music or {}
    if not curves or not set(real_music) <= set(curves):
        raise ValueError(
            f"There must be a curve for each metric. Received: curves={sorted(curves)}, real_music={sorted(real_music)}"
        )
    num_columns = min(_COLUMNS, len(curves))
    num_rows = -(-len(curves) // num_columns)
    color = generator_style("diffusion")["color"]
    with written_figure(path, height=_ROW_HEIGHT * num_rows + 0.4) as figure:
        grid = figure.subplots(num_rows, num_columns, sharex=True, squeeze=False)
        handles = {}
        for axes, (metric, curve) in zip(grid.flat, curves.items(), strict=False):
            value, low, high = np.asarray(curve, dtype=np.float64)
            (handles["diffusion"],) = axes.plot(progress, value, color=color)
            handles["95 % interval"] = axes.fill_between(progress, low, high, facecolor=color, alpha=0.22, linewidth=0)
            if metric in real_music:
                # A line from end to end rather than `axhline`, which the limits do not make room for.
                ends, level = (progress[0], progress[-1]), real_music[metric]
                (handles["held-out music"],) = axes.plot(ends, (level, level), **_REAL_LINE)
            axes.set_title(metric, loc="left")
            axes.margins(x=0)
        for axes in grid.flat[len(curves) :]:
            axes.set_axis_off()
        for axes in grid.flat[max(0, len(curves) - num_columns) : len(curves)]:  # the lowest of each column
            axes.set_xlabel("refinement (%)")
            axes.tick_params(labelbottom=True)
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=len(handles))
    return figure
