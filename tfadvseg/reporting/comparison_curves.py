"""One metric of several runs, or of several seeds of each, over their updates."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tfadvseg.reporting.canvas import new_figure, write_figure
from tfadvseg.reporting.plotting import (
    FEW_POINTS,
    NORMAL,
    RUN_COLOURS,
    Row,
    column_values,
    draw_legend_on_top,
    dress_axes,
    fit_x_axis,
)

_MARKERS = ("o", "s", "^", "D", "v", "P")


def comparison_figure(
    runs: Mapping[str, Sequence[Sequence[Row]]],
    metric_column: str,
    path: str | Path,
    title: str,
) -> None:
    """Draws a metric by update, one curve per name; several seeds are a mean and thin curves.

    Curves bridge rows without a value; the mean is over updates at which all seeds have a value.

    Args:
        runs: by the name in the legend, seeds, each a sequence of rows as in `metrics.csv`; rows
            with a value have `update`. Up to six names have distinct colours.
        metric_column: column of the rows, such as `val/segmenter/miou`.
        path: the PNG to write, atomically.
        title: name of the metric, above the curves.

    Raises:
        ValueError: there are no runs, a run has no value to draw, or the seeds of a name have no
            common update.
    """
    if not runs:
        raise ValueError("There are no runs to compare.")
    curves = {
        name: [_points(rows, metric_column) for rows in seeds] for name, seeds in runs.items()
    }
    means = {name: _mean(seeds) for name, seeds in curves.items()}
    for name, seeds in curves.items():
        if not all(updates.size for updates, _ in seeds):
            raise ValueError(f"{name} has no {metric_column} at any update.")
        if not means[name][0].size:
            raise ValueError(f"{name} has no {metric_column} at an update that its seeds share.")
    figure = new_figure(4.6, 2.9, "constrained")
    axes = figure.subplots()
    lines = [
        _draw(axes, index, name, curves[name], means[name]) for index, name in enumerate(curves)
    ]
    dress_axes(axes)
    fit_x_axis(axes, np.concatenate([updates for seeds in curves.values() for updates, _ in seeds]))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("update", fontsize=NORMAL)
    axes.set_title(title, fontsize=NORMAL)
    draw_legend_on_top(figure, lines)
    write_figure(figure, path)


_Points = tuple[np.ndarray, np.ndarray]


def _draw(axes: Axes, index: int, name: str, seeds: list[_Points], mean: _Points) -> Line2D:
    """Draws the curves of a name; returns the one for the legend."""
    colour = RUN_COLOURS[index % len(RUN_COLOURS)]
    if len(seeds) > 1:
        for updates, values in seeds:
            axes.plot(updates, values, color=colour, linewidth=0.6, alpha=0.4, zorder=1.5)
    (line,) = axes.plot(
        *mean,
        label=name if len(seeds) == 1 else f"{name} ({len(seeds)} seeds)",
        color=colour,
        linewidth=1.3,
        marker=_MARKERS[index % len(_MARKERS)] if len(mean[0]) <= FEW_POINTS else None,
        markersize=3,
    )
    return line


def _mean(seeds: list[_Points]) -> _Points:
    """Mean over seeds at the updates that all of them have."""
    common = functools.reduce(np.intersect1d, [updates for updates, _ in seeds])
    return common, np.mean([values[np.isin(updates, common)] for updates, values in seeds], axis=0)


def _points(rows: Sequence[Row], column: str) -> _Points:
    """Updates and values where both are finite."""
    updates, values = column_values(rows, "update"), column_values(rows, column)
    finite = np.isfinite(updates) & np.isfinite(values)
    return updates[finite], values[finite]
