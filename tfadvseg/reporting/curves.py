"""Curves of a run: losses and metrics by epoch."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from tfadvseg.reporting.canvas import (
    DISCRIMINATORS,
    NETWORK_COLOURS,
    network_colours,
    network_titles,
    new_figure,
    write_figure,
)
from tfadvseg.reporting.plotting import (
    FEW_POINTS,
    NORMAL,
    SMALL,
    STAGES,
    Row,
    draw_kept,
    draw_legend_on_top,
    dress_axes,
    epochs_of,
    fit_x_axis,
    kept_handle,
    points,
)

_D_COLOUR = "#404040"
_REAL_COLOUR, _FAKE_COLOUR = "#009E73", "#AA4499"
_SOURCE_COLOUR, _TARGET_COLOUR = _REAL_COLOUR, _FAKE_COLOUR
_CHANGE: dict[str, Any] = {"color": "0.55", "linewidth": 0.7}


@dataclass(frozen=True)
class _Curve:
    column: str
    network_colour: str

    @property
    def stage(self) -> str:
        return self.column.split("/")[0]

    @property
    def validated(self) -> str:
        """The network whose validation is shown, or an empty string."""
        stage, network, _ = self.column.split("/")
        return network if stage == "val" else ""

    @property
    def is_auxiliary(self) -> bool:
        """Whether it belongs to the level before the last (`methods.adaptation`)."""
        return "/aux_" in self.column

    @property
    def colour(self) -> str:
        return _paler(self.network_colour) if self.is_auxiliary else self.network_colour


@dataclass(frozen=True)
class _Panel:
    title: str
    curves: tuple[_Curve, ...]
    is_rate: bool = False  # a share of answers, from 0 to 1
    colour_names: tuple[tuple[str, str], ...] = ()  # for colours used only in this panel


def metrics_figure(
    history: Sequence[Row],
    path: str | Path,
    kept: Mapping[str, int] = MappingProxyType({}),
    best_metric: str = "",
    methods: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Draws the losses and metrics of a run by epoch, as far as they exist.

    The upper row shows the segmenters: segmentation loss and metrics in training and validation; a
    ring marks the best epoch. The lower row, if there is a D: S's adversarial loss, its weight if
    that follows from gradients (`--lambda_adv=ratio:...`), D's loss, D's accuracy on real and fake
    maps (or on source and target), and the rate at which S fools D. Curves of an auxiliary level
    are paler. Thin vertical lines mark changes of lambda_adv. If the largest loss is 20 times the
    smallest, the axis is logarithmic.

    Args:
        history: one row per epoch, as in `metrics.csv`; values may be missing or NaN.
        path: the PNG to write, atomically.
        kept: the epoch whose weights are kept, by segmenter.
        best_metric: the metric that chose this epoch; drawn in addition if it is not among the
            others.
        methods: the method that trains each segmenter, for the legend.

    Raises:
        ValueError: no row contains a value to draw.
    """
    columns = [
        name
        for name in dict.fromkeys(name for row in history for name in row)
        if points(history, name)[0].size
    ]
    colours = network_colours(columns)
    both = (_s_panels(columns, best_metric, colours), _d_panels(colours))
    rows = [_drawable(panels, columns) for panels in both]
    rows = [panels for panels in rows if panels]
    if not rows:
        raise ValueError("The history contains no metrics to draw.")
    figure = new_figure(8.6, 0.7 + 1.75 * len(rows), layout="constrained")
    grid = figure.add_gridspec(len(rows), math.lcm(*map(len, rows)))
    epochs = epochs_of(history)
    changes, lambdas = _lambda_changes(history)
    for index, panels in enumerate(rows):
        span = grid.ncols // len(panels)
        for place, panel in enumerate(panels):
            axes = figure.add_subplot(grid[index, place * span : (place + 1) * span])
            _draw_panel(axes, panel, history, kept)
            _dress_panel(axes, panel, epochs, changes)
            if index == len(rows) - 1:
                axes.set_xlabel("epoch", fontsize=NORMAL)
    every = [panel for panels in rows for panel in panels]
    _draw_legend(figure, every, len(epochs), lambdas, bool(kept), methods)
    write_figure(figure, path)


