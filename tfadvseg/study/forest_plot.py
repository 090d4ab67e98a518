"""A forest plot of the differences in several studies, with their intervals."""

from collections.abc import Sequence
from pathlib import Path

from tfadvseg.reporting.canvas import new_figure, write_figure
from tfadvseg.reporting.metric_names import is_share, less_is_better, metric_title
from tfadvseg.study.several import Difference

_WITH_D, _WITHOUT_D = "#D55E00", "#0072B2"


def forest_figure(differences: Sequence[Difference], path: Path) -> None:
    """Draws one panel per study, with one row per difference and a line at 0.

    Arms with a discriminator are filled diamonds and arms without one are open circles, so that
    the figure can be read without colours.

    Args:
        differences: differences of all studies, in the order of `several.read_differences`.
        path: path of the PNG, which is written atomically.
    """
    studies = list(dict.fromkeys(each.study for each in differences))
    by_study = [[each for each in differences if each.study == name] for name in studies]
    heights = [len(rows) + 1.5 for rows in by_study]
    figure = new_figure(8, 0.25 * sum(heights) + 0.6, layout="constrained")
    grid = figure.subplots(len(studies), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, name, rows in zip(grid, studies, by_study, strict=True):
        metric, counts = rows[0].metric, [each.pairs for each in rows]
        scale = 100 if is_share(metric) else 1
        for place, each in enumerate(rows):
            colour = _WITH_D if each.has_d else _WITHOUT_D
            axes.plot([scale * each.low, scale * each.high], [place] * 2, color=colour, lw=1.8)
            axes.plot(
                scale * each.mean,
                place,
                marker="D" if each.has_d else "o",
                markerfacecolor=colour if each.has_d else "white",
                color=colour,
                markersize=5,
            )
        axes.axvline(0, color="black", lw=0.8)
        labels = [f"{each.arm} − {each.reference}" for each in rows]
        axes.set_yticks(range(len(rows)), labels, fontsize=8)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        unit = ", points" if is_share(metric) else ""
        better = "left" if less_is_better(metric) else "right"
        pairs = " to ".join(map(str, sorted({min(counts), max(counts)})))
        title = f"{name}: change in {metric_title(metric)}{unit} ({pairs} pairs)"
        axes.set_title(f"{title}; {better} is better", fontsize=9, loc="left")
        axes.grid(axis="x", color="#dddddd")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    handles = [
        grid[0].plot([], [], marker="D", color=_WITH_D, label="trains a discriminator")[0],
        grid[0].plot(
            [], [], marker="o", markerfacecolor="white", color=_WITHOUT_D, label="no discriminator"
        )[0],
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2, fontsize=8, frameon=False)
    write_figure(figure, path)
