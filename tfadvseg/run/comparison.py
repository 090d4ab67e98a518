"""Comparison of finished runs: mean and deviation over seeds, and the share of the gap closed.

Imports no TensorFlow.
"""

import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tfadvseg.errors import UserError
from tfadvseg.files.finished_runs import IOU, FinishedRun, Metrics
from tfadvseg.files.metrics_text import markdown_table, without_nan

SOURCE_ONLY, ORACLE = "source_only", "oracle"
"""Names of the runs without target images, and of the runs trained on the target's labels."""


@dataclass(frozen=True)
class Side:
    """Summary of the runs of one name.

    Attributes:
        folders: folders of the runs, or files of their evaluations.
        mean: mean of each metric over the runs that have it; NaN if none has.
        deviation: standard deviation likewise (n - 1); NaN for a single run.
        gain: `mean` minus that of `SOURCE_ONLY`; empty for `SOURCE_ONLY`, and without it.
        share: share of the gap between `SOURCE_ONLY` and `ORACLE`, in the chosen metric, that the
            runs close; None for these two, without them, and if there is no gap.
        share_by_run: the same share per run, against the runs of these two with the same index;
            empty if their numbers differ, or one pair has no gap.
        test_scales: image scales of the runs' metrics.
    """

    folders: list[str]
    mean: Metrics
    deviation: Metrics
    gain: Metrics
    share: float | None
    share_by_run: list[float]
    test_scales: tuple[float, ...] = (1.0,)


def compare(runs: Mapping[str, Sequence[FinishedRun]], metrics: list[str]) -> dict[str, Side]:
    """Summarises the runs of every name over their seeds.

    Args:
        runs: runs by name, at least one each.
        metrics: the metrics to report; the gap is measured in the first.

    Raises:
        UserError: a run lacks one of the metrics, or runs of one name have different scales.
    """
    for name, seeds in runs.items():
        if len({run.test_scales for run in seeds}) > 1:
            scales = "; ".join(f"{run.folder} at {_listed(run.test_scales)}" for run in seeds)
            raise UserError(
                f"--runs: {name} mixes different --test_scales ({scales}); give runs of different "
                "scales different names."
            )
    for run in (run for seeds in runs.values() for run in seeds):
        for each in metrics:
            if each not in run.metrics:
                known = ", ".join(run.metrics)
                raise UserError(f"--metric={each}: not in {run.folder}; choose one of {known}.")
    metric = metrics[0]
    means = {name: _of_seeds(seeds, _mean) for name, seeds in runs.items()}
    low, high = means.get(SOURCE_ONLY), means.get(ORACLE)
    gap = high[metric] - low[metric] if low and high else 0.0
    sides = {}
    for name, seeds in runs.items():
        gain: Metrics = {}
        if low and name != SOURCE_ONLY:
            gain = {each: mean - low.get(each, math.nan) for each, mean in means[name].items()}
        closes = gap > 0 and name not in (SOURCE_ONLY, ORACLE)
        sides[name] = Side(
            folders=[run.folder for run in seeds],
            mean=means[name],
            deviation=_of_seeds(seeds, _deviation),
            gain=gain,
            share=gain[metric] / gap if closes else None,
            share_by_run=_shares(runs, seeds, metric) if closes else [],
            test_scales=seeds[0].test_scales,
        )
    return sides


def _shares(
    runs: Mapping[str, Sequence[FinishedRun]], seeds: Sequence[FinishedRun], metric: str
) -> list[float]:
    lows, highs = runs[SOURCE_ONLY], runs[ORACLE]
    if not len(lows) == len(highs) == len(seeds) > 1:
        return []
    values = [
        [run.metrics[metric] for run in trio] for trio in zip(lows, seeds, highs, strict=True)
    ]
    if any(high <= low for low, _, high in values):
        return []
    return [(value - low) / (high - low) for low, value, high in values]


