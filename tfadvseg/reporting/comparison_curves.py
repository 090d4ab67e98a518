"""One metric of several runs over their updates."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

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
    runs: Mapping[str, Sequence[Row]], metric_column: str, path: str | Path, title: str
) -> None:
    """Draws a metric of several runs by update, a curve a run.

    Curves bridge rows without a value.

    Args:
        runs: by the name in the legend, rows as in `metrics.csv`; those with a value have `update`.
            Up to six have colours of their own.
        metric_column: of each run's rows, such as `val/segmenter/miou`.
        path: the PNG to write, whole or not at all.
        title: what the metric is, written above the curves.

    Raises:
        ValueError: there are no runs, or a run has no value to draw.
    """
    if not runs:
        raise ValueError("There are no runs to compare.")
    curves = {name: _points(rows, metric_column) for name, rows in runs.items()}
    for name, (updates, _) in curves.items():
        if not updates.size:
            raise ValueError(f"{name} has no {metric_column} at any update.")
    figure = new_figure(4.6, 2.9, "constrained")
    axes = figure.subplots()
    lines = []
    for index, (name, (updates, values)) in enumerate(curves.items()):
        lines += axes.plot(
            updates,
            values,
            label=name,
            color=RUN_COLOURS[index % len(RUN_COLOURS)],
            linewidth=1.3,
            marker=_MARKERS[index % len(_MARKERS)] if len(updates) <= FEW_POINTS else None,
            markersize=3,
        )
    dress_axes(axes)
    fit_x_axis(axes, np.concatenate([updates for updates, _ in curves.values()]))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("update", fontsize=NORMAL)
    axes.set_title(title, fontsize=NORMAL)
    draw_legend_on_top(figure, lines)
    write_figure(figure, path)


def _points(rows: Sequence[Row], column: str) -> tuple[np.ndarray, np.ndarray]:
    """Updates and values where both are finite."""
    updates, values = column_values(rows, "update"), column_values(rows, column)
    finite = np.isfinite(updates) & np.isfinite(values)
    return updates[finite], values[finite]
