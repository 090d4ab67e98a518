"""A run's `report.html`, made from what the run left in its folder."""

import csv
import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfadvseg.files.image_sums import IMAGE_SUMS, read_image_sums
from tfadvseg.files.metrics_text import with_nan
from tfadvseg.files.model_spec import RUN_FLAGS, ModelSpec
from tfadvseg.files.samples import read_samples
from tfadvseg.files.start_facts import read_start_facts
from tfadvseg.reporting.metric_names import change_text, metric_title, value_text
from tfadvseg.reporting.page import blocks
from tfadvseg.reporting.page.content import Block, Code, Items, Page, Section, Table, Text

_SHOWN = ("miou", "accuracy", "v_rand", "v_info", "boundary_iou", "hd95", "assd", "ece")
"""Metrics of the first table, where they were measured."""

_OF_CLASSES = (
    *("iou", "f1", "precision", "recall", "boundary_iou", "hd95", "assd"),
    *("found", "missed", "invented"),
)
"""Metrics per class of the second table, likewise."""


def run_page(folder: Path, summary: Mapping[str, Any]) -> Page:
    """The page of a finished run.

    Args:
        folder: its `--output_dir`.
        summary: the content of its `summary.json`.
    """
    networks = {name: with_nan(metrics) for name, metrics in summary["networks"].items()}
    rows = _rows(folder)
    spec = ModelSpec.load(folder)
    images = read_image_sums(folder / IMAGE_SUMS)
    totals = {name: each.sum(axis=0) for name, each in images.sums.items()} if images else {}
    count = f"{len(images.keys)} images of " if images else ""
    sections = [
        Section("Metrics", _metrics(networks, spec.class_names)),
        Section("Curves", _curves(rows, networks)),
        Section("Images", _samples(folder, spec)),
        Section("Discriminators", _health(rows, summary["notices"])),
        Section(
            "Classes",
            [blocks.confusions({"S": totals["confusion"]}, spec.class_names)] if totals else [],
        ),
        Section(
            "Calibration", [blocks.reliability({"S": totals["calibration"]})] if totals else []
        ),
        Section("What was run", _what_was_run(folder, summary)),
    ]
    return Page(
        title=f"Run {folder.name}",
        subtitle=f"Measured on {count}{summary['dataset']}, {summary['split']}, after "
        f"{summary['updates']:,} updates in all phases.",
        verdicts=_verdicts(networks),
        sections=[section for section in sections if section.blocks],
    )


def _verdicts(networks: Mapping[str, Mapping[str, float]]) -> list[str]:
    miou = networks["segmenter"]["miou"]
    sentences = [f"The last state of S reaches a mean IoU of {value_text('miou', miou)}."]
    for name, metrics in networks.items():
        if name == "segmenter" or name.endswith(" best"):
            continue
        change = change_text("miou", miou - metrics["miou"], unit=True)
        sentences.append(
            f"The network {name}, trained on the same batches, reaches "
            f"{value_text('miou', metrics['miou'])}: a difference of {change}. One pair tells "
            "nothing about chance; tfadvseg study compares over several seeds."
        )
    return sentences


def _metrics(networks: Mapping[str, Mapping[str, float]], classes: Sequence[str]) -> list[Block]:
    every = dict.fromkeys(name for metrics in networks.values() for name in metrics)
    header = ["metric", *networks]
    table = [
        [metric_title(name), *(_cell(name, metrics) for metrics in networks.values())]
        for name in _SHOWN
        if name in every
    ]
    first = next(iter(networks.values()))
    kinds = [kind for kind in _OF_CLASSES if f"{kind}_{classes[0]}" in first]
    by_class = [[name, *(_cell(f"{kind}_{name}", first) for kind in kinds)] for name in classes]
    return [
        Table("Networks of this run; best is the epoch that validation chose.", [header, *table]),
        Table("Classes, by the last state of S.", [["class", *kinds], *by_class]),
    ]


def _cell(metric: str, metrics: Mapping[str, float]) -> str:
    value = metrics.get(metric, math.nan)
    return "n/a" if math.isnan(value) else value_text(metric, value)


def _curves(rows: Sequence[Mapping[str, float | None]], networks: Mapping[str, Any]) -> list[Block]:
    names = [name for name in networks if not name.endswith(" best")]
    kinds = {"mean IoU": "miou", "pixel accuracy": "accuracy", "segmentation loss": "loss_seg"}
    panels = {
        title: {
            f"{name}, {shown}": [found]
            for name in names
            for stage, shown in (("val", "validation"), ("train", "training"))
            if (found := blocks.curve(rows, f"{stage}/{name}/{kind}"))
        }
        for title, kind in kinds.items()
    }
    return blocks.curves(panels, "Measured after each epoch.")


def _health(rows: Sequence[Mapping[str, float | None]], notices: Sequence[str]) -> list[Block]:
    columns = blocks.discriminator_columns(dict.fromkeys(name for row in rows for name in row))
    panels = {
        title: {"D": [found]}
        for title, column in columns.items()
        if (found := blocks.curve(rows, column))
    }
    made = blocks.curves(panels, "A D that is always right, or never, teaches S nothing.")
    if notices:
        return [Items(notices), *made]
    return [Text(["No discriminator was found unhealthy."]), *made] if made else []


def _samples(folder: Path, spec: ModelSpec) -> list[Block]:
    samples = read_samples(folder)
    block = blocks.samples({"S": samples}, "S", spec) if samples else None
    if block is None:
        return []
    text = (
        "Validation images, those first on which S is worst. The slider goes from the image over "
        "its label to the prediction; the last picture is bright where S is unsure."
    )
    return [Text([text]), block]


def _what_was_run(folder: Path, summary: Mapping[str, Any]) -> list[Block]:
    facts = read_start_facts(folder)
    versions = ", ".join(f"{name} {value}" for name, value in summary["versions"].items())
    lines = [
        f"Trained for {summary['seconds']:,.0f} s of {summary['wall_seconds']:,.0f} s in all, "
        f"{summary['images_per_second']} windows per second, at most "
        f"{summary['peak_memory_mib']:,} MiB.",
        f"Precision {summary['precision']}; seed {summary['seed']}; {versions}.",
    ]
    if facts is not None:
        parts = ", ".join(f"{part} {name}" for part, name in facts.parts.items())
        lines.append(f"S has {facts.parameters:,} parameters. Fingerprints of images: {parts}.")
    flags = (folder / RUN_FLAGS).read_text()
    command = shlex.join(
        ["tfadvseg", "train", f"--flagfile={folder / RUN_FLAGS}", "--output_dir=ANOTHER_FOLDER"]
    )
    return [
        Items(lines),
        Code("Flags of the run (run.flags).", flags),
        Code("The command that repeats this run.", command),
    ]


def _rows(folder: Path) -> list[dict[str, float | None]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return [
            {name: float(text) if text else None for name, text in row.items()}
            for row in csv.DictReader(file)
        ]
