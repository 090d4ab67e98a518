"""Street scenes that are never completely in memory: downloaded files, or a prepared copy."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import tensorflow_datasets as tfds

from tfadvseg.config import DataConfig
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.data.examples import Examples, leave_on_disk, one_by_one
from tfadvseg.data.frames import png_fingerprint, stored_splits
from tfadvseg.data.prepared import Source, open_copy
from tfadvseg.data.prepared_frames import prepared_splits
from tfadvseg.data.readers import Reader, prepare
from tfadvseg.data.sets.dataset import require_data_dir
from tfadvseg.data.slices import resolve_slice
from tfadvseg.errors import UserError
from tfadvseg_datasets.street_files import Frame, Numbering


def open_street_scenes(
    config: DataConfig,
    descriptor: DatasetDescriptor,
    builder: type[tfds.core.GeneratorBasedBuilder],
    builder_config: str,
    *,
    raw_files: Callable[[Path], Sequence[os.PathLike]],
    find_splits: Callable[[Path], Mapping[str, Sequence[Frame]]],
    numbering: Numbering,
    default: tuple[str, str],
) -> Reader:
    """A reader of the original files (`--prepare=none`), or of a copy that TFDS has prepared.

    Args:
        config: `data_dir`, `prepare`, `prepared_dir` and the splits are used.
        descriptor: descriptor of the dataset.
        builder: its TFDS builder.
        builder_config: name of the builder's configuration for `config`.
        raw_files: lists the files that the builder reads from a folder.
        find_splits: finds the frames of each split in a folder.
        numbering: numbering of the classes in label files.
        default: TFDS slices for training and validation if no flags are given; may be empty.

    Raises:
        UserError: files are missing, invalid or damaged.
    """
    # Too large to be hashed at each start, or to be held in memory.
    source = Source(builder, raw_files, png_fingerprint, "array_record")
    if config.prepare == "none":
        folder = Path(require_data_dir(config)).expanduser()
        splits = stored_splits(folder, find_splits, numbering)
    elif config.data_dir is None and config.prepared_dir is not None:
        splits = prepared_splits(open_copy(source, config.prepared_dir, builder_config))
    else:
        splits = prepared_splits(prepare(config, source, builder_config))
    counts = {name: len(stored) for name, stored in splits.items()}

    def load(split: str, flag: str) -> Examples:
        if not split:
            raise UserError(
                f"--{flag}: {descriptor.name} has no such part of its own; name one, such as "
                "train[20000:], or give --official_split."
            )
        parts = resolve_slice(split, counts, flag)
        return leave_on_disk([splits[name][i] for name, positions in parts for i in positions])

    train, val = default
    meaning = {"train": config.train_split or train, "validation": config.val_split or val}
    return Reader(descriptor, lambda split, flag: one_by_one(load(split, flag)), meaning, load)
