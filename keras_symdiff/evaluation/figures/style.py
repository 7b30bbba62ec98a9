"""What the figures of a report share: sizes, colours, and how they are written."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_symdiff.write_atomically import write_atomically

WIDTH = 7.0  # inches, a page's text width, so that the fonts are printed at the sizes below
NOTE_EDGE = 0.2  # points; a sixteenth note is half a point wide
GAP_COLOR = "#c00000"  # the paper's red box, dark enough to be seen in grey
_PALETTE = 64  # colours
_SETTINGS = {
    "svg.hashsalt": "keras_symdiff",  # the same drawing gives the same names of its parts
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "figure.titlesize": 9,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 2.6,  # room for a whole period of the dashes
    "lines.linewidth": 1.4,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "0.88",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
}
# Okabe and Ito's colour-blind safe palette. Dashes tell the lines apart in grey. The first word found in a name counts.
_STYLES = {
    "diffusion": ("#0072b2", "-"),
    "mdn": ("#d55e00", (0, (5, 1.5))),
    "autoregress": ("#d55e00", (0, (5, 1.5))),
    "interpolation": ("#009e73", (0, (3, 1, 1, 1))),
    "prior": ("#b0568c", (0, (1, 1))),  # the palette's purple, darker: notes a pixel wide must show on white
    "shuffle": ("#56b4e9", (0, (7, 2))),
    "copied": ("#8c6d1f", (0, (2, 2))),
    "loop": ("#e69f00", (0, (4, 1, 1, 1, 1, 1))),
    "another": ("#7a4fb5", (0, (1, 2))),
    "train": ("0.45", "-"),
}
_REAL = ("0.15", "-")


def generator_style(name: str) -> dict[str, Any]:
    """Finds how a generator is drawn, the same in each figure.

    Args:
        name: a generator's name, e.g. `"Diffusion"` or `"Gaussian prior"`; case does not matter.

    Returns:
        Dict with matplotlib's `color` and `linestyle`; those of real music where the name says no generator.
    """
    color, linestyle = next((style for word, style in _STYLES.items() if word in name.lower()), _REAL)
    return {"color": color, "linestyle": linestyle}


@contextlib.contextmanager
def written_figure(path: str | Path, height: float) -> Iterator[Any]:
    """Gives an empty figure to draw on, and writes it as PNG at the end, and as SVG beside it.

    The same drawing gives the same bytes: no date is kept, and the reader's own matplotlib settings do not count.

    Args:
        path: path of the PNG.
        height: inches.

    Yields:
        A matplotlib `Figure`, `WIDTH` inches wide.

    Raises:
        OSError: if the file cannot be written.
    """
    # The figure object alone: pyplot would keep every figure and pick a window system.
    from matplotlib import style
    from matplotlib.figure import Figure
    from PIL import Image

    with style.context(["default", _SETTINGS]):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        yield figure
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=300)
        drawing = io.BytesIO()
        figure.savefig(drawing, format="svg", metadata={"Date": None})
    # A palette of what the figure's few colours and their smoothed edges need makes the file three times smaller.
    packed = io.BytesIO()
    Image.open(picture).convert("RGB").quantize(_PALETTE, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
    write_atomically(path, packed.getvalue())
    write_atomically(Path(path).with_suffix(".svg"), drawing.getvalue())
