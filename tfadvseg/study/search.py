"""Search over an arm's flags with Optuna, on the validation part and on a separate seed."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tfadvseg.errors import UserError
from tfadvseg.files import atomic
from tfadvseg.reporting.metric_names import less_is_better
from tfadvseg.study.arms import Arm
from tfadvseg.study.gathering import check_metrics, is_finished, read_study_run
from tfadvseg.study.launching import failure_reason, job_of, run_jobs
from tfadvseg.study.plan import PlannedRun

if TYPE_CHECKING:
    import optuna

_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})(\s+log)?")


@dataclass(frozen=True)
class Range:
    """Values of a flag in a search.

    Attributes:
        flag: its name.
        low, high: bounds of a number, which is whole if both bounds are.
        log: whether values are drawn on a logarithmic scale.
        choices: values to choose from, instead of bounds.
    """

    flag: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[str, ...] = ()

    def suggest(self, trial: "optuna.Trial") -> str:
        """The flag with the trial's value."""
        if self.choices:
            value = trial.suggest_categorical(self.flag, self.choices)
        elif isinstance(self.low, int) and isinstance(self.high, int):
            value = str(trial.suggest_int(self.flag, self.low, self.high, log=self.log))
        else:
            value = f"{trial.suggest_float(self.flag, self.low, self.high, log=self.log):.6g}"
        return f"--{self.flag}={value}"


@dataclass(frozen=True)
class Search:
    """A search.

    Attributes:
        arm: arm whose flags are varied.
        ranges: values of the flags.
        seed: seed of all its runs; not a seed that the study reports.
        metric: metric on the validation part.
        trials: number of finished runs to reach.
        output: the study's folder.
    """

    arm: Arm
    ranges: tuple[Range, ...]
    seed: int
    metric: str
    trials: int
    output: Path

    @property
    def folder(self) -> Path:
        return self.output / "search" / self.arm.name


def parse_range(text: str) -> Range:
    """Reads `FLAG: LOW..HIGH`, `FLAG: LOW..HIGH log` or `FLAG: VALUE,VALUE,...`.

    Raises:
        UserError: the text has another form.
    """
    flag, colon, rest = (part.strip() for part in text.partition(":"))
    flag = flag.removeprefix("--")
    wrong = UserError(
        f"--range={text}: write it as FLAG: LOW..HIGH, FLAG: LOW..HIGH log, or FLAG: VALUE,VALUE."
    )
    if not colon or not re.fullmatch(r"\w+", flag):
        raise wrong
    if match := _RANGE.fullmatch(rest):
        whole = re.fullmatch(r"[-+]?\d+", match[1]) and re.fullmatch(r"[-+]?\d+", match[2])
        low, high = (int(match[i]) if whole else float(match[i]) for i in (1, 2))
        if low >= high or (match[3] and low <= 0):
            raise UserError(
                f"--range={text}: the lower bound must be less than the upper one, and more than 0 "
                "on a logarithmic scale."
            )
        return Range(flag, low, high, bool(match[3]))
    choices = tuple(value.strip() for value in rest.split(","))
    if len(choices) < 2 or not all(choices) or ".." in rest:
        raise wrong
    return Range(flag, choices=choices)


def run_search(
    search: Search, train: Sequence[str], say: Callable[[str], None] = print
) -> dict[str, str]:
    """Runs trials until there are enough, and writes the best as an arm; returns its flags.

    Several processes with the same command share the trials. A killed process's trial is lost, and
    the others go on.

    Args:
        search: the search.
        train: command of training.
        say: function that takes one line per trial.

    Raises:
        UserError: Optuna is not installed, a flag is wrong, or every trial failed.
    """
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise UserError("--search: needs Optuna; pip install 'tfadvseg[search]'.") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search.folder.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=f"{search.arm.name}, {search.metric}",
        storage=JournalStorage(JournalFileBackend(str(search.folder / "trials.log"))),
        sampler=optuna.samplers.TPESampler(seed=None),
        direction="minimize" if less_is_better(search.metric) else "maximize",
        load_if_exists=True,
    )

    def objective(trial: optuna.Trial) -> float:
        changes = [each.suggest(trial) for each in search.ranges]
        value = _run_trial(search, trial.number, changes, train)
        if value is None:
            raise optuna.TrialPruned
        say(f"trial {trial.number}: {' '.join(changes)}: {search.metric} {value:.4f}")
        return value

    def finished() -> int:
        return sum(trial.state.name == "COMPLETE" for trial in study.trials)

    tried = 0
    while finished() < search.trials and tried < 2 * search.trials:
        study.optimize(objective, n_trials=1)
        tried += 1
    if not finished():
        raise UserError(f"{search.folder}: every trial failed; see the logs there.")
    best = {name: _text(value) for name, value in study.best_params.items()}
    fields = {"arm": search.arm.name, "metric": search.metric, "seed": search.seed}
    fields |= {"best": study.best_value, "flags": best, "trials": finished()}
    atomic.write_text(search.folder / "best.json", json.dumps(fields, indent=1) + "\n")
    return best


def _run_trial(
    search: Search, number: int, changes: Sequence[str], train: Sequence[str]
) -> float | None:
    """The metric of a run with these flags; None if it failed."""
    folder = search.folder / f"trial_{number}"
    own = (*changes, f"--seed={search.seed}", f"--output_dir={folder}")
    config = search.arm.config(*own)
    run = PlannedRun(search.arm.name, number, folder, (*search.arm.arguments, *own), config)
    if not is_finished(run, "validation"):
        job, codes = job_of(run, "validation", train, (), trained=False), []
        run_jobs([job], 1, lambda _, code: codes.append(code))
        if codes != [0]:
            print(f"trial {number}: failed: {failure_reason(job, codes[0])} ({job.log})")
            return None
    read = read_study_run(run, "validation")
    check_metrics(read, [search.metric])
    return read.metrics[search.metric]


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
