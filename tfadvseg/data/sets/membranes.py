"""Embedded: synthetic sections of nervous tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.dataset import SPLITS, Dataset

if TYPE_CHECKING:
    from tfadvseg.data.descriptors import DatasetDescriptor
    from tfadvseg.data.readers import Reader


def _describe(config: DataConfig) -> DatasetDescriptor:
    del config
    from tfadvseg.data.descriptors import DatasetDescriptor
    from tfadvseg_datasets.isbi2012.classes import CELL, CLASS_NAMES, PALETTE

    return DatasetDescriptor(
        name="membranes",
        class_names=CLASS_NAMES,
        palette=PALETTE,
        image_channels=1,
        foreground_class=CELL,
    )


def _open(config: DataConfig, seed: int) -> Reader:
    del seed  # it has splits
    from tfadvseg.data.readers import read_generated
    from tfadvseg_datasets.membranes.generate import DEFAULT_COUNTS, generate_split

    return read_generated(config, _describe(config), DEFAULT_COUNTS, generate_split)


MEMBRANES = Dataset(name="membranes", flags=SPLITS, describe=_describe, open=_open)
