"""Examples of every dataset: the entry point for all callers."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from absl import logging

from tfadvseg.config import Config, DataConfig
from tfadvseg.data.descriptors import IGNORE_LABEL, DatasetDescriptor
from tfadvseg.data.examples import (
    Example,
    Examples,
    check_label,
    check_labels,
)
from tfadvseg.data.readers import Reader, open_reader
from tfadvseg.data.resizing import resize_example, resize_examples
from tfadvseg.data.sets.catalogue import check_flags, find_dataset, known_dataset
from tfadvseg.errors import UserError
from tfadvseg_datasets.pairs import some


@dataclass(frozen=True)
class Splits:
    """Examples that a run trains and validates on; `train` and `val` have labels.

    Attributes:
        descriptor: descriptor of the dataset.
        train, val: its parts.
        val_data: the dataset of `val`; another one if the run is validated on a target domain.
        full_val: `val` at its original size, if it is resized but measured at that size; else None.
        unlabelled: training images without labels, or None.
    """

    descriptor: DatasetDescriptor
    train: Examples
    val: Examples
    val_data: DataConfig = field(default_factory=DataConfig)
    full_val: Examples | None = None
    unlabelled: Examples | None = None


def load_splits(config: DataConfig, seed: int) -> Splits:
    """The training and validation examples of a run.

    Args:
        config: the dataset and its parts.
        seed: draws the division of datasets that have none of their own.

    Raises:
        UserError: an unknown dataset or split, an empty one or one without labels, or raw files
            that are missing or unfit.
    """
    reader = _open(config, seed)
    names = {
        flag: reader.meaning.get(part, part)
        for flag, part in (("train_split", "train"), ("val_split", "validation"))
    }
    parts = {flag: reader.load(name, flag) for flag, name in names.items()}
    for flag, examples in parts.items():
        if examples.labels is None:
            raise UserError(f"--{flag}={names[flag]}: has no labels; choose one that has.")
        check_labels(examples, reader.descriptor.num_classes)
    _require_labelled_pixels(parts["val_split"])
    splits = Splits(
        reader.descriptor,
        parts["train_split"],
        parts["val_split"],
        config,
        unlabelled=reader.unlabelled,
    )
    _warn(splits)
    return splits


def load_split(config: DataConfig, split: str, seed: int) -> tuple[DatasetDescriptor, Examples]:
    """One part of a dataset, for evaluation or prediction.

    Args:
        config: the dataset and the meaning of its splits.
        split: `train` and `validation` are what `load_splits` gives for the same `config`, and
            `all` is all images. Of datasets with splits, any other TFDS slice is taken as it is
            (`test`, `train[0:]`); of darkfield there is also `test`.
        seed: draws the division of datasets that have none of their own.

    Returns:
        The descriptor, and the examples; their labels are None if unknown.

    Raises:
        UserError: as `load_splits`, but for splits without labels.
    """
    reader = _open(config, seed)
    examples = reader.load(reader.meaning.get(split, split), "split")
    if examples.labels is not None:
        check_labels(examples, reader.descriptor.num_classes)
    return reader.descriptor, examples


def load_unlabelled(
    config: DataConfig, split: str, seed: int, source: DatasetDescriptor
) -> Examples:
    """Images of a target domain for adaptation, without their labels even if these are known.

    Args:
        config: the dataset. A `folder` may consist of `images/` alone, all of which is `train`.
        split, seed: as for `load_split`.
        source: descriptor of the labelled domain.

    Raises:
        UserError: as `load_splits`, but for splits without labels; or images or, where they are
            known, classes are not like those of the source.
    """
    dataset = find_dataset(config.dataset)
    if dataset.read_unlabelled is not None and dataset.lacks_labels(config):
        if split not in ("train", "all"):
            raise UserError(
                f"--data_dir={config.data_dir}: holds images without labels, all of which are "
                f"train; {split} needs labels/ too."
            )
        check_flags(config)
        examples = _images_alone(config, dataset.read_unlabelled)
    else:
        examples = load_target(config, split, seed, source)
    _check_alike(f"The target's images ({config.dataset})", examples, source)
    return dataclasses.replace(examples, labels=None)


def load_further_images(
    config: DataConfig, split: str | None, seed: int, source: DatasetDescriptor
) -> Examples:
    """Further training images, without labels even if these are known.

    Args:
        config: the dataset. Of a `folder`, only `images/` is read unless a split is given.
        split: as for `load_split`; None is `train`.
        seed: as for `load_split`.
        source: descriptor of the labelled images.

    Raises:
        UserError: as `load_unlabelled`; classes may be others.
    """
    dataset = find_dataset(config.dataset)
    if dataset.read_unlabelled is not None and split is None:
        # Labels are not read, so their division does not matter.
        plain = dataclasses.replace(config, train_list=None, val_list=None)
        check_flags(plain)
        examples = _images_alone(plain, dataset.read_unlabelled)
    else:
        _, examples = load_split(config, split or "train", seed)
    _check_alike(f"Images without labels ({config.dataset})", examples, source)
    return dataclasses.replace(examples, labels=None)


def _images_alone(config: DataConfig, read: Callable[[DataConfig], Examples]) -> Examples:
    examples = read(config)
    return resize_examples(examples, config.resize) if config.resize else examples


def has_labelled_target(config: Config) -> bool:
    """Whether there is a target domain that may have labels: a folder of images alone has none."""
    dataset = known_dataset(config.target.dataset)
    return dataset is not None and not dataset.lacks_labels(config.target)


def load_target(config: DataConfig, split: str, seed: int, source: DatasetDescriptor) -> Examples:
    """One part of a target domain for evaluation, as `load_split` returns it.

    Args:
        config, split, seed: as for `load_split`.
        source: descriptor of the labelled domain.

    Raises:
        UserError: as `load_split`; or images or classes are not like those of the source.
    """
    descriptor, examples = load_split(config, split, seed)
    _check_classes(source, descriptor)
    _check_alike(f"The target's images ({config.dataset})", examples, source)
    return examples


def check_target_descriptor(source: DatasetDescriptor, target: DatasetDescriptor) -> None:
    """Refuses a target domain of other classes or image channels than the source's.

    Raises:
        UserError: naming both domains' classes or channels.
    """
    _check_classes(source, target)
    _check_channels(f"The target's images ({target.name})", target.image_channels, source)


def _check_channels(which: str, channels: int, source: DatasetDescriptor) -> None:
    if channels != source.image_channels:
        raise UserError(
            f"{which} are {_kind(channels)}, the labelled ones ({source.name}) "
            f"{_kind(source.image_channels)}; make them alike."
        )


def _check_alike(which: str, examples: Examples, source: DatasetDescriptor) -> None:
    _check_channels(which, examples.images[0].shape[-1], source)
    dtype = examples.images[0].dtype
    if dtype != source.image_dtype:
        raise UserError(
            f"{which} hold {dtype} pixels, the labelled ones ({source.name}) "
            f"{source.image_dtype}; save them with the same depth."
        )


def _kind(channels: int) -> str:
    return {1: "grey", 3: "in colour"}.get(channels, f"of {channels} channels")


def _check_classes(source: DatasetDescriptor, target: DatasetDescriptor) -> None:
    agree = (
        target.class_names == source.class_names
        if target.names_classes
        else target.num_classes <= source.num_classes
    )
    if not agree:
        raise UserError(
            f"The target ({target.name}) has the classes {', '.join(target.class_names)}, the "
            f"source ({source.name}) {', '.join(source.class_names)}; they must agree. A folder of "
            "images/ without labels/ has none."
        )


def stream_split(
    config: DataConfig, split: str, seed: int
) -> tuple[DatasetDescriptor, Iterator[Example]]:
    """The examples of `load_split` one after another, unchecked.

    Args, Raises:
        As `load_split`.
    """
    reader = _open(config, seed)
    return reader.descriptor, reader.stream(reader.meaning.get(split, split), "split")


def _open(config: DataConfig, seed: int) -> Reader:
    """`open_reader`, with every example resized to `--resize`."""
    reader = open_reader(config, seed)
    size = config.resize
    if not size:
        return reader

    def resized(example: Example) -> Example:
        # Before resizing makes the sizes equal.
        check_label(example, reader.descriptor.num_classes)
        return resize_example(example, size)

    def resized_at_once(name: str, flag: str) -> Examples:
        assert reader.at_once is not None
        return resize_examples(reader.at_once(name, flag), size)

    return dataclasses.replace(
        reader,
        stream=lambda name, flag: map(resized, reader.stream(name, flag)),
        at_once=None if reader.at_once is None else resized_at_once,
        unlabelled=reader.unlabelled and resize_examples(reader.unlabelled, size),
    )


def _require_labelled_pixels(val: Examples) -> None:
    assert val.labels is not None
    if not any(np.any(label != IGNORE_LABEL) for label in val.labels):
        raise UserError(
            f"No validation image has a labelled pixel ({some(val.keys)}); choose other images to "
            "validate on."
        )


def _warn(splits: Splits) -> None:
    """Warns of likely mistakes that do not prevent training."""
    shared = set(splits.train.keys) & set(splits.val.keys)
    if shared:
        logging.warning(
            "%d of %d validation images are trained on too: see --train_split and --val_split.",
            len(shared),
            len(splits.val),
        )
