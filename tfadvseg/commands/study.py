"""Compares arms over paired seeds or folds, with a verdict in plain words.

    tfadvseg study --flagfile=studies/demo --dry_run
    tfadvseg study --flagfile=studies/demo --dry_run --time_arms
    tfadvseg study --flagfile=studies/demo
    tfadvseg study --flagfile=studies/demo --seeds=2-7 --jobs=2

A study file is a flagfile, with one --arm per configuration:

    --arm=alone: demo --method=supervised
    --arm=against_d: demo
    --common=--ema=0.99 --noexport
    --reference=alone
    --seeds=2-7
    --metric=miou,accuracy
    --output_dir=studies/demo

Flagfiles are read first, then --common applies, then the arm's own flags. Each run is an ordinary
run of `tfadvseg train` in OUTPUT_DIR/ARM/seed_N. The first --metric decides. It is measured after
training on the last state of S, or on its moving average with --ema, never on a best epoch. Runs of
one seed must share images, the initial weights of S and the order of batches; that is checked.

The same command continues a study that was stopped, and repeats runs that failed. Runs of several
machines can share a folder: --print_commands writes one command per line for a scheduler,

    tfadvseg study --flagfile=FILE --print_commands | xargs -d '\\n' -P 4 -I CMD sh -c CMD
    tfadvseg study --flagfile=FILE --print_commands > commands.txt
    sbatch --array=1-$(wc -l < commands.txt) \\
      --wrap 'sed -n "${SLURM_ARRAY_TASK_ID}p" commands.txt | sh'

and --gather then reads their results.

A search comes before a study, on a seed that the study does not report, and on validation images
alone. It needs Optuna (pip install 'tfadvseg[search]'); several processes share its trials:

    tfadvseg study --flagfile=FILE --search=against_d --range='lambda_adv: 0.001..0.3 log' \\
      --trials=20 --search_seed=0

It ends with an --arm of the best flags, for the study file. Files in --output_dir of a study:

  report.html                everything on one page, for a browser
  results.md, results.json   verdicts, the table of arms, differences with intervals and p-values
  ARM/seed_N, ARM/seed_N.log   the runs
"""

import shlex
import sys
from pathlib import Path
from typing import cast, get_args

from absl import flags

from tfadvseg import cli
from tfadvseg.errors import UserError
from tfadvseg.reporting.metric_names import may_be_metric
from tfadvseg.study.arms import parse_arms
from tfadvseg.study.conducting import (
    RESULTS,
    Commands,
    Progress,
    conduct,
    jobs_left,
    look,
    result_of,
    write_report,
)
from tfadvseg.study.estimate import duration_text, estimated_seconds
from tfadvseg.study.launching import StudyStopped
from tfadvseg.study.plan import Part, Study, Unit, check_references, parse_numbers
from tfadvseg.study.record import record_study
from tfadvseg.study.search import Search, parse_range, run_search
from tfadvseg.study.timing import time_arms
from tfadvseg.training.stopping import EXIT_STOPPED

EXIT_FAILED_RUNS = 1

