"""The plan of a study: its runs, their folders and their flags."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tfadvseg.config import Config
from tfadvseg.errors import UserError
from tfadvseg.study.arms import Arm

Unit = Literal["seed", "fold"]
Part = Literal["validation", "test"]

TEST_FILE = "evaluation_study_test.json"
"""File in a run's folder with the metrics of its last state on the test part."""


@dataclass(frozen=True)
class Study:
    """The arms that are compared, and how.

    Attributes:
        arms: two or more.
        references: names of arms that all others are compared with; the first one is the main one.
        unit: unit of pairs: a seed, or a fold of the images.
        numbers: the seeds or folds.
        folds: number of folds; 0 if `unit` is `seed`.
        fold_seed: seed of all runs if `unit` is `fold`.
        metrics: names of metrics; the first one decides.
        part: part of the images that decides.
        output: the study's folder.
    """

    arms: tuple[Arm, ...]
    references: tuple[str, ...]
    unit: Unit
    numbers: tuple[int, ...]
    folds: int
    fold_seed: int
    metrics: tuple[str, ...]
    part: Part
    output: Path

    def comparisons(self) -> list[tuple[str, str]]:
        """(arm, reference) of each comparison, those with the main reference first.

        Each arm is compared with every reference, a reference with those before it.
        """
        found = []
        for place, reference in enumerate(self.references):
            earlier = self.references[: place + 1]
            found += [(arm.name, reference) for arm in self.arms if arm.name not in earlier]
        return found


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study.

    Attributes:
        arm: name of its arm.
        number: its seed or fold.
        folder: its `--output_dir`.
        arguments: its flags.
        config: the configuration of these flags.
    """

    arm: str
    number: int
    folder: Path
    arguments: tuple[str, ...]
    config: Config

    @property
    def log(self) -> Path:
        """File of its output; outside of the run's folder, which the run creates."""
        return self.folder.with_suffix(".log")


def plan_runs(study: Study) -> list[PlannedRun]:
    """All runs, pair by pair, so that first pairs are complete early.

    Raises:
        UserError: an arm's flags are wrong, or two arms have the same configuration.
    """
    runs = []
    for number, arm in itertools.product(study.numbers, study.arms):
        folder = study.output / arm.name / f"{study.unit}_{number}"
        own = [f"--seed={number if study.unit == 'seed' else study.fold_seed}"]
        if study.unit == "fold":
            own += [f"--fold={number}", f"--folds={study.folds}"]
        own += [f"--output_dir={folder}"]
        config = arm.config(*own)
        runs.append(PlannedRun(arm.name, number, folder, (*arm.arguments, *own), config))
    return runs


def parse_numbers(text: str, flag: str) -> tuple[int, ...]:
    """Reads numbers and ascending ranges, as in `0,2-7`; keeps their order.

    Raises:
        UserError: the text has another form, or a number occurs twice.
    """
    numbers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if not match:
            raise UserError(f"--{flag}={text}: write numbers and ranges, as in 0,2-7.")
        first = int(match[1])
        last = int(match[2] or first)
        if last < first:
            raise UserError(f"--{flag}={text}: {part.strip()} falls; write {last}-{first}.")
        numbers += range(first, last + 1)
    if len(set(numbers)) < len(numbers):
        raise UserError(f"--{flag}={text}: a number comes twice.")
    return tuple(numbers)


def check_references(references: Sequence[str], arms: Sequence[Arm]) -> tuple[str, ...]:
    """The names of the reference arms; the first arm if none is given.

    Raises:
        UserError: a name is not that of an arm, or occurs twice.
    """
    names = [arm.name for arm in arms]
    for name in references:
        if name not in names:
            raise UserError(f"--reference={name}: no such arm; choose among {', '.join(names)}.")
    if len(set(references)) < len(references):
        raise UserError(f"--reference={','.join(references)}: a name comes twice.")
    return tuple(references) or (names[0],)
