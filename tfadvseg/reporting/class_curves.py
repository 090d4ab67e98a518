"""Curves of a run, class by class: IoU by epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from tfadvseg.reporting.canvas import network_names, new_figure, write_figure

Row = Mapping[str, float | None]

_NETWORKS = ("segmenter", "standard")
_STAGES: dict[str, tuple[str, Literal["dashed", "solid"]]] = {
    "train": ("training", "dashed"),
    "val": ("validation", "solid"),
}
_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#AA4499",
    "#E69F00",
    "#56B4E9",
    "#882255",
    "#999933",
    "#332288",
    "#404040",
)
"""Of Okabe and Ito's and of Tol's palettes, told apart also by the colour-blind."""

_MARKERS = ("o", "^", "s", "D")
"""A colour's second class has another marker, and so on."""

_MEAN: dict[str, Any] = {"color": "black", "linewidth": 1.6, "markersize": 4, "zorder": 4}
_MARKED = 12
_FEW_EPOCHS = 30
_SMALL, _NORMAL = 7, 8


def class_curves_figure(
    history: Sequence[Row], class_names: Sequence[str], path: str | Path
) -> None:
    """Draws the IoU of every class by epoch, a panel a segmenter, and their mean in black.

    Validation is solid; training is dashed, where a run measured it. Curves bridge epochs without a
    value. The legend stands to the right, its classes in the order of their ids.

    Args:
        history: a row an epoch, as in `metrics.csv`, with `<stage>/<segmenter>/iou_<class>` and
            `<stage>/<segmenter>/miou`; values may be missing or NaN.
        class_names: the classes to draw.
        path: the PNG to write, whole or not at all.

    Raises:
        ValueError: no row holds anything to draw.
    """
    networks = [name for name in _NETWORKS if _stages_of(history, name, class_names)]
    if not networks:
        raise ValueError("The history holds no IoU of any class to draw.")
    stages = [
        stage
        for stage in _STAGES
        if any(stage in _stages_of(history, name, class_names) for name in networks)
    ]
    rows = len(class_names) + 1 + len(stages)
    figure = new_figure(1.7 + 3.6 * len(networks), max(2.6, 0.5 + 0.165 * rows), "constrained")
    panels = figure.subplots(1, len(networks), sharey=True, squeeze=False)[0]
    against_discriminator = any(name.split("/")[1:2] == ["d"] for row in history for name in row)
    titles = network_names(networks, against_discriminator)
    for axes, network in zip(panels, networks, strict=True):
        _draw_panel(axes, history, network, class_names)
        _dress_axes(axes, _epochs(history))
        if len(networks) > 1:
            axes.set_title(titles[network], fontsize=_NORMAL)
    panels[0].set_ylabel("IoU", fontsize=_NORMAL)
    _draw_legend(figure, class_names, stages)
    write_figure(figure, path)


def _stages_of(history: Sequence[Row], network: str, class_names: Sequence[str]) -> list[str]:
    """The stages in which a segmenter has the IoU of any class."""
    return [
        stage
        for stage in _STAGES
        if any(_points(history, f"{stage}/{network}/iou_{name}")[0].size for name in class_names)
    ]


def _epochs(history: Sequence[Row]) -> np.ndarray:
    numbers = [row.get("epoch") for row in history]
    return np.array([i + 1 if n is None else n for i, n in enumerate(numbers)], np.float64)


def _points(history: Sequence[Row], column: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs and values where there is a finite value."""
    values = np.array([row.get(column) for row in history], np.float64)  # None becomes NaN
    finite = np.isfinite(values)
    return _epochs(history)[finite], values[finite]


def _draw_panel(
    axes: Axes, history: Sequence[Row], network: str, class_names: Sequence[str]
) -> None:
    looks = {f"iou_{name}": _look(index) for index, name in enumerate(class_names)}
    looks["miou"] = _MEAN
    for stage, (_, linestyle) in _STAGES.items():
        for index, (metric, look) in enumerate(looks.items()):
            epochs, values = _points(history, f"{stage}/{network}/{metric}")
            if stage == "train":
                look = look | {"linewidth": 0.8, "marker": None, "zorder": 2}
            elif len(epochs) > _FEW_EPOCHS and metric != "miou":
                look = look | {"linewidth": 0.8}
            if len(epochs) == 1:
                look = look | {"marker": look.get("marker") or "x"}
            every = max(1, len(epochs) // _MARKED)
            # Each class's markers begin elsewhere, so that they do not pile up on one epoch.
            marked = (index * every // len(looks), every)
            axes.plot(epochs, values, linestyle=linestyle, markevery=marked, clip_on=False, **look)


def _look(index: int) -> dict[str, Any]:
    return {
        "color": _COLOURS[index % len(_COLOURS)],
        "marker": _MARKERS[index // len(_COLOURS) % len(_MARKERS)],
        "markersize": 3,
        "linewidth": 1.1,
        "zorder": 3,
    }


def _dress_axes(axes: Axes, epochs: np.ndarray) -> None:
    axes.set_xlabel("epoch", fontsize=_NORMAL)
    axes.tick_params(labelsize=_SMALL, length=2.5, width=0.6)
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_linewidth(0.6)
    margin = max(0.03 * (epochs.max() - epochs.min()), 0.4)
    axes.set_xlim(epochs.min() - margin, epochs.max() + margin)
    axes.set_ylim(0, 1)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))


def _draw_legend(figure: Figure, class_names: Sequence[str], stages: Sequence[str]) -> None:
    handles = [
        Line2D([], [], label=name.replace("_", " "), **_look(index))
        for index, name in enumerate(class_names)
    ]
    handles.append(Line2D([], [], label="mean", **_MEAN))
    handles += [
        Line2D(
            [], [], color="0.4", linewidth=1, linestyle=_STAGES[stage][1], label=_STAGES[stage][0]
        )
        for stage in stages
    ]
    figure.legend(
        handles=handles,
        loc="outside right center",
        fontsize=_SMALL,
        frameon=False,
        handlelength=2.4,
    )
