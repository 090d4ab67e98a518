"""Code shared by plots: points of a history, font sizes, colours and the style of axes."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from tfadvseg.reporting.canvas import NETWORK_COLOURS

Row = Mapping[str, float | None]
"""A row of `metrics.csv`; values may be missing or NaN."""

STAGES: dict[str, tuple[str, Literal["dashed", "solid"]]] = {
    "train": ("training", "dashed"),
    "val": ("validation", "solid"),
}
"""Name of each stage and the style of its curves."""

RUN_COLOURS = (
    NETWORK_COLOURS["standard"],
    NETWORK_COLOURS["segmenter"],
    "#009E73",
    "#AA4499",
    "#E69F00",
    "#56B4E9",
)
"""Colours of compared runs, in order: usually S alone, then S against D, then others."""

FEW_POINTS = 30
"""Curves with up to this many points have markers."""

SMALL, NORMAL = 7, 8
"""Font sizes."""

_KEPT: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 7,
    "markerfacecolor": "none",
    "markeredgewidth": 1,
    "zorder": 5,
}


def column_values(history: Sequence[Row], column: str) -> np.ndarray:
    """Values of a column, float64 [rows]; NaN if a row has no value."""
    return np.array([row.get(column) for row in history], np.float64)  # None becomes NaN


def epochs_of(history: Sequence[Row]) -> np.ndarray:
    """Epochs, float64 [rows]; rows without an epoch are counted from 1."""
    numbers = column_values(history, "epoch")
    return np.where(np.isnan(numbers), np.arange(1, len(numbers) + 1), numbers)


def points(history: Sequence[Row], column: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs and values where the value is finite; curves bridge the others."""
    values = column_values(history, column)
    finite = np.isfinite(values)
    return epochs_of(history)[finite], values[finite]


def dress_axes(axes: Axes) -> None:
    """Applies the common style: light grid behind the data, small ticks, left and bottom frame."""
    axes.tick_params(which="both", labelsize=SMALL, length=2.5, width=0.6)
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_linewidth(0.6)


def fit_x_axis(axes: Axes, counts: np.ndarray) -> None:
    """Sets the x axis to span epochs or updates with a margin, with ticks at whole numbers."""
    margin = max(0.03 * (counts.max() - counts.min()), 0.4)
    axes.set_xlim(counts.min() - margin, counts.max() + margin)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))


def draw_kept(axes: Axes, history: Sequence[Row], column: str, epoch: int, colour: str) -> None:
    """Draws a ring around a curve's value at the epoch whose weights are kept."""
    epochs, values = points(history, column)
    here = epochs == epoch
    if here.any():  # the layout takes empty lines to lie at (0, 0)
        axes.plot(epochs[here], values[here], color=colour, clip_on=False, **_KEPT)


def kept_handle() -> Line2D:
    """Legend entry for the rings of `draw_kept`."""
    return Line2D([], [], color="black", label="kept", **_KEPT)


def draw_legend_on_top(figure: Figure, handles: Sequence[Artist]) -> None:
    """Draws one legend for all axes of a figure, above them, in as few lines as possible."""
    # In points: a letter is about 0.6 of the font size wide, a handle with margins 6 of it.
    widest = max(NORMAL * (6 + 0.6 * len(str(handle.get_label()))) for handle in handles)
    columns = max(int(72 * figure.get_figwidth() / widest), 1)
    lines = -(-len(handles) // columns)
    figure.legend(
        handles=list(handles),
        loc="outside upper center",
        ncols=-(-len(handles) // lines),
        fontsize=NORMAL,
        frameon=False,
        handlelength=2.6,
    )