def markdown(
    sides: Mapping[str, Side], metrics: list[str], images: str, network: str | None = None
) -> str:
    """The comparison as Markdown: the metrics, mean IoU, IoU per class, then gains and shares.

    Args:
        sides, metrics: from `compare`.
        images: from `measured_on`.
        network: the network of the finished runs; None for evaluations.
    """
    first = next(iter(sides.values()))
    rows = [*dict.fromkeys((*metrics, "miou")), *(name for name in first.mean if _is_iou(name))]
    table = [["", *sides], ["seeds", *(str(len(side.folders)) for side in sides.values())]]
    if len({side.test_scales for side in sides.values()}) > 1:
        table += [["test scales", *(_listed(side.test_scales) for side in sides.values())]]
    table += [[each, *(_spread(side, each) for side in sides.values())] for each in rows]
    compared = f"{network} of finished runs" if network else "evaluations"
    title = f"{compared} on whole images of {images}: mean ± standard deviation over seeds."
    parts = [title, markdown_table(table)]
    gaining = {name: side for name, side in sides.items() if side.gain}
    if gaining:
        table = [["", *gaining]]
        table += [[each, *(_signed(side.gain, each) for side in gaining.values())] for each in rows]
        parts += [f"Gain over {SOURCE_ONLY}:", markdown_table(table)]
        parts += [_verdict(name, side, metrics[0]) for name, side in gaining.items()]
    return "\n\n".join(parts) + "\n"


def json_text(
    sides: Mapping[str, Side], metrics: list[str], images: str, network: str | None = None
) -> str:
    """The comparison as JSON, with the arguments of `markdown`; NaN becomes null."""
    fields = {
        "images": images,
        "network": network,
        "metric": metrics[0],
        "names": {
            name: {
                "runs": side.folders,
                "test_scales": side.test_scales,
                "mean": without_nan(side.mean),
                "standard_deviation": without_nan(side.deviation),
                "gain_on_source_only": without_nan(side.gain),
                "share_of_gap_closed": side.share,
                "share_of_gap_closed_by_run": side.share_by_run,
            }
            for name, side in sides.items()
        },
    }
    return json.dumps(fields, indent=1) + "\n"


def _is_iou(metric: str) -> bool:
    return metric.startswith(IOU)


def _listed(scales: Sequence[float]) -> str:
    return ", ".join(f"{scale:g}" for scale in scales)


def _of_seeds(seeds: Sequence[FinishedRun], statistic: Callable[[list[float]], float]) -> Metrics:
    """A statistic of each metric's values, without NaN."""
    values = {name: [run.metrics.get(name, math.nan) for run in seeds] for name in seeds[0].metrics}
    return {
        name: statistic([value for value in each if not math.isnan(value)])
        for name, each in values.items()
    }


def _mean(values: list[float]) -> float:
    return statistics.fmean(values) if values else math.nan


def _deviation(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else math.nan


def _spread(side: Side, metric: str) -> str:
    mean, deviation = side.mean.get(metric, math.nan), side.deviation.get(metric, math.nan)
    if math.isnan(mean):
        return "n/a"
    return f"{mean:.3f}" if math.isnan(deviation) else f"{mean:.3f} ± {deviation:.3f}"


def _signed(gain: Metrics, metric: str) -> str:
    value = gain.get(metric, math.nan)
    return "n/a" if math.isnan(value) else f"{value:+.3f}".replace("-", "−")


def _verdict(name: str, side: Side, metric: str) -> str:
    """Numbers of classes that gain and lose, and the share of the gap closed."""
    gains = [value for each, value in side.gain.items() if _is_iou(each)]
    text = f"{name}: {sum(g > 0 for g in gains)} classes gain, {sum(g < 0 for g in gains)} lose"
    if side.share is not None:
        share = f"{100 * side.share:.1f}".replace("-", "−")
        text += f"; it closes {share} % of the gap in {metric} between {SOURCE_ONLY} and {ORACLE}"
        if side.share_by_run:
            shares = ", ".join(f"{100 * each:.1f}" for each in side.share_by_run)
            text += f" (run by run {shares} %)".replace("-", "−")
    return f"{text}."
