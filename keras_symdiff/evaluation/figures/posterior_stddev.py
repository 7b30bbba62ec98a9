"""Figure 5: which latent dimensions the encoder uses."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff.evaluation.figures.style import GAP_COLOR, generator_style, written_figure


def plot_posterior_stddev(
    mean_stddev: Float[np.ndarray, " Z"], threshold: float, kept_dims: Int[np.ndarray, " D"], path: str | Path
) -> Any:
    """Draws the mean posterior standard deviation of each latent dimension, in rising order, and writes a PNG.

    A dimension that the encoder does not use has the prior's standard deviation, 1.

    Args:
        mean_stddev: array (Z,), standard deviation of q(z | phrase) averaged over the training phrases.
        threshold: the dimensions below it were kept.
        kept_dims: int array (D,), indices of the kept dimensions in [0, Z).
        path: path of the PNG.

    Returns:
        The matplotlib `Figure` that was written.

    Raises:
        OSError: if the file cannot be written.

    Example:
    ```python
    plot_posterior_stddev(np.array([0.2, 1.0, 0.9]), 0.95, np.array([0, 2]), "posterior_stddev.png")
    ```

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), appendix C and figure 5
    """
    mean_stddev = np.asarray(mean_stddev, dtype=np.float64)
    order = np.argsort(mean_stddev, kind="stable")
    rank = np.arange(1, len(order) + 1)
    kept = np.isin(order, kept_dims)
    with written_figure(path, height=2.5) as figure:
        axes = figure.subplots()
        line = axes.axhline(threshold, color=GAP_COLOR, linestyle="--", linewidth=1.0, zorder=3)
        line.set_label(f"threshold {threshold:g}")
        for chosen, label, marker, color in (
            (kept, "kept", "o", generator_style("diffusion")["color"]),
            (~kept, "dropped", "x", "0.55"),
        ):
            axes.plot(
                rank[chosen],
                mean_stddev[order][chosen],
                linestyle="none",
                markersize=2.6,
                markeredgewidth=0.7,
                label=f"{label} ({chosen.sum()} dimensions)",
                marker=marker,
                color=color,
            )
        axes.set_xlabel("latent dimension, ordered by its standard deviation")
        axes.set_ylabel("mean posterior\nstandard deviation")
        axes.set_xlim(0, len(order) + 1)
        axes.set_ylim(0, 1.08 * max(threshold, mean_stddev.max()))
        figure.legend(loc="outside upper center", ncols=3)
    return figure
