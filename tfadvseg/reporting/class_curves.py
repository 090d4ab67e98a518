"""Curves of a run per class: IoU by epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tfadvseg.reporting.canvas import network_colours, network_titles, new_figure, write_figure
from tfadvseg.reporting.plotting import (
    FEW_POINTS,
    NORMAL,
    SMALL,
    STAGES,
    Row,
    draw_kept,
    dress_axes,
    epochs_of,
    fit_x_axis,
    kept_handle,
    points,
)

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
"""From the palettes of Okabe and Ito and of Tol, which colour-blind readers can distinguish."""

_MARKERS = ("o", "^", "s", "D")
"""When a colour is used for a second class, that class has another marker, and so on."""

_MEAN: dict[str, Any] = {"color": "black", "linewidth": 1.6, "markersize": 4, "zorder": 4}
_MARKED = 12


def class_curves_figure(
    history: Sequence[Row],
    class_names: Sequence[str],
    path: str | Path,
    kept: Mapping[str, int] = MappingProxyType({}),
    methods: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Draws the IoU of every class by epoch, one panel per segmenter, and their mean in black.

    Validation is solid. Training is dashed, if the run evaluated it; where the two diverge, S
    begins to overfit. Curves bridge epochs without a value; a ring marks the mean at the best
    epoch. The legend is on the right, with classes in the order of their ids.

    Args:
        history: one row per epoch, as in `metrics.csv`, with `<stage>/<segmenter>/iou_<class>` and
            `<stage>/<segmenter>/miou`; values may be missing or NaN.
        class_names: the classes to draw.
        path: the PNG to write, atomically.
        kept: the epoch whose weights are kept, by segmenter.
        methods: the method that trains each segmenter, for the titles.

    Raises:
        ValueError: no row contains a value to draw.
    """
    columns = dict.fromkeys(name for row in history for name in row)
    networks = [name for name in network_colours(columns) if _stages_of(history, name, class_names)]
    if not networks:
        raise ValueError("The history contains no IoU of any class to draw.")
    stages = [
        stage
        for stage in STAGES
        if any(stage in _stages_of(history, name, class_names) for name in networks)
    ]
    rows = len(class_names) + 2 + len(stages)
    figure = new_figure(1.7 + 3.6 * len(networks), max(2.6, 0.5 + 0.165 * rows), "constrained")
    panels = figure.subplots(1, len(networks), sharey=True, squeeze=False)[0]
    titles = network_titles(networks, methods)
    for axes, network in zip(panels, networks, strict=True):
        _draw_panel(axes, history, network, class_names)
        if network in kept:
            draw_kept(axes, history, f"val/{network}/miou", kept[network], "black")
        dress_axes(axes)
        fit_x_axis(axes, epochs_of(history))
        axes.set_ylim(0, 1)
        axes.set_xlabel("epoch", fontsize=NORMAL)
        if len(networks) > 1:
            axes.set_title(titles[network], fontsize=NORMAL)
    panels[0].set_ylabel("IoU", fontsize=NORMAL)
    _draw_legend(figure, class_names, stages, any(network in kept for network in networks))
    write_figure(figure, path)


def _stages_of(history: Sequence[Row], network: str, class_names: Sequence[str]) -> list[str]:
    """The stages in which a segmenter has an IoU for any class."""
    return [
        stage
        for stage in STAGES
        if any(points(history, f"{stage}/{network}/iou_{name}")[0].size for name in class_names)
    ]


def _draw_panel(
    axes: Axes, history: Sequence[Row], network: str, class_names: Sequence[str]
) -> None:
    looks = {f"iou_{name}": _look(index) for index, name in enumerate(class_names)}
    looks["miou"] = _MEAN
    for stage, (_, linestyle) in STAGES.items():
        for index, (metric, look) in enumerate(looks.items()):
            epochs, values = points(history, f"{stage}/{network}/{metric}")
            if (
                not epochs.size
            ):  # a class in no image; the layout takes empty lines to lie at (0, 0)
                continue
            if stage == "train":
                look = look | {"linewidth": 0.8, "marker": None, "zorder": 2}
            elif len(epochs) > FEW_POINTS and metric != "miou":
                look = look | {"linewidth": 0.8}
            if len(epochs) == 1:
                look = look | {"marker": look.get("marker") or "x"}
            every = max(1, len(epochs) // _MARKED)
            # Each class's markers start at another epoch, so that they do not pile up on one.
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


def _draw_legend(
    figure: Figure, class_names: Sequence[str], stages: Sequence[str], with_kept: bool
) -> None:
    handles = [
        Line2D([], [], label=name.replace("_", " "), **_look(index))
        for index, name in enumerate(class_names)
    ]
    handles.append(Line2D([], [], label="mean", **_MEAN))
    handles += [
        Line2D([], [], color="0.4", linewidth=1, linestyle=STAGES[stage][1], label=STAGES[stage][0])
        for stage in stages
    ]
    if with_kept:
        handles.append(kept_handle())
    figure.legend(
        handles=handles,
        loc="outside right center",
        fontsize=SMALL,
        frameon=False,
        handlelength=2.4,
    )
