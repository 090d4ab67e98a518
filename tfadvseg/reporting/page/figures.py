"""Figures of a page as inline SVG that follows its colours, with alternative texts."""

import html
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_INK, _GRID = "#0a0b0c", "#dedfe0"
"""Stand for the page's own colours in a drawing, which differ by day and by night."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C", "#B8860B")
"""Okabe and Ito's, which any colour vision tells apart; lines differ in dashes and marks, too."""

_DASHES = ("solid", "dashed", "dashdot", "dotted")
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 9,
    "font.family": "sans-serif",
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _GRID,
}

_numbers = itertools.count()


@dataclass(frozen=True)
class Pairs:
    """Values of an arm and of its reference, pair by pair."""

    arm: str
    reference: str
    numbers: Sequence[int]
    arm_values: Sequence[float]
    reference_values: Sequence[float]


@dataclass(frozen=True)
class Interval:
    """A difference with its bounds."""

    name: str
    mean: float
    low: float
    high: float


Curves = Mapping[str, Sequence[Sequence[tuple[float, float]]]]
"""By name the curves of its runs, each a list of (update, value)."""


def svg_of(figure: Figure, alt: str) -> str:
    """A figure as an `<svg>` element.

    Args:
        figure: drawn within `page_style`.
        alt: what a reader who cannot see it needs to know.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Names must differ between the drawings of a page.
    prefix = f"f{next(_numbers)}-"
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = re.sub(r'href="#', f'href="#{prefix}', text)
    text = text.replace("url(#", f"url(#{prefix}")
    text = text.replace(_INK, "currentColor").replace(_GRID, "var(--grid)")
    label = html.escape(alt, quote=True)
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1).strip()


def pairs_figure(pairs: Sequence[Pairs], metric: str) -> str:
    """A line from reference to arm for every pair, a panel per arm."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(min(1.9 * len(pairs) + 0.8, 9), 3.0), layout="constrained")
        panels = figure.subplots(1, len(pairs), sharey=True, squeeze=False)[0]
        for axes, each in zip(panels, pairs, strict=True):
            for low, high in zip(each.reference_values, each.arm_values, strict=True):
                colour = COLOURS[0] if high >= low else COLOURS[1]
                dashes = "solid" if high >= low else "dashed"
                axes.plot([0, 1], [low, high], color=colour, linestyle=dashes, marker="o", ms=4)
            axes.set_xticks([0, 1], [each.reference, each.arm])
            axes.set_xlim(-0.35, 1.35)
            axes.grid(axis="y")
        panels[0].set_ylabel(metric)
        spoken = "; ".join(
            f"{each.arm} against {each.reference}: "
            + ", ".join(
                f"{low:.3f} to {high:.3f}"
                for low, high in zip(each.reference_values, each.arm_values, strict=True)
            )
            for each in pairs
        )
        return svg_of(figure, f"{metric} of every pair, from the reference to the arm. {spoken}.")


def intervals_figure(intervals: Sequence[Interval], label: str) -> str:
    """A forest plot: each difference with its interval, and the line of no difference."""
    with rc_context(_STYLE):
        height = 0.34 * len(intervals) + 0.9
        figure = Figure(figsize=(6.4, height), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(intervals))[::-1]
        for place, each in zip(places, intervals, strict=True):
            colour = COLOURS[0] if each.low > 0 else COLOURS[1] if each.high < 0 else "#8C8C8C"
            axes.plot([each.low, each.high], [place, place], color=colour, linewidth=2)
            axes.plot(each.mean, place, marker="D", color=colour, markersize=5)
        axes.axvline(0, color=_INK, linewidth=0.8)
        axes.set_yticks(places, [each.name for each in intervals])
        axes.set_ylim(-0.6, len(intervals) - 0.4)
        axes.set_xlabel(label)
        axes.grid(axis="x")
        spoken = "; ".join(
            f"{each.name} {each.mean:+.2f}, from {each.low:+.2f} to {each.high:+.2f}"
            for each in intervals
        )
        return svg_of(figure, f"{label} with 95 % intervals: {spoken}.")


