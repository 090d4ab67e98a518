"""Every dataset by name, and the data flags that it takes. No TensorFlow here."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.camvid import CAMVID
from tfadvseg.data.sets.cells import CELLS
from tfadvseg.data.sets.cityscapes_semseg import CITYSCAPES
from tfadvseg.data.sets.darkfield import DARKFIELD
from tfadvseg.data.sets.dataset import Dataset
from tfadvseg.data.sets.folder import FOLDER
from tfadvseg.data.sets.gta5 import GTA5
from tfadvseg.data.sets.isbi2012 import ISBI2012
from tfadvseg.data.sets.membranes import MEMBRANES
from tfadvseg.data.sets.streets_camera import STREETS_CAMERA
from tfadvseg.data.sets.streets_game import STREETS_GAME
from tfadvseg.data.sets.tfds import TFDS
from tfadvseg.errors import UserError

if TYPE_CHECKING:
    from tfadvseg.data.descriptors import DatasetDescriptor

DATASETS: dict[str, Dataset] = {
    "camvid": CAMVID,
    "cells": CELLS,
    "cityscapes_semseg": CITYSCAPES,
    "darkfield": DARKFIELD,
    "folder": FOLDER,
    "gta5": GTA5,
    "isbi2012": ISBI2012,
    "membranes": MEMBRANES,
    "streets_camera": STREETS_CAMERA,
    "streets_game": STREETS_GAME,
    "tfds": TFDS,
}
"""All datasets by the value of `--dataset`. A new dataset is one file here and one line."""

_DIVIDING = (
    "train_split",
    "val_split",
    "val_fraction",
    "test_fraction",
    "train_list",
    "val_list",
)
"""Flags that divide examples into training, validation and test."""


def find_dataset(name: str) -> Dataset:
    """The dataset of a name.

    Raises:
        UserError: there is none.
    """
    dataset = known_dataset(name)
    if dataset is None:
        kind = DATASETS.get(name.rstrip(":"))
        if kind is not None and kind.takes_name:
            raise UserError(f"--dataset={name}: say which one, as in {kind.name}:NAME.")
        raise UserError(f"--dataset={name}: unknown; choose one of {', '.join(DATASETS)}.")
    return dataset


def known_dataset(name: str) -> Dataset | None:
    """The dataset of a value of `--dataset`, such as `camvid` or `tfds:NAME`; None: there is none.

    One that takes a name is none without it, and others are none with it.
    """
    kind, _, rest = name.partition(":")
    dataset = DATASETS.get(kind)
    if dataset is None or dataset.takes_name != bool(rest) or name.endswith(":"):
        return None
    return dataset


def listeners(flag: str) -> tuple[str, ...]:
    """Names of the datasets that take a data flag; empty if all do."""
    return tuple(name for name, dataset in DATASETS.items() if flag in dataset.flags)


def takers_text(flag: str) -> str:
    """A sentence for the help of a data flag: the datasets that take it, if they are few."""
    takers = listeners(flag)
    if not takers or 2 * len(takers) >= len(DATASETS):
        return ""
    return f"For {', '.join(f'{name}{_default_share(name, flag)}' for name in takers)}."


def check_flags(config: DataConfig) -> Dataset:
    """The dataset of `config`, after a check of its flags.

    Raises:
        UserError: an unknown dataset, or a flag that it does not take; names the flag and the
            datasets that take it.
    """
    dataset = find_dataset(config.dataset)
    for field in dataclasses.fields(DataConfig):
        value, takers = getattr(config, field.name), listeners(field.name)
        if takers and dataset.name not in takers and _is_given(value, field.default):
            raise UserError(
                f"--{_typed(field.name, value)}: is for --dataset={_either(takers)}; "
                f"{_reason(dataset, field.name)}."
            )
    if dataset.check is not None:
        dataset.check(config)
    val, test = dataset.shares(config)
    if (val or 0) + (test or 0) >= 1:
        raise UserError(
            f"--val_fraction={val} and --test_fraction={test}: leave nothing to train on; give "
            "smaller ones."
        )
    return dataset


def known_descriptor(config: DataConfig) -> DatasetDescriptor | None:
    """The descriptor of a dataset before its files are read; None if it depends on them.

    Raises:
        UserError: as `check_flags`.
    """
    describe = check_flags(config).describe
    return None if describe is None else describe(config)


def descriptor_of(name: str) -> DatasetDescriptor:
    """The descriptor of a dataset with default flags.

    Raises:
        UserError: there is no such dataset, or its descriptor depends on its files.
    """
    descriptor = known_descriptor(DataConfig(dataset=name))
    if descriptor is None:
        raise UserError(
            f"--dataset={name}: its classes are known only from its files; choose another dataset."
        )
    return descriptor


def with_own_shares(config: DataConfig) -> DataConfig:
    """The same with the dataset's own shares filled in, so that two can be compared."""
    dataset = known_dataset(config.dataset)
    val, test = (None, None) if dataset is None else dataset.shares(config)
    return dataclasses.replace(config, val_fraction=val, test_fraction=test)


def _default_share(name: str, flag: str) -> str:
    dataset = DATASETS[name]
    shares = {"val_fraction": dataset.val_fraction, "test_fraction": dataset.test_fraction}
    share = shares.get(flag)
    return "" if share is None else f" (default {share:g})"


def _is_given(value: Any, default: Any) -> bool:
    return value != default and value not in ("", ())


def _typed(flag: str, value: Any) -> str:
    """A flag as typed; values other than text and numbers are left out."""
    return f"{flag}={value}" if isinstance(value, str | float) else flag


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _reason(dataset: Dataset, flag: str) -> str:
    if flag in _DIVIDING:
        own = [f"--{name}" for name in _DIVIDING if name in dataset.flags]
        return f"{dataset.name} is divided by {', '.join(own)}"
    if flag == "data_dir":
        return f"{dataset.name} is embedded and reads no files"
    return f"{dataset.name} does not take it"
