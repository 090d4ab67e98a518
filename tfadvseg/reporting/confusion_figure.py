"""Figure of a confusion matrix: which classes are confused with which."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from tfadvseg.reporting.canvas import new_figure, write_figure

_COLOURS = LinearSegmentedColormap.from_list("shares", ("white", "#0072B2"))
"""From white to the blue that stands for S in all figures."""

_WHITE_TEXT_FROM = 0.6
_NORMAL = 8
_LETTER = 0.07
"""Inches per letter of a name, rounded up."""

_MOST_WRITTEN = 30
"""Maximum number of classes for which cells contain numbers; beyond, only colours are shown."""


def confusion_figure(confusion: np.ndarray, class_names: Sequence[str], path: str | Path) -> None:
    """Draws a confusion matrix, each row normalised to its class's pixels.

    A cell shows the share of the row's true class that was predicted as the column's class, in
    percent and as a colour, and the number of these pixels; the diagonal is the recall. Next to
    each name is the number of true pixels of the class; a class without any has an empty row.

    Args:
        confusion: [K,K] counts, rows true and columns predicted classes
            (`evaluation.confusion.confusion_matrix`).
        class_names: K names. With more than 30 classes cells are small and contain no numbers.
        path: the PNG to write, atomically.

    Raises:
        ValueError: `confusion` is not [K,K].
    """
    classes = len(class_names)
    confusion = np.asarray(confusion)
    if confusion.shape != (classes, classes):
        raise ValueError(f"confusion has shape {confusion.shape} for {classes} classes.")
    totals = confusion.sum(axis=1)
    shares = confusion / np.maximum(totals, 1)[:, np.newaxis]
    names = [name.replace("_", " ") for name in class_names]
    many, written = classes > 6, classes <= _MOST_WRITTEN
    cell = (0.5 if many else 0.8) if written else 0.1
    figure, axes, bar_axes = _new_axes(classes, names, cell, upright=many)
    empty = np.broadcast_to(totals[:, np.newaxis] == 0, shares.shape)
    axes.set_facecolor("0.95")  # visible in empty rows
    picture = axes.imshow(np.ma.masked_array(shares, empty), cmap=_COLOURS, vmin=0, vmax=1)
    if written:
        _write_cells(axes, confusion, shares, totals, size=6.5 if many else _NORMAL)
    size, between = (_NORMAL, "\n") if written else (5, " ")
    rows = [f"{name}{between}{_short(total)}" for name, total in zip(names, totals, strict=True)]
    axes.set_yticks(range(classes), rows, fontsize=size)
    axes.set_xticks(range(classes), names, fontsize=size, rotation=90 if many else 0)
    _dress_axes(axes, classes)
    bar = figure.colorbar(picture, cax=bar_axes)
    bar.set_label("share of the true class", fontsize=_NORMAL)
    bar.set_ticks([0, 0.5, 1], labels=["0 %", "50 %", "100 %"])
    bar.ax.tick_params(labelsize=_NORMAL - 1, length=2.5, width=0.6)
    bar.outline.set_visible(False)
    write_figure(figure, path)


def _new_axes(
    classes: int, names: Sequence[str], cell: float, upright: bool
) -> tuple[Figure, Axes, Axes]:
    """A figure with room for the names: axes of square cells, in inches, and of the colour bar."""
    longest = _LETTER * max(len(name) for name in names)
    cell = cell if upright else max(cell, longest + 0.1)
    left, right, top = 0.4 + max(longest, 0.4), 1.0, 0.1
    bottom = 0.4 + (longest if upright else 0.1)
    side = cell * classes
    width, height = left + side + right, bottom + side + top
    figure = new_figure(width, height)
    axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
    bar_left, bar_height = (left + side + 0.12) / width, min(0.9 * side, 4.0) / height
    bar_bottom = bottom / height + (side / height - bar_height) / 2
    return figure, axes, figure.add_axes((bar_left, bar_bottom, 0.1 / width, bar_height))


def _dress_axes(axes: Axes, classes: int) -> None:
    axes.set_xlabel("predicted class", fontsize=_NORMAL)
    axes.set_ylabel("true class, pixels", fontsize=_NORMAL)
    edges = np.arange(classes + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_linewidth(0.6)
        spine.set_color("0.85")


def _write_cells(
    axes: Axes, confusion: np.ndarray, shares: np.ndarray, totals: np.ndarray, size: float
) -> None:
    for row, column in np.ndindex(*confusion.shape):
        if totals[row] == 0:
            continue
        count, share = confusion[row, column], shares[row, column]
        colour = "white" if share >= _WHITE_TEXT_FROM else "0.15" if count else "0.65"
        place = "bottom" if count else "center"
        percent = _percent(share, bool(count))
        axes.text(column, row, percent, fontsize=size, ha="center", va=place, color=colour)
        if count:
            at, text = row + 0.04, _short(count)
            axes.text(column, at, text, fontsize=size - 1.5, ha="center", va="top", color=colour)


def _percent(share: float, any_pixel: bool) -> str:
    """A share in percent; only exact shares are printed as 0 or 100."""
    if not any_pixel:
        return "0"
    if share < 0.0005:
        return "<0.1"
    if 0.9995 <= share < 1:
        return ">99.9"
    return "100" if share == 1 else f"{100 * share:.1f}"


def _short(count: int) -> str:
    """A count in about three digits: 812, 1.23k, 45.6M, 7G."""
    value = float(count)
    for unit in ("", "k", "M", "G"):
        if value < 999.5 or unit == "G":
            break
        value /= 1000
    return f"{value:.0f}{unit}" if value >= 99.95 or not unit else f"{value:.3g}{unit}"
