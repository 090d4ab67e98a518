"""Comparisons of a study's arms from its finished runs. No TensorFlow here."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tfadvseg.study.bootstrap import image_interval
from tfadvseg.study.gathering import StudyRun
from tfadvseg.study.pairing import check_pair
from tfadvseg.study.plan import Study
from tfadvseg.study.statistics import PairedResult, holm, paired_result

Runs = Mapping[str, Mapping[int, StudyRun]]
"""Finished runs by arm, and by seed or fold."""


@dataclass(frozen=True)
class Comparison:
    """One metric of one arm against one reference.

    Attributes:
        arm, reference, metric: names of the two arms and of the metric.
        numbers: seeds or folds of the pairs.
        arm_values, reference_values: the metric of each pair.
        result: statistics of the pairs; None if there is no pair.
        image_interval: interval of the bootstrap over images (`bootstrap.image_interval`); None if
            it was not requested, or does not apply.
        t_holm, sign_flip_holm: p-values corrected for all arms compared with this reference by
            this metric; NaN if there is none.
    """

    arm: str
    reference: str
    metric: str
    numbers: tuple[int, ...]
    arm_values: tuple[float, ...]
    reference_values: tuple[float, ...]
    result: PairedResult | None
    image_interval: tuple[float, float] | None = None
    t_holm: float = math.nan
    sign_flip_holm: float = math.nan


def compare_arms(study: Study, runs: Runs, images: bool = False) -> list[Comparison]:
    """All comparisons of a study, by metric and then in the order of `Study.comparisons`.

    Args:
        study: the plan.
        runs: the finished runs.
        images: whether to bootstrap over images as well, which takes a second per run.
    """
    made: list[Comparison] = []
    for metric in study.metrics:
        for reference in study.references:
            family = [
                _compare(study, runs, arm, other, metric, images)
                for arm, other in study.comparisons()
                if other == reference
            ]
            made += corrected(family)
    return made


def pairing_notes(study: Study, runs: Runs, only: int | None = None) -> list[str]:
    """Differences between paired runs in more than their metrics, each sentence once.

    Args:
        study: the plan.
        runs: the finished runs.
        only: the seed or fold to check; None for all.

    Raises:
        UserError: two runs cannot be paired.
    """
    notes: dict[str, None] = {}
    for arm, reference in study.comparisons():
        for number in _shared_numbers(runs, arm, reference):
            if only not in (None, number):
                continue
            notes |= dict.fromkeys(check_pair(runs[arm][number], runs[reference][number]))
    return list(notes)


def corrected(family: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with p-values corrected for their number."""
    t_values = holm([_p_value(each, "t_p_value") for each in family])
    flips = holm([_p_value(each, "sign_flip_p_value") for each in family])
    return [
        replace(each, t_holm=t_value, sign_flip_holm=flip)
        for each, t_value, flip in zip(family, t_values, flips, strict=True)
    ]


def _compare(
    study: Study, runs: Runs, arm: str, reference: str, metric: str, images: bool
) -> Comparison:
    numbers, values = [], []
    for number in _shared_numbers(runs, arm, reference):
        both = [runs[name][number].metrics[metric] for name in (arm, reference)]
        if all(map(math.isfinite, both)):
            numbers.append(number)
            values.append(both)
    if not numbers:
        return Comparison(arm, reference, metric, (), (), (), None)
    first, second = zip(*values, strict=True)
    pairs = [(runs[arm][number], runs[reference][number]) for number in numbers]
    shared = 1 / (study.folds - 1) if study.unit == "fold" else 0.0
    return Comparison(
        arm,
        reference,
        metric,
        tuple(numbers),
        first,
        second,
        paired_result(first, second, shared),
        image_interval(pairs, metric, study.part) if images else None,
    )


def _shared_numbers(runs: Runs, arm: str, reference: str) -> list[int]:
    return [number for number in runs.get(arm, {}) if number in runs.get(reference, {})]


def _p_value(comparison: Comparison, name: str) -> float:
    return math.nan if comparison.result is None else getattr(comparison.result, name)
