"""IoU of every class for several methods."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from tfadvseg.reporting.canvas import new_figure, write_figure
from tfadvseg.reporting.plotting import (
    NORMAL,
    RUN_COLOURS,
    SMALL,
    Row,
    draw_legend_on_top,
    dress_axes,
)

_BAR = 0.1  # inches, height of a bar
_GAP = 0.1  # inches between classes


def iou_bars_figure(
    rows: Mapping[str, Row],
    class_names: Sequence[str],
    path: str | Path,
    errors: Mapping[str, Row] | None = None,
) -> None:
    """Draws horizontal bars, one group per class and one bar per method; the mean is at the top.

    Where a method has no IoU for a class (missing or NaN), the word `absent` replaces the bar.
    Means are printed as numbers.

    Args:
        rows: by the method's name in the legend, `miou` and `iou_<class>` in [0,1]
            (`evaluation.confusion.segmentation_metrics`).
        class_names: the classes to draw, from top to bottom.
        path: the PNG to write, atomically.
        errors: by method, lengths of error bars to either side, under the same names, for instance
            the standard deviation over seeds. Missing or NaN draws none.

    Raises:
        ValueError: there is no IoU to draw, or `errors` names a method that `rows` lacks.
    """
    errors = errors or {}
    if unknown := errors.keys() - rows.keys():
        raise ValueError(f"errors of {', '.join(sorted(unknown))}, which rows does not contain.")
    metrics = ["miou", *(f"iou_{name}" for name in class_names)]
    if not any(math.isfinite(_value(row, name)) for row in rows.values() for name in metrics):
        raise ValueError("No method has an IoU to draw.")
    pitch = len(rows) * _BAR + _GAP
    figure = new_figure(4.8, 0.75 + pitch * len(metrics), "constrained")
    axes = figure.subplots()
    centres = [pitch * index for index in range(len(metrics))]
    handles = []
    for index, (method, row) in enumerate(rows.items()):
        colour = RUN_COLOURS[index % len(RUN_COLOURS)]
        handles.append(Patch(facecolor=colour, label=method))
        for metric, centre in zip(metrics, centres, strict=True):
            at = centre + _BAR * (index - (len(rows) - 1) / 2)
            error = _value(errors.get(method, {}), metric)
            _draw_bar(axes, at, _value(row, metric), error, colour, written=metric == "miou")
    dress_axes(axes)
    axes.grid(visible=False, axis="y")
    axes.axhline(pitch / 2, color="0.55", linewidth=0.6)
    axes.set_xlim(0, 1)
    axes.set_ylim(centres[-1] + pitch / 2, -pitch / 2)
    names = ["mean", *(name.replace("_", " ") for name in class_names)]
    axes.set_yticks(centres, names, fontsize=NORMAL)
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("IoU", fontsize=NORMAL)
    draw_legend_on_top(figure, handles)
    write_figure(figure, path)


def _value(row: Row, name: str) -> float:
    value = row.get(name)
    return math.nan if value is None else value


def _draw_bar(
    axes: Axes, at: float, value: float, error: float, colour: str, written: bool
) -> None:
    if not math.isfinite(value):
        axes.text(0.006, at, "absent", fontsize=SMALL - 2, color="0.45", va="center_baseline")
        return
    axes.barh(at, value, height=0.85 * _BAR, color=colour)
    end, text = value, f"{value:.3f}"
    if math.isfinite(error):
        axes.errorbar(value, at, xerr=error, fmt="none", ecolor="0.15", elinewidth=0.7, capsize=1.2)
        end, text = value + error, f"{text} ± {error:.3f}"
    if written:
        axes.text(end + 0.012, at, text, fontsize=SMALL - 1, va="center_baseline")
