"""Checks that two runs differ only in the effects of their flags. No TensorFlow here."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from tfadvseg.config import Config
from tfadvseg.errors import UserError
from tfadvseg.files.start_facts import StartFacts
from tfadvseg.study.gathering import StudyRun

_TOLERANCE = 1e-3
"""Largest difference of two windows' means, normalised or of class ids, that is rounding."""

_NO_PAIRING = frozenset(("data_dir", "prepared_dir", "beam_options", "val_windows"))
"""Data settings that change neither images nor windows."""


def check_pair(arm: StudyRun, reference: StudyRun) -> list[str]:
    """Sentences on differences between two runs of one seed or fold, for the report.

    Images that are measured must be the same. Training images, the initial weights of S and the
    first batches must be the same unless flags of the two runs explain the difference.

    Raises:
        UserError: the runs cannot be paired.
    """
    names = f"{arm.plan.arm} and {reference.plan.arm}"
    where = f"{names} of {_where(arm)}"
    if arm.images != reference.images:
        raise UserError(
            f"{where} cannot be paired: one was measured on {arm.images}, the other on "
            f"{reference.images}."
        )
    if arm.labels and reference.labels and arm.labels != reference.labels:
        raise UserError(
            f"{where} cannot be paired: the images or labels that they were measured on differ; "
            "give both runs the same files."
        )
    if arm.facts is None or reference.facts is None:
        return [f"{names}: a run recorded no facts of its start, so pairing was not checked."]
    first, second = arm.plan.config, reference.plan.config
    sentences = []
    for part in sorted({*arm.facts.parts} & {*reference.facts.parts}):
        if arm.facts.parts[part] == reference.facts.parts[part]:
            continue
        flags = _differing_data(first, second)
        if part == "validation" or not flags:
            raise UserError(
                f"{where} cannot be paired: their {part} images or labels differ; give both runs "
                "the same files."
            )
        sentences.append(f"{names} train on different {part} images ({_listed(flags)}).")
    if arm.facts.initial_weights != reference.facts.initial_weights:
        flags = _differing(first.segmenter, second.segmenter)
        flags += _differing_data(first, second, classes_only=True)
        if not flags:
            raise UserError(
                f"{where} cannot be paired: S begins with different weights although its flags "
                "agree; repeat both runs with the same version of the package."
            )
        sentences.append(f"{names} begin with different weights of S ({_listed(flags)}).")
    if different := _different_batches(arm.facts, reference.facts):
        flags = _differing_data(first, second) + _differing_batches(first, second)
        if not flags:
            raise UserError(
                f"{where} cannot be paired: their first batches differ in {_listed(different)} "
                "although the flags agree; repeat both runs with the same version of the package."
            )
        sentences.append(f"{names} are shown different windows ({_listed(flags)}).")
    return sentences


def _where(run: StudyRun) -> str:
    return run.plan.folder.name.replace("_", " ")


def _different_batches(first: StartFacts, second: StartFacts) -> list[str]:
    """Names of tensors in both whose first windows differ."""
    batches = [_first_batches(facts) for facts in (first, second)]
    return [name for name in batches[0] if name in batches[1] and not _alike(name, *batches)]


def _first_batches(facts: StartFacts) -> dict[str, list[float]]:
    """First batches of the phases that train S; D's own phase has windows in another order."""
    found: dict[str, list[float]] = {}
    for phase in facts.phases:
        if phase.name != "discriminator":
            for name, means in phase.first_batch.items():
                found.setdefault(name, means)
    return found


def _alike(
    name: str, first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]]
) -> bool:
    return len(first[name]) == len(second[name]) and all(
        math.isclose(a, b, abs_tol=_TOLERANCE)
        for a, b in zip(first[name], second[name], strict=True)
    )


def _differing(first: object, second: object) -> list[str]:
    """Flags of two sections of one class that differ."""
    assert dataclasses.is_dataclass(first)
    return [
        f"--{field.name}"
        for field in dataclasses.fields(first)
        if getattr(first, field.name) != getattr(second, field.name)
    ]


def _differing_data(first: Config, second: Config, classes_only: bool = False) -> list[str]:
    """Flags of the two domains that differ and affect images or windows."""
    chosen = ("dataset", "class_names", "value_map", "colour_map", "void_as_class", "train_ids")
    flags = []
    for prefix, one, other in (
        ("", first.data, second.data),
        ("target_", first.target, second.target),
    ):
        for flag in _differing(one, other):
            name = flag.removeprefix("--")
            if name not in _NO_PAIRING and (not classes_only or name in chosen):
                flags.append(f"--{prefix}{name}")
    return flags if classes_only else [*flags, *_differing(first.few_labels, second.few_labels)]


def _differing_batches(first: Config, second: Config) -> list[str]:
    flags = []
    if first.run.global_batch_size != second.run.global_batch_size:
        flags.append("--global_batch_size")
    if first.method.rules.restyles or second.method.rules.restyles:
        flags.append("--method")
    if first.method.iter_size != second.method.iter_size:
        flags.append("--iter_size")
    if first.loss.boundary_weight != second.loss.boundary_weight:
        flags.append("--boundary_weight")
    return flags


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))
