"""Where examples come from: the entry point for every dataset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from absl import logging

from tfadvseg.config import DataConfig
from tfadvseg.data import descriptors, prepared
from tfadvseg.data.descriptors import CATALOGUE, DatasetDescriptor
from tfadvseg.data.division import divide_by_fraction, divide_by_lists
from tfadvseg.data.examples import Examples, check_labels
from tfadvseg.data.folder import Folder, read_folder
from tfadvseg.data.slices import resolve_slice
from tfadvseg.errors import UserError
from tfadvseg_datasets.membranes import generate

MEMBRANES_SEED = 0
"""The embedded set is the same in every run, whatever `--seed` is."""

_FOLDER_SPLITS = ("train", "validation", "all")
_FOLDER_FLAGS = ("class_names", "value_map", "label_suffix", "train_list", "val_list")


@dataclass(frozen=True)
class Splits:
    """What a run trains and validates on; both parts have labels.

    Attributes:
        descriptor: of the dataset.
        train, val: its parts.
    """

    descriptor: DatasetDescriptor
    train: Examples
    val: Examples


def load_splits(config: DataConfig, seed: int) -> Splits:
    """The training and validation examples of a run.

    Args:
        config: which dataset, and which parts of it.
        seed: draws the division of a folder.

    Raises:
        UserError: an unknown dataset or split, an empty one or one without labels, or raw files
            that are missing or unfit.
    """
    _check_flags(config)
    if config.dataset == "folder":
        folder = read_folder(config)
        train, val = _divide(folder, config, seed)
        return Splits(folder.descriptor, folder.examples.subset(train), folder.examples.subset(val))
    descriptor = CATALOGUE[config.dataset]
    source = _open(config)
    flags = {
        "train_split": config.train_split or descriptor.train_split,
        "val_split": config.val_split or descriptor.val_split,
    }
    for flag, split in flags.items():
        resolve_slice(split, source.counts, flag)
    parts = {flag: source.read(split) for flag, split in flags.items()}
    for flag, examples in parts.items():
        if examples.labels is None:
            raise UserError(f"--{flag}={flags[flag]}: has no labels; choose one that has.")
        check_labels(examples, descriptor.num_classes)
    splits = Splits(descriptor, parts["train_split"], parts["val_split"])
    shared = set(splits.train.keys) & set(splits.val.keys)
    if shared:
        logging.warning(
            "%d of %d validation images are trained on too: see --train_split and --val_split.",
            len(shared),
            len(splits.val),
        )
    return splits


def load_split(config: DataConfig, split: str, seed: int) -> tuple[DatasetDescriptor, Examples]:
    """One part of a dataset, for evaluation or prediction.

    Args:
        config: which dataset, and what its splits mean.
        split: `train` and `validation` are what `load_splits` gives for the same `config`; any
            other TFDS slice is taken as it is (`test`, `train[0:]`). Of a folder: `train`,
            `validation` or `all`.
        seed: draws the division of a folder.

    Returns:
        The descriptor, and the examples; their labels are None where none are known.

    Raises:
        UserError: as `load_splits`, but for splits without labels.
    """
    _check_flags(config)
    if config.dataset == "folder":
        if split not in _FOLDER_SPLITS:
            raise UserError(f"--split={split}: of a folder, take {', '.join(_FOLDER_SPLITS)}.")
        folder = read_folder(config)
        if split == "all":
            return folder.descriptor, folder.examples
        train, val = _divide(folder, config, seed)
        return folder.descriptor, folder.examples.subset(train if split == "train" else val)
    descriptor = CATALOGUE[config.dataset]
    meaning = {
        "train": config.train_split or descriptor.train_split,
        "validation": config.val_split or descriptor.val_split,
    }
    source = _open(config)
    wanted = meaning.get(split, split)
    resolve_slice(wanted, source.counts, "split")
    examples = source.read(wanted)
    if examples.labels is not None:
        check_labels(examples, descriptor.num_classes)
    return descriptor, examples


def _check_flags(config: DataConfig) -> None:
    """Refuses unknown datasets, and flags that the dataset would not listen to."""
    if config.dataset not in (*CATALOGUE, "folder"):
        valid = ", ".join([*CATALOGUE, "folder"])
        raise UserError(f"--dataset={config.dataset}: unknown; choose one of {valid}.")
    if config.dataset != "folder":
        for flag in _FOLDER_FLAGS:
            if getattr(config, flag):
                raise UserError(f"--{flag} is for --dataset=folder; {config.dataset} has its own.")
    elif config.train_split or config.val_split:
        raise UserError(
            "--train_split and --val_split are for TFDS datasets; a folder is divided by "
            "--val_fraction, or by --train_list and --val_list."
        )


@dataclass(frozen=True)
class _Source:
    """A dataset that TFDS slices.

    Attributes:
        counts: examples in each split.
        read: decodes a slice that exists.
    """

    counts: Mapping[str, int]
    read: Callable[[str], Examples]


def _open(config: DataConfig) -> _Source:
    match config.dataset:
        case descriptors.MEMBRANES.name:
            if config.data_dir is not None:
                raise UserError(
                    f"--data_dir={config.data_dir}: {config.dataset} is embedded and reads no "
                    "files; leave --data_dir out, or choose another --dataset."
                )
            return _Source(generate.DEFAULT_COUNTS, _generate_membranes)
        case descriptors.ISBI2012.name:
            if config.data_dir is None:
                raise UserError(
                    f"--data_dir: {config.dataset} needs it; give the folder of its raw files."
                )
            builder = prepared.prepare(config.dataset, config.data_dir, config.prepared_dir)
            counts = prepared.example_counts(builder)
            return _Source(counts, lambda split: prepared.read_split(builder, split))
        case name:
            raise NotImplementedError(f"{name} has a descriptor, but nothing reads it.")


def _generate_membranes(split: str) -> Examples:
    """Straight from the generator: the default starts in seconds, and TFDS writes nothing."""
    keys: list[str] = []
    images: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    for name, numbers in resolve_slice(split, generate.DEFAULT_COUNTS, "split"):
        keys += [f"{name}-{number:02d}" for number in numbers]
        for image, label in generate.generate_split(MEMBRANES_SEED, name, numbers):
            images.append(image[:, :, None])
            labels.append(label)
    return Examples(tuple(keys), tuple(images), tuple(labels))


def _divide(folder: Folder, config: DataConfig, seed: int) -> tuple[list[int], list[int]]:
    keys, stems = folder.examples.keys, folder.stems
    if config.train_list is not None and config.val_list is not None:
        return divide_by_lists(keys, stems, config.train_list, config.val_list)
    return divide_by_fraction(keys, stems, config.val_fraction, seed)
