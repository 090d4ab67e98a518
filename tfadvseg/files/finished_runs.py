"""What finished runs and evaluations of them left: read, and checked to be comparable.

Runs leave `summary.json` and `metrics.csv`, the command evaluate a JSON file; no TensorFlow here.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfadvseg.data.sets.catalogue import DATASETS
from tfadvseg.errors import UserError
from tfadvseg.files.metrics_text import with_nan
from tfadvseg.files.text import read_text

IOU = "iou_"
"""What the names of a class's IoU begin with."""

Metrics = dict[str, float]


@dataclass(frozen=True)
class FinishedRun:
    """One run of one seed, or an evaluation of it.

    Attributes:
        folder: its `--output_dir`; of an evaluation the JSON file.
        metrics: of one of its networks, on whole images; NaN where there is none.
        rows: of its `metrics.csv`, a row an epoch; None where an epoch lacks a value. An evaluation
            has none.
        images: that `metrics` are of, as `DATASET, SPLIT`, and at which size.
        evaluated: whether it is an evaluation.
        test_scales: that was averaged over.
    """

    folder: str
    metrics: Metrics
    rows: list[dict[str, float | None]]
    images: str
    test_scales: tuple[float, ...] = (1.0,)
    evaluated: bool = False


def parse_runs(text: str) -> dict[str, list[str]]:
    """`name=folder+folder,name=folder` to folders by name, in order.

    Raises:
        UserError: it is not written like that, or a name comes twice.
    """
    named: dict[str, list[str]] = {}
    for part in text.split(","):
        name, _, folders = (piece.strip() for piece in part.partition("="))
        listed = [folder.strip() for folder in folders.split("+")]
        if not name or not all(listed):
            raise UserError(f"--runs={text}: write it as name=run,name=run+run,...")
        if name in named:
            raise UserError(f"--runs: {name} comes twice; write several seeds as {name}=run+run.")
        named[name] = listed
    return named


def read_run(folder: str, network: str) -> FinishedRun:
    """Reads one run.

    Args:
        folder: its `--output_dir`.
        network: as `summary.json` names it, such as `segmenter` or `segmenter best`.

    Raises:
        UserError: a file is absent or not a run's, or the run has no such network.
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
        raise UserError(f"{folder}: summary.json or metrics.csv is no run's ({error}).") from None
    if network not in networks:
        raise UserError(f"{summary}: has no {network}, only {', '.join(networks)}.")
    return FinishedRun(folder, with_nan(networks[network]), rows, images, scales)


def is_evaluation(path: str) -> bool:
    """Whether a run is given by the JSON file of its evaluation."""
    return path.endswith(".json") and Path(path).expanduser().is_file()


def read_evaluation(path: str) -> FinishedRun:
    """Reads what the command evaluate wrote of one run.

    Args:
        path: the JSON file.

    Raises:
        UserError: it is not such a file.
    """
    try:
        fields = json.loads(read_text(Path(path).expanduser()))
        scales = tuple(fields["test_scales"])
        return FinishedRun(path, with_nan(fields["metrics"]), [], _images(fields), scales, True)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: is no evaluation's JSON file ({error}).") from None


def measured_on(runs: Mapping[str, Sequence[FinishedRun]]) -> str:
    """The images that all are measured on, as `FinishedRun.images`.

    Raises:
        UserError: two are not of the same kind, or not of the same dataset, split and size.
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
    """The classes that all runs measure.

    Raises:
        UserError: two runs measure different ones.
    """
    every = [run for seeds in runs.values() for run in seeds]
    first = every[0]
    for run in every[1:]:
        if _classes(run) != _classes(first):
            raise UserError(f"--runs: {first.folder} and {run.folder} measure different classes.")
    return _classes(first)


def _images(fields: Mapping[str, Any]) -> str:
    """Of a summary's or an evaluation's JSON."""
    dataset = fields["dataset"]
    if dataset in DATASETS and DATASETS[dataset].users_own:
        dataset += f" {fields['data_dir']}"
    text = f"{dataset}, {fields['split']}"
    if fields["resize"]:
        text += f" at {' x '.join(map(str, fields['resize']))}"
    return text


def _kind(run: FinishedRun) -> str:
    return f"{'an evaluation' if run.evaluated else 'a finished run'} of {run.images}"


def _classes(run: FinishedRun) -> list[str]:
    return [name.removeprefix(IOU) for name in run.metrics if name.startswith(IOU)]
