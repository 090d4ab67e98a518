"""Compares finished runs, or evaluations of them, class by class: a table and pictures.

    tfadvseg compare --runs=source_only=runs/a,adapted=runs/b,oracle=runs/c
    tfadvseg compare --runs=source_only=runs/a0+runs/a1,adapted=runs/b0+runs/b1

Runs are compared on their validation images. For others, such as a test split, take the JSON files
that `tfadvseg evaluate` writes, all of the same dataset and split:

    tfadvseg compare --metric=accuracy,miou --runs=plain=a0.json+a1.json,weighted=b.json

Several runs of one name are seeds: their mean and standard deviation are given. If every name has
as many, runs in the same place are pairs (their seeds must agree), and each name is compared with
--reference: the mean difference with its 95 % interval, p-values, and what follows in words. A run
that trained S alone as well (--compare) gives both sides of a pair:

    tfadvseg compare --runs=alone=runs/a0:standard+runs/a1:standard,against_d=runs/a0+runs/a1

If runs are named source_only and oracle (trained with the target's labels), the table also gives
the share of the gap between them that each other name closes. Files in --output_dir:

  compared.md, compared.json   means, deviations, gains on source_only, shares of the gap
  iou_bars.png                 IoU of each class
  curves.png                   of runs: the first --metric in validation over updates, if it was
                               measured after each epoch

Results of several studies (tfadvseg study) make one table and one figure:

    tfadvseg compare --studies=studies/streets,studies/scribbles

Differences in each study's deciding metric, with 95 % intervals; arms with a discriminator against
each of their references, the others against the main one. Files in --output_dir:

  studies.md                   the table
  forest.png                   the intervals of all studies, one row per difference
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from absl import flags

from tfadvseg import cli
from tfadvseg.errors import UserError
from tfadvseg.export.choices import Which
from tfadvseg.files import atomic
from tfadvseg.files.finished_runs import (
    FinishedRun,
    class_names,
    is_evaluation,
    measured_on,
    parse_runs,
    read_evaluation,
    read_run,
)
from tfadvseg.files.metrics_text import markdown_table
from tfadvseg.run.comparison import compare, json_text, markdown
from tfadvseg.study.analysis import Comparison
from tfadvseg.study.finished_pairs import paired_comparisons, why_unpaired
from tfadvseg.study.report import comparison_fields, comparison_table
from tfadvseg.study.sentences import verdict
from tfadvseg.study.several import differences_table, read_differences

_RUNS = flags.DEFINE_string(
    "runs",
    None,
    "Runs to compare: name=run,name=run+run,... where a run is its --output_dir, or the JSON file "
    "of its evaluation.",
)
_STUDIES = flags.DEFINE_list(
    "studies", None, "Folders of studies, or their results.json, to compare instead of --runs."
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", "compared", "Folder for tables and pictures.")
_METRIC = flags.DEFINE_string(
    "metric",
    "miou",
    "Metrics in the table, such as accuracy,miou,iou_CLASS. The first one is that of the curves "
    "and of the gap.",
)
_NETWORK = flags.DEFINE_string(
    "network",
    "segmenter",
    "Network of each run: segmenter, or one trained by --compare. Does not apply to evaluations.",
)
_REFERENCE = flags.DEFINE_string(
    "reference", None, "Name that the others are compared with. Default: the first one."
)
_WHICH = flags.DEFINE_enum(
    "which",
    "latest",
    get_args(Which),
    "Checkpoint of each run. best is chosen by the labels of the validation images; unsupervised "
    "adaptation must not use labels of the target, so the default is latest. Does not apply to "
    "evaluations.",
)


def main(argv: list[str]) -> None:
    del argv
    if _STUDIES.value is not None:
        _compare_studies()
    else:
        _compare_runs()


def _compare_studies() -> None:
    """What `--studies` does."""
    if _RUNS.value is not None:
        raise UserError("--runs and --studies: give one of them.")
    differences = [each for path in _STUDIES.value or () for each in read_differences(Path(path))]
    if not differences:
        raise UserError("--studies: name at least one study's folder.")
    # Only now, so that what is wrong with the flags is said at once.
    from tfadvseg.study.forest_plot import forest_figure

    folder = Path(_OUTPUT_DIR.value)
    text = markdown_table(differences_table(differences)) + "\n"
    atomic.write_text(folder / "studies.md", text)
    forest_figure(differences, folder / "forest.png")
    print(text)
    for name in ("studies.md", "forest.png"):
        print(f"{Path(name).stem}: {folder / name}")


def _compare_runs() -> None:
    """What `--runs` does."""
    metrics = [name.strip() for name in _METRIC.value.split(",")]
    network = _NETWORK.value
    best = "" if _WHICH.value == "latest" else " best"
    kept = f"{network}{best}"
    runs = {
        name: [
            read_evaluation(path) if is_evaluation(path) else _read(path, network, best)
            for path in paths
        ]
        for name, paths in parse_runs(cli.required(_RUNS)).items()
    }
    images = measured_on(runs)
    evaluated = all(run.evaluated for seeds in runs.values() for run in seeds)
    if evaluated and (_NETWORK.present or _WHICH.present):
        raise UserError("--network and --which: are for runs; an evaluation is of one network.")
    classes = class_names(runs)
    sides = compare(runs, metrics)
    reference = _REFERENCE.value or next(iter(runs))
    if reference not in runs:
        raise UserError(f"--reference={reference}: no such name; choose among {', '.join(runs)}.")
    reason = why_unpaired(runs)
    pairs = [] if reason else paired_comparisons(runs, reference, metrics)
    # Imported late, so that mistaken flags are reported at once.
    from tfadvseg.reporting.comparison_curves import comparison_figure
    from tfadvseg.reporting.iou_bars import iou_bars_figure

    folder = Path(_OUTPUT_DIR.value)
    made = ["compared.md", "compared.json", "iou_bars.png"]
    no_curves = ""
    if not evaluated:
        metric = metrics[0]
        rows = {name: [run.rows for run in seeds] for name, seeds in runs.items()}
        try:
            comparison_figure(rows, f"val/{network}/{metric}", folder / "curves.png", metric)
            made.append("curves.png")
        except ValueError as error:  # some metrics are measured only at the end
            no_curves = f"curves: none; {error}"
    shown = None if evaluated else kept
    text = f"{markdown(sides, metrics, images, shown)}\n{_paired_text(pairs, reason)}"
    fields = json.loads(json_text(sides, metrics, images, shown))
    fields["pairs"] = [comparison_fields(each) for each in pairs]
    atomic.write_text(folder / "compared.md", text)
    atomic.write_text(folder / "compared.json", json.dumps(fields, indent=1) + "\n")
    iou_bars_figure(
        {name: side.mean for name, side in sides.items()},
        classes,
        folder / "iou_bars.png",
        {name: side.deviation for name, side in sides.items()},
    )
    print(text)
    for name in made:
        print(f"{Path(name).stem}: {folder / name}")
    if no_curves:
        print(no_curves)


def _read(path: str, network: str, best: str) -> FinishedRun:
    """A run; `:standard` after its folder selects the network that was trained alone."""
    folder, colon, name = path.rpartition(":")
    if colon and not Path(path).expanduser().exists():
        run = read_run(folder, f"{name}{best}")
        # Its curves take the name of the other runs' curves.
        rows = [
            {
                column.replace(f"val/{name}/", f"val/{network}/"): value
                for column, value in row.items()
                if not column.startswith("val/") or column.startswith(f"val/{name}/")
            }
            for row in run.rows
        ]
        return dataclasses.replace(run, rows=rows)
    return read_run(path, f"{network}{best}")


def _paired_text(pairs: Sequence[Comparison], reason: str) -> str:
    if reason:
        return f"No pairs: {reason}.\n"
    sentences = [f"- {verdict(each, 'seed')}" for each in pairs]
    table = markdown_table(comparison_table(pairs))
    return "\n\n".join(["Pairs, differences of shares in points:", table, *sentences]) + "\n"