def _s_panels(columns: list[str], best_metric: str, colours: Mapping[str, str]) -> list[_Panel]:
    prefix = "val/segmenter/f1_"
    classes = [name.removeprefix(prefix) for name in columns if name.startswith(prefix)]
    metrics = [("miou", "mean IoU")]
    # Curves of more than two classes would hide the rest; only their mean is drawn.
    if len(classes) <= 2:
        metrics += [(f"f1_{name}", f"F1 of {name}") for name in classes]
    else:
        metrics += [("accuracy", "accuracy")]
    if best_metric not in ("loss_seg", *dict(metrics)):
        metrics += [(best_metric, textwrap.fill(best_metric.replace("_", " "), 30))]
    curves = _of_networks("loss_seg", ("train", "val"), colours)
    curves += _of_networks("aux_loss_seg", ("train",), colours)
    loss = _Panel("segmentation loss", curves)
    return [loss] + [
        _Panel(title, _of_networks(metric, ("train", "val"), colours)) for metric, title in metrics
    ]


def _of_networks(
    name: str, stages: tuple[str, ...], colours: Mapping[str, str]
) -> tuple[_Curve, ...]:
    return tuple(
        _Curve(f"{stage}/{network}/{name}", colour)
        for network, colour in colours.items()
        for stage in stages
    )


def _d_panels(colours: Mapping[str, str]) -> list[_Panel]:
    truth = (("real", _REAL_COLOUR), ("fake", _FAKE_COLOUR))
    domains = (("source", _SOURCE_COLOUR), ("target", _TARGET_COLOUR))
    loss_adv = _of_networks("loss_adv", ("train",), colours)
    loss_adv += _of_networks("aux_loss_adv", ("train",), colours)
    return [
        _Panel("adversarial loss of S", loss_adv),
        _Panel("its weight", _of_networks("lambda_adv", ("train",), colours)),
        _Panel("loss of D", _of_discriminators("loss_d", _D_COLOUR)),
        _accuracy_panel(truth),
        _accuracy_panel(domains),
        _Panel(
            "fooling rate of S",
            tuple(
                curve
                for stage in STAGES
                for curve in _of_discriminators("fooling_rate", NETWORK_COLOURS["segmenter"], stage)
            ),
            is_rate=True,
        ),
    ]


def _accuracy_panel(answers: tuple[tuple[str, str], ...]) -> _Panel:
    curves = [
        curve
        for kind, colour in answers
        for stage in STAGES
        for curve in _of_discriminators(f"accuracy_{kind}", colour, stage)
    ]
    return _Panel("accuracy of D", tuple(curves), is_rate=True, colour_names=answers)


def _of_discriminators(name: str, colour: str, stage: str = "train") -> tuple[_Curve, ...]:
    return tuple(_Curve(f"{stage}/{part}/{name}", colour) for part in DISCRIMINATORS)


def _drawable(panels: list[_Panel], columns: list[str]) -> list[_Panel]:
    """The panels and curves that have data."""
    kept = []
    for panel in panels:
        curves = tuple(curve for curve in panel.curves if curve.column in columns)
        if curves:
            kept.append(_Panel(panel.title, curves, panel.is_rate, panel.colour_names))
    return kept


def _lambda_changes(history: Sequence[Row]) -> tuple[np.ndarray, list[float]]:
    """Positions (halfway between epochs) where lambda_adv changes, and its successive values."""
    epochs, values = points(history, "lambda_adv")
    last = np.flatnonzero(np.diff(values))
    return (epochs[last] + epochs[last + 1]) / 2, [*values[last], *values[-1:]]


