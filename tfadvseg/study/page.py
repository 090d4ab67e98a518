"""A study's `report.html`."""

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from tfadvseg.files.image_sums import read_image_sums
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.files.samples import Sample, read_samples
from tfadvseg.reporting.metric_names import is_share, metric_title
from tfadvseg.reporting.page import blocks
from tfadvseg.reporting.page.content import (
    Block,
    Code,
    FigureBlock,
    Items,
    Page,
    Section,
    Table,
    Text,
)
from tfadvseg.reporting.page.figures import (
    Curves,
    Interval,
    Pairs,
    intervals_figure,
    pairs_figure,
)
from tfadvseg.study.gathering import NETWORK, StudyRun, sums_file
from tfadvseg.study.plan import Part
from tfadvseg.study.report import (
    StudyResult,
    arms_table,
    comparison_table,
    runs_table,
    status_line,
    verdicts,
)

MOST_ARMS = 6
"""Arms whose predictions are shown beside each other."""


def study_page(result: StudyResult, command: str) -> Page:
    """The page of a study with at least one finished run.

    Args:
        result: what it came to.
        command: that repeats it.
    """
    by_arm = {arm.name: [*result.runs.get(arm.name, {}).values()] for arm in result.study.arms}
    by_arm = {name: runs for name, runs in by_arm.items() if runs}
    sections = [
        Section("Arms", _arms(result)),
        Section("Every pair", _pairs(result)),
        Section("Curves", _curves(result, by_arm)),
        Section("Images", _samples(result, by_arm)),
        Section("Discriminators", _health(by_arm)),
        Section("Classes", _classes(by_arm, result.study.part)),
        Section("Calibration", _calibration(by_arm, result.study.part)),
        Section("What was run", _what_was_run(result, command)),
    ]
    title = f"Study {result.study.output.name}"
    shown = [section for section in sections if section.blocks]
    main = result.study.references[0]
    first = [each for each in result.deciding() if each.reference == main]
    others = [each for each in result.deciding() if each.reference != main]
    return Page(
        title, status_line(result), verdicts(result, first), shown, verdicts(result, others)
    )


def _arms(result: StudyResult) -> list[Block]:
    made: list[Block] = [
        Table("Mean ± standard deviation, and what training cost.", arms_table(result))
    ]
    metric = result.study.metrics[0]
    scale = 100 if is_share(metric) else 1
    intervals = [
        Interval(
            f"{each.arm} - {each.reference}",
            *(scale * value for value in (each.result.mean, *each.result.interval)),
        )
        for each in result.deciding()
        if each.result and each.result.pairs > 1
    ]
    if intervals:
        unit = " (points)" if is_share(metric) else ""
        label = f"change in {metric_title(metric)}{unit}"
        caption = "Mean difference over pairs with its 95 % interval (t)."
        made.append(FigureBlock(intervals_figure(intervals, label), caption))
    caption = (
        "Differences of shares in points. Intervals over pairs (t), and over images for these "
        "trained networks (bootstrap). Holm's correction is for all arms of one reference."
    )
    return [*made, Table(caption, comparison_table(result.comparisons))]


def _pairs(result: StudyResult) -> list[Block]:
    metric, unit = result.study.metrics[0], result.study.unit
    pairs = [
        Pairs(each.arm, each.reference, each.numbers, each.arm_values, each.reference_values)
        for each in result.deciding()
        if each.result
    ]
    caption = f"A line per {unit}, from the reference to the arm; dashed where the value falls."
    made: list[Block] = [
        FigureBlock(pairs_figure(pairs[start : start + 4], metric_title(metric)), caption)
        for start in range(0, len(pairs), 4)
    ]
    return [*made, Table(f"{metric_title(metric)} of every run.", runs_table(result))]


def _curves(result: StudyResult, by_arm: Mapping[str, Sequence[StudyRun]]) -> list[Block]:
    columns = {metric_title(metric): f"val/{NETWORK}/{metric}" for metric in result.study.metrics}
    columns["training loss of S"] = f"train/{NETWORK}/loss_seg"
    return blocks.curves(
        {title: _of_column(by_arm, column) for title, column in columns.items()},
        f"Mean over {result.study.unit}s; the shaded area spans all of them.",
    )


def _health(by_arm: Mapping[str, Sequence[StudyRun]]) -> list[Block]:
    names = dict.fromkeys(
        name for runs in by_arm.values() for run in runs for row in run.rows for name in row
    )
    columns = blocks.discriminator_columns(names)
    made = blocks.curves(
        {title: _of_column(by_arm, column) for title, column in columns.items()},
        "Answers and loss of D; a D that is always right, or never, teaches S nothing.",
    )
    notices = [
        f"{run.plan.arm}, {run.plan.folder.name.replace('_', ' ')}: {notice}"
        for runs in by_arm.values()
        for run in runs
        for notice in run.notices
    ]
    if notices:
        return [Items(notices), *made]
    return [Text(["No discriminator was found unhealthy."]), *made] if made else []


