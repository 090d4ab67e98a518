"""How each dataset is opened: what its parts are, and how they are streamed."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow_datasets as tfds

from tfadvseg.config import DataConfig
from tfadvseg.data import descriptors, prepared, street_descriptors
from tfadvseg.data.dataset_flags import check_flags
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.data.division import (
    Indices,
    divide_by_fraction,
    divide_by_lists,
    divide_stratified,
    hold_out_stretches,
)
from tfadvseg.data.embedded import EMBEDDED
from tfadvseg.data.examples import (
    Example,
    Examples,
    collect,
    leave_on_disk,
    one_by_one,
    values_of,
)
from tfadvseg.data.folder import Folder, read_folder
from tfadvseg.data.frames import file_splits
from tfadvseg.data.prepared_frames import prepared_splits
from tfadvseg.data.slices import resolve_slice
from tfadvseg.errors import UserError
from tfadvseg_datasets.cityscapes_semseg.cityscapes_semseg_dataset_builder import (
    CityscapesSemsegConfig,
)
from tfadvseg_datasets.gta5.gta5_dataset_builder import Gta5Config

CAMVID_VAL_FRACTION = 0.2
"""Share of `train` that validates where `val` is absent and no other share is given."""

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
        at_once: gives a part without streaming it, of sets that are in memory already or do not
            fit into it; takes and raises what `stream` does.
    """

    descriptor: DatasetDescriptor
    stream: Stream
    meaning: Mapping[str, str] = field(default_factory=dict)
    at_once: Callable[[str, str], Examples] | None = None

    def load(self, split: str, flag: str) -> Examples:
        """A part, in memory or on disk; takes and raises what `stream` does."""
        if self.at_once is not None:
            return self.at_once(split, flag)
        return collect(self.stream(split, flag))


def open_reader(config: DataConfig, seed: int) -> Reader:
    """Finds a dataset's files, and prepares them with TFDS where that is needed.

    Args:
        config: which dataset, and what its parts are.
        seed: draws the division of datasets that have none of their own.

    Raises:
        UserError: an unknown dataset, flags that are not for it, or raw files that are missing or
            unfit.
    """
    check_flags(config)
    match config.dataset:
        case "folder":
            return _folder(read_folder(config), config, seed)
        case name if name in EMBEDDED:
            embedded = EMBEDDED[name]
            return _sliced(config, embedded.descriptor, embedded.counts, embedded.stream)
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
        case street_descriptors.GTA5.name:
            return _gta5(config)
        case street_descriptors.CITYSCAPES.name:
            return _cityscapes(config)
        case name:
            raise NotImplementedError(f"{name} has a descriptor, but nothing reads it.")


def _require_files(config: DataConfig) -> str:
    if config.data_dir is None:
        raise UserError(f"--data_dir: {config.dataset} needs it; give the folder of its raw files.")
    return config.data_dir


def _prepare(config: DataConfig, builder_config: str | None = None) -> tfds.core.DatasetBuilder:
    beam_options = config.beam_options if config.prepare == "beam" else None
    return prepared.prepare(
        config.dataset, _require_files(config), config.prepared_dir, builder_config, beam_options
    )


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


def _gta5(config: DataConfig) -> Reader:
    """All of it is `train`, unless its own list divides it."""
    descriptor = street_descriptors.GTA5
    if config.official_split:
        descriptor = dataclasses.replace(descriptor, val_split="val")
    builder_config = Gta5Config(
        official_split=config.official_split,
        skip_damaged=config.skip_damaged,
        beam=config.prepare == "beam",
    )
    return _on_disk(config, descriptor, builder_config.name)


def _cityscapes(config: DataConfig) -> Reader:
    builder_config = CityscapesSemsegConfig(
        train_ids=config.train_ids, beam=config.prepare == "beam"
    )
    return _on_disk(config, street_descriptors.CITYSCAPES, builder_config.name)


def _on_disk(config: DataConfig, descriptor: DatasetDescriptor, builder_config: str) -> Reader:
    """A dataset that is never in memory as a whole, in files as downloaded or as prepared."""
    if config.prepare == "none":
        _require_files(config)
        splits = file_splits(config)
    elif config.data_dir is None and config.prepared_dir is not None:
        copy = prepared.open_copy(config.dataset, config.prepared_dir, builder_config)
        splits = prepared_splits(copy)
    else:
        splits = prepared_splits(_prepare(config, builder_config))
    counts = {name: len(stored) for name, stored in splits.items()}

    def load(split: str, flag: str) -> Examples:
        if not split:
            raise UserError(
                f"--{flag}: {descriptor.name} has no such part of its own; name one, such as "
                "train[20000:], or give --official_split."
            )
        parts = resolve_slice(split, counts, flag)
        return leave_on_disk([splits[name][i] for name, positions in parts for i in positions])

    meaning = {
        "train": config.train_split or descriptor.train_split,
        "validation": config.val_split or descriptor.val_split,
    }
    return Reader(descriptor, lambda split, flag: one_by_one(load(split, flag)), meaning, load)


def _divided(
    descriptor: DatasetDescriptor,
    parts: Callable[[], Mapping[str, Indices]],
    stream: Callable[[Indices | None], Iterator[Example]],
    names: Sequence[str],
) -> Reader:
    """A dataset whose parts are drawn by a seed; `stream` takes positions, or None for all."""
    positions = _positions(descriptor, parts, names)
    return Reader(descriptor, lambda split, flag: stream(positions(split, flag)))


def _positions(
    descriptor: DatasetDescriptor, parts: Callable[[], Mapping[str, Indices]], names: Sequence[str]
) -> Callable[[str, str], Indices | None]:
    """What a part's name and the flag that gives it stand for; None is all examples."""
    draw = functools.cache(parts)

    def positions(split: str, flag: str) -> Indices | None:
        if split not in names:
            raise UserError(
                f"--{flag}={split}: no such part of {descriptor.name}; take {', '.join(names)}."
            )
        return None if split == "all" else draw()[split]

    return positions


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

    positions = _positions(folder.descriptor, parts, ("train", "validation", "all"))

    def load(split: str, flag: str) -> Examples:
        chosen = positions(split, flag)
        return folder.examples if chosen is None else folder.examples.subset(chosen)

    def stream(split: str, flag: str) -> Iterator[Example]:
        return one_by_one(load(split, flag))

    return Reader(folder.descriptor, stream, at_once=load)


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
