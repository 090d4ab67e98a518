"""Results of the runs of a study, read from their folders. No TensorFlow here."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfadvseg.errors import UserError
from tfadvseg.files.finished_runs import Metrics, read_evaluation, read_run
from tfadvseg.files.image_sums import IMAGE_SUMS, read_image_sums
from tfadvseg.files.model_spec import RUN_FLAGS
from tfadvseg.files.start_facts import StartFacts, read_start_facts
from tfadvseg.flags.flagfile import differing_flags, read_flagfile
from tfadvseg.study.plan import TEST_FILE, Part, PlannedRun

NETWORK = "segmenter"
"""Whose last state, or moving average, is compared: never the best epoch, which labels chose."""

_LENGTH = ("epochs",)
"""Flags that `differing_flags` lets a continued run change, but two runs of an arm may not."""


@dataclass(frozen=True)
class StudyRun:
    """One finished run.

    Attributes:
        plan: the plan of the run.
        metrics: metrics of S's last state on the deciding part.
        images: description of the measured images.
        labels: fingerprint of the measured images' names and labels; empty if unknown.
        rows: its `metrics.csv`, one row per epoch.
        facts: facts of its start; None for runs of earlier versions.
        updates: number of updates of all phases together.
        windows: number of windows given to the networks, by the tensor's name.
        seconds, wall_seconds: duration of training alone, and of the whole run.
        peak_memory_mib: peak memory.
        precision: precision of activations.
        versions: versions of Python and of packages.
        notices: notices about D's health.
    """

    plan: PlannedRun
    metrics: Metrics
    images: str
    labels: str
    rows: list[dict[str, float | None]]
    facts: StartFacts | None
    updates: int
    windows: dict[str, int]
    seconds: float
    wall_seconds: float
    peak_memory_mib: int
    precision: str
    versions: dict[str, str]
    notices: tuple[str, ...]


def is_finished(run: PlannedRun, part: Part) -> bool:
    """Whether a run has written all files that the study needs.

    Raises:
        UserError: its folder holds a run of other flags.
    """
    check_folder(run)
    needed = ["summary.json"] + [TEST_FILE] * (part == "test")
    return all((run.folder / name).is_file() for name in needed)


def check_folder(run: PlannedRun) -> None:
    """Refuses a folder that holds a run of another configuration.

    Raises:
        UserError: naming the flags that differ.
    """
    path = run.folder / RUN_FLAGS
    if not path.is_file():
        return
    found = read_flagfile(path)
    differing = differing_flags(found, run.config)
    differing += [
        f"--{name} (was {getattr(found.run, name)}, now {getattr(run.config.run, name)})"
        for name in _LENGTH
        if getattr(found.run, name) != getattr(run.config.run, name)
    ]
    if differing:
        raise UserError(
            f"{run.folder}: holds a run with other flags: {', '.join(differing)}. Give another "
            "--output_dir, or the flags as they were."
        )


def read_study_run(run: PlannedRun, part: Part) -> StudyRun:
    """Reads one finished run.

    Raises:
        UserError: a file is damaged.
    """
    finished = read_run(str(run.folder), NETWORK)
    summary = _summary(run.folder)
    facts = read_start_facts(run.folder)
    measured = finished
    if part == "test":
        measured = read_evaluation(str(run.folder / TEST_FILE))
    epochs = len(finished.rows)
    windows = facts.windows_per_epoch() if facts else {}
    try:
        return StudyRun(
            plan=run,
            metrics=measured.metrics,
            images=measured.images,
            labels=_labels_measured(sums_file(run, part)),
            rows=finished.rows,
            facts=facts,
            updates=int(summary["updates"]),
            windows={name: count * epochs for name, count in windows.items()},
            seconds=float(summary["seconds"]),
            wall_seconds=float(summary["wall_seconds"]),
            peak_memory_mib=int(summary["peak_memory_mib"]),
            precision=str(summary.get("precision", "unknown")),
            versions=dict(summary.get("versions", {})),
            notices=tuple(summary["notices"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{run.folder}: summary.json is no run's ({error}).") from None


def check_metrics(run: StudyRun, metrics: Sequence[str]) -> None:
    """Refuses metrics that a run did not measure.

    Raises:
        UserError: naming the arm and its metrics.
    """
    for metric in metrics:
        if metric not in run.metrics:
            raise UserError(
                f"--metric={metric}: the arm {run.plan.arm} has none; choose among "
                f"{', '.join(run.metrics)}."
            )


def mixed_settings(runs: Sequence[StudyRun]) -> list[str]:
    """Sentences on versions and precisions in which runs differ; empty if all agree."""
    sentences = []
    names = dict.fromkeys(name for run in runs for name in run.versions)
    kinds = {name: [run.versions.get(name, "unknown") for run in runs] for name in names}
    kinds["precision"] = [run.precision for run in runs]
    for name, values in kinds.items():
        if len(found := sorted(set(values))) > 1:
            counted = ", ".join(f"{value} in {values.count(value)} runs" for value in found)
            sentences.append(f"Runs differ in {name}: {counted}.")
    return sentences


def sums_file(run: PlannedRun, part: Part) -> Path:
    """File of a run with the sums over each image of the deciding part."""
    test = run.folder / f"{Path(TEST_FILE).stem}_{IMAGE_SUMS}"
    return test if part == "test" else run.folder / IMAGE_SUMS


def _labels_measured(path: Path) -> str:
    images = read_image_sums(path)
    if images is None or "confusion" not in images.sums:
        return ""
    pixels = images.sums["confusion"].sum(axis=-1).astype("<i8")  # of each true class, per image
    return f"{zlib.crc32(pixels.tobytes(), zlib.crc32(chr(10).join(images.keys).encode())):08x}"


def _summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())
