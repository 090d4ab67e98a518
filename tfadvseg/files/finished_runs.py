"""Results of finished runs and of their evaluations: read, and checked to be comparable.

Runs write `summary.json` and `metrics.csv`, the command evaluate a JSON file. No TensorFlow here.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfadvseg.data.sets.catalogue import known_dataset
from tfadvseg.errors import UserError
from tfadvseg.files.metrics_text import with_nan
from tfadvseg.files.text import read_text

IOU = "iou_"
"""Prefix of the names of IoU per class."""

Metrics = dict[str, float]


@dataclass(frozen=True)
class FinishedRun:
    """One run of one seed, or an evaluation of it.

    Attributes:
        folder: its `--output_dir`; for an evaluation the JSON file.
        metrics: of one of its networks, on whole images; NaN if undefined.
        rows: of its `metrics.csv`, one per epoch; None if an epoch lacks a value. An evaluation has
            none.
        images: the images behind `metrics`, as `DATASET, SPLIT`, and their size.
        evaluated: whether it is an evaluation.
        test_scales: the scales that predictions were averaged over.
    """

    folder: str
    metrics: Metrics
    rows: list[dict[str, float | None]]
    images: str
    test_scales: tuple[float, ...] = (1.0,)
    evaluated: bool = False


def parse_runs(text: str) -> dict[str, list[str]]:
    """Parses `name=folder+folder,name=folder` to folders by name, in order.

    Raises:
        UserError: the text has another form, or a name occurs twice.
    """
    named: dict[str, list[str]] = {}
    for part in text.split(","):
        name, _, folders = (piece.strip() for piece in part.partition("="))
        listed = [folder.strip() for folder in folders.split("+")]
        if not name or not all(listed):
            raise UserError(f"--runs={text}: wrong form; write name=run,name=run+run,...")
        if name in named:
            raise UserError(f"--runs: {name} occurs twice; write several seeds as {name}=run+run.")
        named[name] = listed
    return named


def read_run(folder: str, network: str) -> FinishedRun:
    """Reads one run.

    Args:
        folder: its `--output_dir`.
        network: as `summary.json` names it, such as `segmenter` or `segmenter best`.

    Raises:
        UserError: a file is absent or not from a run, or the run has no such network.
    """
    place = Path(folder).expanduser()
    summary, table = place / "summary.json", place / "metrics.csv"
    try:
        fields = json.loads(read_text(summary))
        networks, images = fields["networks"], _images(fields)
        scales = tuple(fields["test_scales"])
        with io.StringIO(read_text(table)) as file:
            rows = [
                {name: float(text) if text else None for name, text in row.items()}
                for row in csv.DictReader(file)
            ]
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: no such file; is {folder} a finished run?") from None
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{folder}: summary.json or metrics.csv is not from a run ({error})."
        ) from None
    if network not in networks:
        raise UserError(f"{summary}: has no {network}, only {', '.join(networks)}.")
    return FinishedRun(folder, with_nan(networks[network]), rows, images, scales)


def is_evaluation(path: str) -> bool:
    """Whether a run is given as the JSON file of its evaluation."""
    return path.endswith(".json") and Path(path).expanduser().is_file()


def read_evaluation(path: str) -> FinishedRun:
    """Reads what the command evaluate wrote of one run.

    Args:
        path: the JSON file.

    Raises:
        UserError: the file is not an evaluation.
    """
    try:
        fields = json.loads(read_text(Path(path).expanduser()))
        scales = tuple(fields["test_scales"])
        return FinishedRun(path, with_nan(fields["metrics"]), [], _images(fields), scales, True)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: not the JSON file of an evaluation ({error}).") from None


def measured_on(runs: Mapping[str, Sequence[FinishedRun]]) -> str:
    """The images that all runs were evaluated on, as `FinishedRun.images`.

    Raises:
        UserError: two runs differ in kind, or in dataset, split or size.
    """
    every = [run for seeds in runs.values() for run in seeds]
    first = every[0]
    for run in every[1:]:
        if (run.evaluated, run.images) != (first.evaluated, first.images):
            raise UserError(
                f"--runs: {first.folder} is {_kind(first)}; {run.folder} is {_kind(run)}. Compare "
                "finished runs or evaluations of one dataset, split and size; `tfadvseg evaluate` "
                "makes evaluations of either."
            )
    return first.images


def class_names(runs: Mapping[str, Sequence[FinishedRun]]) -> list[str]:
    """The classes that all runs report.

    Raises:
        UserError: two runs report different classes.
    """
    every = [run for seeds in runs.values() for run in seeds]
    first = every[0]
    for run in every[1:]:
        if _classes(run) != _classes(first):
            raise UserError(f"--runs: {first.folder} and {run.folder} have different classes.")
    return _classes(first)


def _images(fields: Mapping[str, Any]) -> str:
    """The images of a summary or an evaluation, from its JSON fields."""
    dataset = fields["dataset"]
    known = known_dataset(dataset)
    if known is not None and known.users_own:
        dataset += f" {fields['data_dir']}"
    text = f"{dataset}, {fields['split']}"
    if fields["resize"]:
        text += f" at {' x '.join(map(str, fields['resize']))}"
    return text


def _kind(run: FinishedRun) -> str:
    return f"{'an evaluation' if run.evaluated else 'a finished run'} of {run.images}"


def _classes(run: FinishedRun) -> list[str]:
    return [name.removeprefix(IOU) for name in run.metrics if name.startswith(IOU)]
