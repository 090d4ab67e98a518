"""ISBI 2012 challenge: sections of nervous tissue, 30 of them with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.dataset import FILES, SPLITS, Dataset

if TYPE_CHECKING:
    from tfadvseg.data.descriptors import DatasetDescriptor
    from tfadvseg.data.readers import Reader

TRAIN, VAL = "train[:20]", "train[20:]"
"""The published experiment's; the labels of `test` were never published."""


def _describe(config: DataConfig) -> DatasetDescriptor:
    del config
    from tfadvseg.data.descriptors import DatasetDescriptor
    from tfadvseg_datasets.isbi2012.classes import CELL, CLASS_NAMES, PALETTE

    return DatasetDescriptor(
        name="isbi2012",
        class_names=CLASS_NAMES,
        palette=PALETTE,
        image_channels=1,
        foreground_class=CELL,
    )


def _open(config: DataConfig, seed: int) -> Reader:
    del seed  # it has splits
    from tfadvseg.data.prepared import Source, example_counts, stream_split
    from tfadvseg.data.readers import prepare, read_slices
    from tfadvseg_datasets.isbi2012 import isbi2012_dataset_builder, stacks

    builder = prepare(config, Source(isbi2012_dataset_builder.Builder, stacks.raw_files))
    return read_slices(
        config,
        _describe(config),
        example_counts(builder),
        lambda split: stream_split(builder, split),
        (TRAIN, VAL),
    )


ISBI2012 = Dataset(name="isbi2012", flags=(*FILES, *SPLITS), describe=_describe, open=_open)