def curves_figure(panels: Mapping[str, Curves], alt: str) -> str:
    """Curves over updates, a panel per quantity: the mean over runs, and their range shaded.

    Args:
        panels: curves by what they show; a name has the same colour in all.
        alt: alternative text.
    """
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    with rc_context(_STYLE):
        columns = min(len(panels), 2)
        rows = -(-len(panels) // columns)
        figure = Figure(figsize=(4.2 * columns, 2.6 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (title, curves) in zip(grid, panels.items(), strict=False):
            for name, runs in curves.items():
                _draw_curve(axes, runs, name, names.index(name))
            axes.set_title(title, fontsize=9, loc="left")
            axes.set_xlabel("updates")
            axes.grid()
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        grid[0].legend(fontsize=8)
        return svg_of(figure, alt)


def _draw_curve(
    axes: Axes, runs: Sequence[Sequence[tuple[float, float]]], name: str, place: int
) -> None:
    colour = COLOURS[place % len(COLOURS)]
    by_update: dict[float, list[float]] = {}
    for run in runs:
        for update, value in run:
            by_update.setdefault(update, []).append(value)
    updates = sorted(by_update)
    means = [float(np.mean(by_update[update])) for update in updates]
    axes.plot(
        updates,
        means,
        color=colour,
        linestyle=_DASHES[place % len(_DASHES)],
        marker=_MARKS[place % len(_MARKS)] if len(updates) <= 12 else None,
        markersize=4,
        label=name,
    )
    if len(runs) > 1:
        low, high = ([f(by_update[update]) for update in updates] for f in (min, max))
        axes.fill_between(updates, low, high, color=colour, alpha=0.15, linewidth=0)


def reliability_figure(sums: Mapping[str, np.ndarray]) -> str:
    """Share of right answers over confidence, with each name's calibration error in the legend.

    Args:
        sums: by name [bins,3]: pixels, the sum of their confidences, and how many are right.
    """
    with rc_context(_STYLE):
        figure = Figure(figsize=(4.4, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle="dotted")
        spoken = []
        for place, (name, bins) in enumerate(sums.items()):
            filled = bins[:, 0] > 0
            pixels, confidence, right = bins[filled].T
            error = float(np.abs(confidence - right).sum() / pixels.sum())
            axes.plot(
                confidence / pixels,
                right / pixels,
                color=COLOURS[place % len(COLOURS)],
                linestyle=_DASHES[place % len(_DASHES)],
                marker=_MARKS[place % len(_MARKS)],
                markersize=4,
                label=f"{name} (ECE {error:.3f})",
            )
            spoken.append(f"{name} {error:.3f}")
        axes.set_xlabel("probability of the predicted class")
        axes.set_ylabel("share of pixels that are right")
        axes.grid()
        axes.legend(fontsize=8)
        return svg_of(
            figure, f"Reliability diagram. Expected calibration errors: {', '.join(spoken)}."
        )


def confusion_figure(confusions: Mapping[str, np.ndarray], classes: Sequence[str]) -> str:
    """Of each true class (row) the share predicted as each class (column), a panel per name."""
    with rc_context(_STYLE):
        columns = min(len(confusions), 3)
        rows = -(-len(confusions) // columns)
        side = max(0.24 * len(classes) + 1.4, 2.3)
        figure = Figure(figsize=(side * columns + 0.5, side * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        spoken = []
        for axes, (name, confusion) in zip(grid, confusions.items(), strict=False):
            shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
            axes.pcolormesh(shares[::-1], cmap="cividis", vmin=0, vmax=1)
            ticks = np.arange(len(classes)) + 0.5
            axes.set_xticks(ticks, classes, rotation=90, fontsize=7)
            axes.set_yticks(ticks, list(classes)[::-1], fontsize=7)
            axes.set_title(name, fontsize=9)
            axes.set_aspect("equal")
            if len(classes) <= 6:
                for row, column in np.ndindex(shares.shape):
                    value = shares[row, column]
                    axes.text(
                        column + 0.5,
                        len(classes) - row - 0.5,
                        f"{value:.2f}",
                        ha="center",
                        va="center",
                        fontsize=7,
                        color="black" if value > 0.5 else "white",
                    )
            right = ", ".join(
                f"{each} {share:.2f}" for each, share in zip(classes, np.diag(shares), strict=True)
            )
            spoken.append(f"{name} finds {right}")
        for axes in grid[len(confusions) :]:
            axes.set_visible(False)
        return svg_of(figure, f"Confusion matrices, shares of true classes. {'; '.join(spoken)}.")