def _of_column(by_arm: Mapping[str, Sequence[StudyRun]], column: str) -> Curves:
    found = {
        name: [blocks.curve(run.rows, column) for run in runs] for name, runs in by_arm.items()
    }
    return {name: [run for run in runs if run] for name, runs in found.items() if any(runs)}


def _samples(result: StudyResult, by_arm: Mapping[str, Sequence[StudyRun]]) -> list[Block]:
    """Predictions of the first seed or fold that all shown arms have finished."""
    names = list(by_arm)[:MOST_ARMS]
    shared = [n for n in result.study.numbers if all(n in result.runs[name] for name in names)]
    if not shared:
        return []
    runs = {name: result.runs[name][shared[0]] for name in names}
    samples: dict[str, list[Sample]] = {
        name: read_samples(run.plan.folder) for name, run in runs.items()
    }
    if not all(samples.values()):
        return []
    arm = next((each.arm for each in result.deciding() if each.arm in names), names[0])
    block = blocks.samples(samples, arm, ModelSpec.load(runs[arm].plan.folder))
    text = (
        f"Validation images of {result.study.unit} {shared[0]}, those first on which {arm} is "
        "worst. The slider goes from the image over its label to the predictions; the last "
        f"picture is bright where {arm} is unsure."
    )
    return [Text([text]), block] if block else []


def _classes(by_arm: Mapping[str, Sequence[StudyRun]], part: Part) -> list[Block]:
    sums = _summed(by_arm, "confusion", part)
    if not sums:
        return []
    spec = ModelSpec.load(next(iter(by_arm.values()))[0].plan.folder)
    kinds = [f"iou_{name}" for name in spec.class_names]
    header = ["IoU", *by_arm]
    rows = [
        [kind.removeprefix("iou_"), *(_mean(runs, kind) for runs in by_arm.values())]
        for kind in kinds
    ]
    return [
        Table("Mean IoU of each class over runs.", [header, *rows]),
        blocks.confusions(sums, spec.class_names),
    ]


def _calibration(by_arm: Mapping[str, Sequence[StudyRun]], part: Part) -> list[Block]:
    sums = _summed(by_arm, "calibration", part)
    return [blocks.reliability(sums)] if sums else []


def _summed(
    by_arm: Mapping[str, Sequence[StudyRun]], metric: str, part: Part
) -> dict[str, np.ndarray]:
    """Sums over the images of the part that decides, of all runs of each arm."""
    sums = {}
    for name, runs in by_arm.items():
        found = [read_image_sums(sums_file(run.plan, part)) for run in runs]
        totals = [each.sums[metric].sum(axis=0) for each in found if each and metric in each.sums]
        if totals:
            sums[name] = np.sum(totals, axis=0)
    return sums


def _mean(runs: Sequence[StudyRun], metric: str) -> str:
    values = [run.metrics.get(metric, math.nan) for run in runs]
    known = [value for value in values if not math.isnan(value)]
    return f"{statistics.mean(known):.3f}" if known else "n/a"


def _what_was_run(result: StudyResult, command: str) -> list[Block]:
    runs = result.finished()
    made: list[Block] = []
    if result.failed:
        failed = [
            f"{arm}, {result.study.unit} {number} failed: {why}"
            for (arm, number), why in result.failed.items()
        ]
        made.append(Items(failed))
    if result.notes:
        made.append(Items(result.notes))
    flags = [f"{arm.name}: {' '.join(arm.arguments)}" for arm in result.study.arms]
    made.append(Code("Flags of each arm.", "\n".join(flags)))
    header = ["run", "precision", "training (s)", "in all (s)", "MiB", "train", "validation"]
    rows = [
        [
            f"{run.plan.arm} {run.plan.folder.name.replace('_', ' ')}",
            run.precision,
            f"{run.seconds:.0f}",
            f"{run.wall_seconds:.0f}",
            str(run.peak_memory_mib),
            *(
                run.facts.parts.get(part, "-") if run.facts else "-"
                for part in ("train", "validation")
            ),
        ]
        for run in runs
    ]
    made.append(Table("Runs, with fingerprints of their images.", [header, *rows]))
    versions = dict.fromkeys(
        ", ".join(f"{name} {value}" for name, value in run.versions.items()) for run in runs
    )
    made.append(Items(list(versions)))
    return [*made, Code("The command that repeats this study.", command)]
