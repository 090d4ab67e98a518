"""The plan of a study: which runs it takes, where they go and by which commands."""

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
"""In a run's folder: its last state measured on the test part."""


@dataclass(frozen=True)
class Study:
    """What is compared, and by what.

    Attributes:
        arms: two or more.
        references: names of arms that all others are compared with; the first one is the main one.
        unit: what makes pairs: a seed, or a fold of the images.
        numbers: of the seeds or folds.
        folds: how many folds there are; 0 where `unit` is `seed`.
        fold_seed: the seed of all runs where `unit` is `fold`.
        metrics: the first one decides, the others are reported.
        part: whose images decide.
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

        Each arm is compared with every reference; a reference with those before it.
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
        arm: the name of its arm.
        number: its seed or fold.
        folder: its `--output_dir`.
        arguments: of `scripts/train.py`.
        config: what they mean.
    """

    arm: str
    number: int
    folder: Path
    arguments: tuple[str, ...]
    config: Config

    @property
    def log(self) -> Path:
        """Where its output goes, so that the run's own folder may be made by the run."""
        return self.folder.with_suffix(".log")


def plan_runs(study: Study) -> list[PlannedRun]:
    """All runs, pair by pair, so that the first pairs are whole early.

    Raises:
        UserError: an arm's flags are wrong, or two arms mean the same.
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
    """Numbers and ranges, as in `0,2-7`, rising in the order given.

    Raises:
        UserError: it is written otherwise, or a number comes twice.
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
    """The names of the reference arms; the first arm's where none is given.

    Raises:
        UserError: a name is no arm's, or comes twice.
    """
    names = [arm.name for arm in arms]
    for name in references:
        if name not in names:
            raise UserError(f"--reference={name}: no such arm; choose among {', '.join(names)}.")
    if len(set(references)) < len(references):
        raise UserError(f"--reference={','.join(references)}: a name comes twice.")
    return tuple(references) or (names[0],)
