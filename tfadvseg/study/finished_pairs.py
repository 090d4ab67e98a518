"""Paired statistics of finished runs or evaluations, for `tfadvseg compare`."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfadvseg.files.finished_runs import FinishedRun
from tfadvseg.study.analysis import Comparison, corrected
from tfadvseg.study.statistics import paired_result

Runs = Mapping[str, Sequence[FinishedRun]]


def why_unpaired(runs: Runs) -> str:
    """Why runs of different names are not pairs, as part of a sentence; empty if they are.

    The first runs of all names are one pair, the second runs the next. Known seeds must agree
    within a pair.
    """
    counts = {name: len(each) for name, each in runs.items()}
    if len(counts) < 2:
        return "there is one name only"
    if len({*counts.values()}) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        return f"names have different numbers of runs ({listed})"
    for place, pair in enumerate(zip(*runs.values(), strict=True)):
        seeds = [_seed(run) for run in pair]
        if len({seed for seed in seeds if seed is not None}) > 1:
            listed = ", ".join(
                f"{run.folder} {seed}" for run, seed in zip(pair, seeds, strict=True)
            )
            return f"runs in place {place + 1} have different seeds ({listed})"
    return ""


def paired_comparisons(runs: Runs, reference: str, metrics: Sequence[str]) -> list[Comparison]:
    """Comparisons of each name with the reference, by metric, for paired runs (`why_unpaired`)."""
    made: list[Comparison] = []
    for metric in metrics:
        family = []
        for name in runs:
            if name == reference:
                continue
            values = [
                (arm.metrics[metric], other.metrics[metric])
                for arm, other in zip(runs[name], runs[reference], strict=True)
            ]
            known = [(i, *pair) for i, pair in enumerate(values) if all(map(math.isfinite, pair))]
            places, first, second = zip(*known, strict=True) if known else ((), (), ())
            result = paired_result(first, second) if known else None
            family.append(Comparison(name, reference, metric, places, first, second, result))
        made += corrected(family)
    return made


def _seed(run: FinishedRun) -> int | None:
    """The seed of a run; None for an evaluation, whose file lacks it."""
    if run.evaluated:
        return None
    try:
        return json.loads((Path(run.folder).expanduser() / "summary.json").read_text()).get("seed")
    except (OSError, ValueError, AttributeError):
        return None
