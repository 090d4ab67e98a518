"""A study from its plan to its report: runs what is left and gathers results."""

from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from tfadvseg.errors import UserError
from tfadvseg.files import atomic
from tfadvseg.reporting.metric_names import value_text
from tfadvseg.study.analysis import compare_arms, pairing_notes
from tfadvseg.study.estimate import duration_text, estimated_seconds
from tfadvseg.study.gathering import (
    StudyRun,
    check_metrics,
    is_finished,
    mixed_settings,
    read_study_run,
)
from tfadvseg.study.launching import Job, failure_reason, job_of, run_jobs
from tfadvseg.study.plan import PlannedRun, Study, plan_runs
from tfadvseg.study.record import read_failures, record_study, write_failures
from tfadvseg.study.report import StudyResult, json_text, markdown

RESULTS = "results.md"


@dataclass(frozen=True)
class Commands:
    """Commands of a study: programs with their first arguments."""

    train: tuple[str, ...]
    evaluate: tuple[str, ...]


@dataclass
class Progress:
    """State of a study.

    Attributes:
        study: the plan.
        planned: all runs.
        runs: finished runs, by arm and number.
        failed: reasons of failed runs, by arm and number.
    """

    study: Study
    planned: list[PlannedRun]
    runs: dict[str, dict[int, StudyRun]] = field(default_factory=dict)
    failed: dict[tuple[str, int], str] = field(default_factory=dict)

    def add(self, run: PlannedRun) -> StudyRun:
        """Reads a finished run and checks it against the runs that it is paired with.

        Raises:
            UserError: it lacks a metric, or cannot be paired.
        """
        read = read_study_run(run, self.study.part)
        check_metrics(read, self.study.metrics)
        self.runs.setdefault(run.arm, {})[run.number] = read
        self.failed.pop((run.arm, run.number), None)
        pairing_notes(self.study, self.runs, run.number)
        return read

    def waiting(self) -> list[PlannedRun]:
        return [run for run in self.planned if run.number not in self.runs.get(run.arm, {})]

    def left(self, at_once: int) -> float | None:
        """Seconds until all runs have finished, or None if no run has finished yet."""
        seconds = {
            arm: [run.wall_seconds for run in found.values()] for arm, found in self.runs.items()
        }
        return estimated_seconds(self.waiting(), seconds, at_once)


def look(study: Study) -> Progress:
    """The state of a study, from the files of its runs; writes nothing.

    Raises:
        UserError: an arm's flags are wrong, a folder holds another run, or finished runs cannot be
            paired or lack a metric.
    """
    progress = Progress(study, plan_runs(study))
    progress.failed = read_failures(study)
    for run in progress.planned:
        if is_finished(run, study.part):
            progress.add(run)
    return progress


def jobs_left(progress: Progress, commands: Commands) -> list[Job]:
    """Jobs of the runs that have not finished, in order."""
    return [
        job_of(
            run,
            progress.study.part,
            commands.train,
            commands.evaluate,
            trained=is_finished(run, "validation"),
        )
        for run in progress.waiting()
    ]


def conduct(progress: Progress, commands: Commands, at_once: int) -> None:
    """Executes the remaining runs, and writes tables and verdicts anew whenever a run ends.

    Args:
        progress: state of the study; finished runs are added.
        commands: commands of the study.
        at_once: number of runs at a time.

    Raises:
        UserError: a run lacks a metric, or two cannot be paired; the others are stopped then.
        launching.StudyStopped: a signal was received.
    """
    jobs = jobs_left(progress, commands)
    runs = dict(zip((job.name for job in jobs), progress.waiting(), strict=True))
    total = len(progress.planned)
    # Without a terminal to redraw it on, the lines above the bar contain the same information.
    bar = tqdm(total=total, initial=total - len(jobs), unit="run", disable=None)

    def ended(job: Job, code: int) -> None:
        run = runs[job.name]
        if code == 0:
            read = progress.add(run)
            metric = progress.study.metrics[0]
            value = value_text(metric, read.metrics[metric])
            line = f"{job.name}: {metric} {value}, {duration_text(read.wall_seconds)}"
        else:
            progress.failed[run.arm, run.number] = failure_reason(job, code)
            line = f"{job.name}: failed: {progress.failed[run.arm, run.number]} ({job.log})"
        left = progress.left(at_once)
        bar.write(line + (f"; about {duration_text(left)} left" if left else ""))
        bar.update()
        write_results(result_of(progress))
        write_failures(progress.study, progress.failed)

    with bar:
        run_jobs(jobs, at_once, ended)


def result_of(progress: Progress, strict: bool = False, images: bool = False) -> StudyResult:
    """The content of the report.

    Args:
        progress: state of the study.
        strict: refuse runs of mixed versions or precisions instead of noting them.
        images: whether to bootstrap over images.

    Raises:
        UserError: `strict`, and versions or precisions differ.
    """
    study = progress.study
    finished = [run for found in progress.runs.values() for run in found.values()]
    mixed = mixed_settings(finished)
    if strict and mixed:
        raise UserError(f"--strict: {' '.join(mixed)} Repeat runs so that all agree.")
    notes = [*record_study(study, write=False), *mixed, *pairing_notes(study, progress.runs)]
    if study.unit == "fold":
        notes.append(
            "Training parts of different folds overlap; intervals and the t-test allow for that by "
            "Nadeau and Bengio's correction, the sign-flip test does not."
        )
    comparisons = compare_arms(study, progress.runs, images)
    return StudyResult(study, progress.runs, progress.failed, comparisons, notes)


def write_results(result: StudyResult) -> list[Path]:
    """Writes tables and verdicts; returns their files."""
    output = result.study.output
    made = {output / RESULTS: markdown(result), output / "results.json": json_text(result)}
    for path, text in made.items():
        atomic.write_text(path, text)
    return [*made]


def write_report(result: StudyResult, command: str) -> list[Path]:
    """Writes tables and verdicts and, once a run has finished, the page; returns all files.

    Args:
        result: the content of the report.
        command: command that repeats the study.
    """
    made = write_results(result)
    if not result.finished():
        return made
    # Imported late, because it imports Matplotlib.
    from tfadvseg.reporting.page.render import REPORT, write_page
    from tfadvseg.study.page import study_page

    write_page(study_page(result, command), result.study.output / REPORT)
    return [*made, result.study.output / REPORT]
