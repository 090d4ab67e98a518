"""How each dataset is opened: what its parts are, and how they are streamed."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow_datasets as tfds

from tfadvseg.config import DataConfig
from tfadvseg.data import descriptors, prepared
from tfadvseg.data.descriptors import CATALOGUE, DatasetDescriptor
from tfadvseg.data.division import (
    Indices,
    divide_by_fraction,
    divide_by_lists,
    divide_stratified,
    hold_out_stretches,
)
from tfadvseg.data.examples import Example, each, values_of
from tfadvseg.data.folder import Folder, read_folder
from tfadvseg.data.slices import resolve_slice
from tfadvseg.errors import UserError
from tfadvseg_datasets.cells import generate as cells
from tfadvseg_datasets.membranes import generate as membranes

EMBEDDED_SEED = 0
"""The embedded sets are the same in every run, whatever `--seed` is."""

CAMVID_VAL_FRACTION = 0.2
"""Share of `train` that validates where `val` is absent and no other share is given."""

_FOLDER_FLAGS = ("class_names", "value_map", "label_suffix", "train_list", "val_list")

Stream = Callable[[str, str], Iterator[Example]]


@dataclass(frozen=True)
class Reader:
    """A dataset whose files have been found.

    Attributes:
        descriptor: of the dataset.
        stream: streams a part, given its name and the flag that names it for messages. Raises
            UserError at once if there is no such part or it is empty.
        meaning: what `train` and `validation` are in terms of `stream`, where they are not names of
            parts themselves.
    """

    descriptor: DatasetDescriptor
    stream: Stream
    meaning: Mapping[str, str] = field(default_factory=dict)


def open_reader(config: DataConfig, seed: int) -> Reader:
    """Finds a dataset's files, and prepares them with TFDS where that is needed.

    Args:
        config: which dataset, and what its parts are.
        seed: draws the division of datasets that have none of their own.

    Raises:
        UserError: an unknown dataset, flags that are not for it, or raw files that are missing or
            unfit.
    """
    _check_flags(config)
    match config.dataset:
        case "folder":
            return _folder(read_folder(config), config, seed)
        case descriptors.MEMBRANES.name:
            _check_embedded(config)
            return _sliced(config, descriptors.MEMBRANES, membranes.DEFAULT_COUNTS, _membranes)
        case descriptors.CELLS.name:
            _check_embedded(config)
            return _sliced(config, descriptors.CELLS, cells.DEFAULT_COUNTS, _cells)
        case descriptors.ISBI2012.name:
            builder = _prepare(config)
            counts = prepared.example_counts(builder)
            return _sliced(
                config,
                descriptors.ISBI2012,
                counts,
                lambda split: prepared.stream_split(builder, split),
            )
        case descriptors.DARKFIELD.name:
            return _darkfield(config, seed)
        case descriptors.CAMVID.name:
            return _camvid(config)
        case name:
            raise NotImplementedError(f"{name} has a descriptor, but nothing reads it.")


def _check_flags(config: DataConfig) -> None:
    """Refuses unknown datasets, and flags that the dataset would not listen to."""
    name = config.dataset
    if name not in (*CATALOGUE, "folder"):
        valid = ", ".join([*CATALOGUE, "folder"])
        raise UserError(f"--dataset={name}: unknown; choose one of {valid}.")
    if name != "folder":
        for flag in _FOLDER_FLAGS:
            if getattr(config, flag):
                raise UserError(f"--{flag} is for --dataset=folder; {name} has its own.")
    if name in ("folder", "darkfield") and (config.train_split or config.val_split):
        lists = ", or by --train_list and --val_list" if name == "folder" else ""
        raise UserError(
            f"--train_split and --val_split are for datasets with splits; {name} is divided by "
            f"--val_fraction{lists}."
        )
    if config.test_fraction is not None and name != "darkfield":
        raise UserError(f"--test_fraction is for --dataset=darkfield; {name} takes none.")
    if config.void_as_class and name != "camvid":
        raise UserError(f"--void_as_class is for --dataset=camvid; {name} has no void.")


def _check_embedded(config: DataConfig) -> None:
    if config.data_dir is not None:
        raise UserError(
            f"--data_dir={config.data_dir}: {config.dataset} is embedded and reads no files; leave "
            "--data_dir out, or choose another --dataset."
        )


def _prepare(config: DataConfig, builder_config: str | None = None) -> tfds.core.DatasetBuilder:
    if config.data_dir is None:
        raise UserError(f"--data_dir: {config.dataset} needs it; give the folder of its raw files.")
    return prepared.prepare(config.dataset, config.data_dir, config.prepared_dir, builder_config)


def _sliced(
    config: DataConfig,
    descriptor: DatasetDescriptor,
    counts: Mapping[str, int],
    stream: Callable[[str], Iterator[Example]],
) -> Reader:
    """A dataset whose parts are TFDS slices of splits with `counts` examples."""

    def checked(split: str, flag: str) -> Iterator[Example]:
        resolve_slice(split, counts, flag)
        return stream(split)

    meaning = {
        "train": config.train_split or descriptor.train_split,
        "validation": config.val_split or descriptor.val_split,
    }
    return Reader(descriptor, checked, meaning)


def _divided(
    descriptor: DatasetDescriptor,
    parts: Callable[[], Mapping[str, Indices]],
    stream: Callable[[Indices | None], Iterator[Example]],
    names: Sequence[str],
) -> Reader:
    """A dataset whose parts are drawn by a seed; `stream` takes positions, or None for all."""
    draw = functools.cache(parts)

    def checked(split: str, flag: str) -> Iterator[Example]:
        if split not in names:
            raise UserError(
                f"--{flag}={split}: no such part of {descriptor.name}; take {', '.join(names)}."
            )
        return stream(None if split == "all" else draw()[split])

    return Reader(descriptor, checked)


def _folder(folder: Folder, config: DataConfig, seed: int) -> Reader:
    keys, stems = folder.examples.keys, folder.stems

    def parts() -> dict[str, Indices]:
        if config.train_list is not None and config.val_list is not None:
            train, val = divide_by_lists(keys, stems, config.train_list, config.val_list)
        else:
            fraction, _ = config.fractions()
            assert fraction is not None
            train, val = divide_by_fraction(keys, stems, fraction, seed)
        return {"train": train, "validation": val}

    def stream(positions: Indices | None) -> Iterator[Example]:
        return each(folder.examples, range(len(keys)) if positions is None else positions)

    return _divided(folder.descriptor, parts, stream, ("train", "validation", "all"))


def _darkfield(config: DataConfig, seed: int) -> Reader:
    """Divided at random, by strata of the classes that images contain."""
    builder = _prepare(config)
    descriptor = descriptors.DARKFIELD
    val, test = config.fractions()
    fractions = {name: share for name, share in (("validation", val), ("test", test)) if share}

    def parts() -> dict[str, Indices]:
        keys, classes = _classes_present(prepared.stream_labels(builder, "train"))
        return divide_stratified(keys, classes, descriptor.class_names, fractions, seed)

    def stream(positions: Indices | None) -> Iterator[Example]:
        return prepared.stream_split(builder, "train", positions)

    return _divided(descriptor, parts, stream, ("train", *fractions, "all"))


def _classes_present(
    labels: Iterable[tuple[str, np.ndarray]],
) -> tuple[list[str], list[tuple[int, ...]]]:
    """Keys, and the class ids that each label holds."""
    present = [(key, tuple(values_of(label).tolist())) for key, label in labels]
    return [key for key, _ in present], [classes for _, classes in present]


def _camvid(config: DataConfig) -> Reader:
    """Validated on `val`, or without it on stretches of `train`."""
    descriptor = descriptors.CAMVID_WITH_VOID if config.void_as_class else descriptors.CAMVID
    builder = _prepare(config, "void_as_class" if config.void_as_class else "void_ignored")
    counts = prepared.example_counts(builder)
    given = config.train_split or config.val_split
    if given and config.val_fraction is not None:
        raise UserError(
            "--val_fraction holds validation frames out of train; leave it out where --train_split "
            "or --val_split say what to take."
        )
    reader = _sliced(config, descriptor, counts, lambda s: prepared.stream_split(builder, s))
    if given or (config.val_fraction is None and descriptor.val_split in counts):
        return reader
    split = descriptor.train_split
    if split not in counts:
        return reader
    fraction = CAMVID_VAL_FRACTION if config.val_fraction is None else config.val_fraction
    train, val = hold_out_stretches(counts[split], fraction)
    meaning = {
        name: "+".join(f"{split}[{run.start}:{run.stop}]" for run in runs)
        for name, runs in (("train", train), ("validation", val))
    }
    return Reader(descriptor, reader.stream, meaning)


def _membranes(split: str) -> Iterator[Example]:
    """Straight from the generator: the default starts in seconds, and TFDS writes nothing."""
    for name, numbers in resolve_slice(split, membranes.DEFAULT_COUNTS, "split"):
        made = membranes.generate_split(EMBEDDED_SEED, name, numbers)
        for number, (image, label) in zip(numbers, made, strict=True):
            yield Example(f"{name}-{number:02d}", image[:, :, None], label)


def _cells(split: str) -> Iterator[Example]:
    for name, numbers in resolve_slice(split, cells.DEFAULT_COUNTS, "split"):
        made = cells.generate_split(EMBEDDED_SEED, name, numbers)
        for number, (image, label) in zip(numbers, made, strict=True):
            yield Example(f"{name}-{number:02d}", image, label)
