"""Note density and pitch range of generated pieces, beside real music."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_symdiff.evaluation.figures.style import generator_style, written_figure

_QUANTITIES = {"density": "note density (onsets per bar)", "range": "pitch range (semitones)"}


def plot_histograms(histograms: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]], path: str | Path) -> Any:
    """Draws how note density and pitch range spread over the pieces of each generator, and writes a PNG.

    Args:
        histograms: dict of str to dict, by generator, real music first: it is drawn as a filled area, the others as
            step lines. Each has `"density"` and `"range"`, tuples (bin_edges, counts) of arrays (B + 1,) and (B,).
            All generators should share their bins: counts are drawn as shares of a generator's pieces.
        path: path of the PNG.

    Returns:
        The matplotlib `Figure` that was written.

    Raises:
        OSError: if the file cannot be written.

    Example:
    ```python
    real = {"density": (np.arange(5), np.array([1, 4, 2, 1])), "range": (np.arange(0, 10, 2), np.array([0, 3, 2, 1]))}
    plot_histograms({"Real music": real, "Diffusion": real}, "histograms.png")
    ```
    """
    with written_figure(path, height=2.6) as figure:
        panels = figure.subplots(1, len(_QUANTITIES))
        for axes, (quantity, label) in zip(panels, _QUANTITIES.items(), strict=True):
            for index, (name, quantities) in enumerate(histograms.items()):
                edges, counts = quantities[quantity]
                shares = 100 * np.asarray(counts) / max(1, np.sum(counts))
                if index == 0:
                    look = {"fill": True, "facecolor": "0.82", "edgecolor": "0.35", "linewidth": 0.6}
                else:
                    look = {**generator_style(name), "linewidth": 1.3}
                axes.stairs(shares, edges, label=name, **look)
            axes.set_xlabel(label)
            axes.margins(x=0)
            axes.set_ylim(bottom=0)
        panels[0].set_ylabel("share of pieces (%)")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=min(5, len(histograms)))
    return figure