_ARM = flags.DEFINE_multi_string(
    "arm", None, "Name of an arm, its flagfile and its flags: NAME: FLAGFILE --flag=value ..."
)
_COMMON = flags.DEFINE_multi_string("common", [], "Flags of all arms, between flagfiles and arms.")
_REFERENCE = flags.DEFINE_list(
    "reference", [], "Arms that the others are compared with. Default: the first --arm."
)
_SEEDS = flags.DEFINE_string("seeds", "0-5", "Seeds, each of which is a pair; as in 0,2-7.")
_FOLDS = flags.DEFINE_integer(
    "folds", 0, "Folds to divide the images into, each of which is a pair; 0: pairs are seeds."
)
_METRIC = flags.DEFINE_list("metric", ["miou"], "Metrics; the first one decides.")
_PART = flags.DEFINE_enum(
    "part", "validation", get_args(Part), "Images that decide; test where the dataset has some."
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for runs and results.")
_JOBS = flags.DEFINE_integer(
    "jobs", 1, "Runs at a time, with the cores divided among them.", lower_bound=1
)
_DRY_RUN = flags.DEFINE_boolean("dry_run", False, "List runs and their commands, and end.")
_TIME_ARMS = flags.DEFINE_boolean(
    "time_arms", False, "With --dry_run: train each arm for a few updates to estimate the time."
)
_PRINT_COMMANDS = flags.DEFINE_boolean(
    "print_commands", False, "Write one command per line for the runs that are left, and end."
)
_GATHER = flags.DEFINE_boolean("gather", False, "Read finished runs and report; run nothing.")
_SEARCH = flags.DEFINE_string(
    "search", None, "Name of an arm whose flags to search over --range, instead of the study."
)
_RANGE = flags.DEFINE_multi_string(
    "range", [], "Values of a flag: FLAG: LOW..HIGH, FLAG: LOW..HIGH log, or FLAG: VALUE,VALUE."
)
_TRIALS = flags.DEFINE_integer("trials", 20, "Runs of a search.", lower_bound=1)
_SEARCH_SEED = flags.DEFINE_integer(
    "search_seed", 0, "Seed of a search's runs; not one that the study reports.", lower_bound=0
)
_STRICT = flags.DEFINE_boolean(
    "strict", False, "Refuse to report on runs of mixed versions or precisions."
)


def main(argv: list[str]) -> None:
    del argv
    study = _study()
    program = (sys.executable, "-m", "tfadvseg")
    commands = Commands((*program, "train"), (*program, "evaluate"))
    record_study(study, write=False)
    if _SEARCH.value:
        _search(study, commands)
        return
    progress = look(study)
    if _DRY_RUN.value:
        _describe(progress, commands)
        return
    record_study(study)
    command = shlex.join(["tfadvseg", "study", *sys.argv[1:]])
    if _PRINT_COMMANDS.value:
        for job in jobs_left(progress, commands):
            print(job.as_shell())
        return
    try:
        if not _GATHER.value:
            conduct(progress, commands, _JOBS.value)
    except StudyStopped:
        print("stopped; the same command continues the study.", file=sys.stderr)
        sys.exit(EXIT_STOPPED)
    made = write_report(result_of(progress, _STRICT.value, images=True), command)
    print((study.output / RESULTS).read_text())
    for path in made:
        print(path)
    if progress.failed:
        sys.exit(EXIT_FAILED_RUNS)


def _study() -> Study:
    """The plan that flags describe.

    Raises:
        UserError: a flag does not fit.
    """
    if _FOLDS.value:
        unit: Unit = "fold"
        seeds = parse_numbers(_SEEDS.value, "seeds") if _SEEDS.present else (0,)
        if len(seeds) > 1:
            raise UserError("--folds: pairs are folds or seeds; give one seed in --seeds.")
        if _FOLDS.value < 2:
            raise UserError(f"--folds={_FOLDS.value}: give at least 2.")
        numbers, seed = tuple(range(_FOLDS.value)), seeds[0]
    else:
        unit, numbers, seed = "seed", parse_numbers(_SEEDS.value, "seeds"), 0
        if len(numbers) < 2:
            raise UserError(f"--seeds={_SEEDS.value}: a study needs at least two seeds.")
    arms = parse_arms(_ARM.value or [], _COMMON.value)
    metrics = tuple(dict.fromkeys(name.strip() for name in _METRIC.value))
    if not all(metrics) or not metrics:
        raise UserError("--metric: name at least one metric, such as miou.")
    unknown = [name for name in metrics if not may_be_metric(name)]
    if unknown:
        raise UserError(
            f"--metric={unknown[0]}: no such metric; take miou, accuracy, iou_CLASS, f1_CLASS, "
            "boundary_iou, hd95, assd, ece, v_rand, v_info, or another name in summary.json."
        )
    references = check_references([name.strip() for name in _REFERENCE.value], arms)
    return Study(
        arms=arms,
        references=references,
        unit=unit,
        numbers=numbers,
        folds=_FOLDS.value,
        fold_seed=seed,
        metrics=metrics,
        part=cast(Part, _PART.value),
        output=Path(cli.required(_OUTPUT_DIR)),
    )


def _describe(progress: Progress, commands: Commands) -> None:
    """What `--dry_run` prints."""
    jobs = jobs_left(progress, commands)
    print(f"{len(progress.planned)} runs, {len(jobs)} of them to do:")
    for job in jobs:
        print(f"\n{job.name}\n  {job.as_shell()}")
    left, source = progress.left(_JOBS.value), "as finished runs took"
    if _TIME_ARMS.value:
        seconds = time_arms(progress.planned, commands.train)
        for arm, each in seconds.items():
            print(f"\n{arm}: about {duration_text(each)} per run", end="")
        timed = {arm: [each] for arm, each in seconds.items()}
        left = estimated_seconds(progress.waiting(), timed, _JOBS.value)
        source = "by a few updates of each arm, one run at a time"
    print()
    if left is not None:
        print(f"about {duration_text(left)} in all with --jobs={_JOBS.value}, {source}")
    else:
        print("time: unknown until a run has finished; --time_arms measures some updates")


def _search(study: Study, commands: Commands) -> None:
    """What `--search` does.

    Raises:
        UserError: a flag does not fit.
    """
    arm = next((each for each in study.arms if each.name == _SEARCH.value), None)
    if arm is None:
        names = ", ".join(each.name for each in study.arms)
        raise UserError(f"--search={_SEARCH.value}: no such arm; choose among {names}.")
    if not _RANGE.value:
        raise UserError("--search: give at least one --range of values.")
    if study.unit == "seed" and _SEARCH_SEED.value in study.numbers:
        raise UserError(
            f"--search_seed={_SEARCH_SEED.value}: the study reports this seed; search on another."
        )
    ranges = tuple(map(parse_range, _RANGE.value))
    search = Search(arm, ranges, _SEARCH_SEED.value, study.metrics[0], _TRIALS.value, study.output)
    record_study(study)
    best = run_search(search, commands.train)
    flags_text = shlex.join([*arm.arguments, *(f"--{name}={text}" for name, text in best.items())])
    print(f"\n--arm={arm.name}_best: {flags_text.replace('--flagfile=', '')}")
    print(search.folder / "best.json")
