"""Estimates how long the runs of a study take, from a few updates of each arm."""

import json
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from tfadvseg.errors import UserError
from tfadvseg.study.launching import Job, failure_reason
from tfadvseg.study.plan import PlannedRun

_STEPS = (2, 6)
"""Updates per epoch of the two short runs of each arm."""


def time_arms(planned: Sequence[PlannedRun], train: Sequence[str]) -> dict[str, float]:
    """Estimated seconds of a run, by arm.

    Two short runs per arm, with all epochs but few updates, separate the time of an update from
    that of everything else: start, validations, pictures and the final evaluation. Their outputs
    are deleted.

    Args:
        planned: all runs; the first of each arm is timed.
        train: command that starts `scripts/train.py`.

    Raises:
        UserError: a short run failed; names the arm and the reason.
    """
    first: dict[str, PlannedRun] = {}
    for run in planned:
        first.setdefault(run.arm, run)
    found = {}
    for arm, run in tqdm(first.items(), desc="timing", unit="arm", disable=None):
        short = [_short_run(run, train, steps) for steps in _STEPS]
        (few_wall, few), (_, more) = short
        per_step = max(more - few, 0.0) / (_STEPS[1] - _STEPS[0])
        found[arm] = few_wall + per_step * max(_steps(run) - _STEPS[0], 0)
    return found


def _steps(run: PlannedRun) -> int:
    """Updates per epoch and phase."""
    steps = run.config.run.steps_per_epoch
    if not steps:
        raise UserError(
            f"--arm={run.arm}: --steps_per_epoch=0 depends on the number of images; give a number, "
            "or leave out --time_arms."
        )
    return steps


def _short_run(run: PlannedRun, train: Sequence[str], steps: int) -> tuple[float, float]:
    """Wall time of the process and time of training, in seconds."""
    with tempfile.TemporaryDirectory(prefix="tfadvseg-timing-") as name:
        folder = Path(name)
        changes = (f"--steps_per_epoch={steps}", f"--output_dir={folder / 'run'}")
        command = (*train, *run.arguments, *changes)
        job = Job(run.arm, (command,), folder / "log")
        started = time.monotonic()
        with job.log.open("wb") as log:
            code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
        took = time.monotonic() - started
        if code:
            raise UserError(f"--arm={run.arm}: cannot be timed: {failure_reason(job, code)}")
        summary: Mapping[str, float] = json.loads((folder / "run/summary.json").read_text())
        return took, float(summary["seconds"])
