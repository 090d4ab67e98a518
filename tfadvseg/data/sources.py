"""Where examples come from: the entry point for every dataset."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from absl import logging

from tfadvseg.config import DataConfig
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.data.examples import Example, Examples, check_labels, class_pixel_counts, collect
from tfadvseg.data.readers import open_reader
from tfadvseg.errors import UserError


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
        seed: draws the division of datasets that have none of their own.

    Raises:
        UserError: an unknown dataset or split, an empty one or one without labels, or raw files
            that are missing or unfit.
    """
    reader = open_reader(config, seed)
    names = {
        flag: reader.meaning.get(part, part)
        for flag, part in (("train_split", "train"), ("val_split", "validation"))
    }
    streams = {flag: reader.stream(name, flag) for flag, name in names.items()}
    parts = {flag: collect(stream) for flag, stream in streams.items()}
    for flag, examples in parts.items():
        if examples.labels is None:
            raise UserError(f"--{flag}={names[flag]}: has no labels; choose one that has.")
        check_labels(examples, reader.descriptor.num_classes)
    splits = Splits(reader.descriptor, parts["train_split"], parts["val_split"])
    _warn(splits)
    return splits


def load_split(config: DataConfig, split: str, seed: int) -> tuple[DatasetDescriptor, Examples]:
    """One part of a dataset, for evaluation or prediction.

    Args:
        config: which dataset, and what its splits mean.
        split: `train` and `validation` are what `load_splits` gives for the same `config`, and
            `all` is everything. Of datasets with splits, any other TFDS slice is taken as it is
            (`test`, `train[0:]`); of darkfield there is also `test`.
        seed: draws the division of datasets that have none of their own.

    Returns:
        The descriptor, and the examples; their labels are None where none are known.

    Raises:
        UserError: as `load_splits`, but for splits without labels.
    """
    descriptor, stream = stream_split(config, split, seed)
    examples = collect(stream)
    if examples.labels is not None:
        check_labels(examples, descriptor.num_classes)
    return descriptor, examples


def stream_split(
    config: DataConfig, split: str, seed: int
) -> tuple[DatasetDescriptor, Iterator[Example]]:
    """What `load_split` gives, one example after another, unchecked.

    Of a folder all is in memory even so.

    Args, Raises:
        As `load_split`.
    """
    reader = open_reader(config, seed)
    return reader.descriptor, reader.stream(reader.meaning.get(split, split), "split")


def _warn(splits: Splits) -> None:
    """Says what is likely a mistake, though training is possible."""
    shared = set(splits.train.keys) & set(splits.val.keys)
    if shared:
        logging.warning(
            "%d of %d validation images are trained on too: see --train_split and --val_split.",
            len(shared),
            len(splits.val),
        )
    counts = class_pixel_counts(splits.train, splits.descriptor.num_classes)
    for class_id in np.flatnonzero(counts == 0):
        name = splits.descriptor.class_names[class_id]
        logging.warning("No training image holds the class %s (%d).", name, class_id)