def _draw_panel(axes: Axes, panel: _Panel, history: Sequence[Row], kept: Mapping[str, int]) -> None:
    lowest, highest = math.inf, -math.inf
    for curve in panel.curves:
        epochs, values = points(history, curve.column)
        axes.plot(
            epochs,
            values,
            color=curve.colour,
            # Otherwise the frame would hide half of the rates 0 and 1.
            clip_on=not panel.is_rate,
            **_look(curve.stage, len(epochs)),
        )
        if curve.validated in kept:
            draw_kept(axes, history, curve.column, kept[curve.validated], curve.colour)
        lowest, highest = min(lowest, values.min()), max(highest, values.max())
    if panel.is_rate:
        axes.set_ylim(0, 1)
        axes.axhline(0.5, color="0.6", linewidth=0.6, linestyle="dotted", zorder=1)
    elif 0 < 20 * lowest < highest:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())


def _paler(colour: str) -> str:
    """The colour halfway to white."""
    red, green, blue = to_rgb(colour)
    return to_hex(((1 + red) / 2, (1 + green) / 2, (1 + blue) / 2))


def _look(stage: str, length: int) -> dict[str, Any]:
    """Style of a curve with that many points: validation stands out, single points are visible."""
    few = length <= FEW_POINTS
    validation = stage == "val"
    return {
        "linestyle": STAGES[stage][1],
        "linewidth": (1.3 if validation else 1.0) if few else 0.8,
        "marker": "o" if few else None,
        "markersize": 3 if validation else 2.5,
        "markerfacecolor": None if validation else "white",
        "markeredgewidth": 0.8,
        "zorder": 3 if validation else 2,
    }


def _dress_panel(axes: Axes, panel: _Panel, epochs: np.ndarray, changes: np.ndarray) -> None:
    axes.set_title(panel.title, fontsize=NORMAL, pad=16 if panel.colour_names else None)
    dress_axes(axes)
    fit_x_axis(axes, epochs)
    for epoch in changes:
        axes.axvline(epoch, zorder=1, **_CHANGE)
    if panel.colour_names:
        handles = [Line2D([], [], color=colour) for _, colour in panel.colour_names]
        names = [name for name, _ in panel.colour_names]
        # Above the curves, which may be anywhere between 0 and 1.
        axes.legend(
            handles,
            names,
            fontsize=SMALL,
            frameon=False,
            handlelength=1.2,
            ncols=len(names),
            loc="lower center",
            bbox_to_anchor=(0.5, 0.98),
            borderaxespad=0,
        )


def _draw_legend(
    figure: Figure,
    panels: list[_Panel],
    length: int,
    lambdas: list[float],
    with_kept: bool,
    methods: Mapping[str, str],
) -> None:
    """Draws one legend for all panels: the meaning of colours and line styles."""
    curves = [curve for panel in panels for curve in panel.curves]
    parts = {curve.column.split("/")[1] for curve in curves}
    colours = network_colours(curve.column for curve in curves)
    any_discriminator = not parts.isdisjoint(DISCRIMINATORS)
    titles = network_titles(colours, methods)
    handles = [Line2D([], [], color=colours[name], label=titles[name]) for name in colours]
    if any_discriminator:
        handles.append(Line2D([], [], color=_D_COLOUR, label="D"))
    if any(curve.is_auxiliary for curve in curves):
        handles.append(Line2D([], [], color=_paler("black"), label="auxiliary level (paler)"))
    stages = {curve.stage for curve in curves}
    handles += [
        Line2D([], [], color="black", label=name, **_look(stage, length))
        for stage, (name, _) in STAGES.items()
        if stage in stages
    ]
    if len(lambdas) > 1:
        values = [f"{value:g}" for value in lambdas]
        # A ramp takes a value an epoch.
        steps = " → ".join(values if len(values) < 6 else [values[0], "…", values[-1]])
        handles.append(Line2D([], [], label=rf"$\lambda_\mathrm{{adv}}$: {steps}", **_CHANGE))
    if with_kept:
        handles.append(kept_handle())
    draw_legend_on_top(figure, handles)
