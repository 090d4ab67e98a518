"""Embedded: synthetic darkfield images of blood with spirochaetes."""

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
    from tfadvseg_datasets.darkfield.classes import CLASS_NAMES, PALETTE

    return DatasetDescriptor(
        name="cells",
        class_names=CLASS_NAMES,
        palette=PALETTE,
        image_channels=3,
        darkfield_accuracy=True,
    )


def _open(config: DataConfig, seed: int) -> Reader:
    del seed  # it has splits
    from tfadvseg.data.readers import read_generated
    from tfadvseg_datasets.cells.generate import DEFAULT_COUNTS, generate_split

    return read_generated(config, _describe(config), DEFAULT_COUNTS, generate_split)


CELLS = Dataset(name="cells", flags=SPLITS, describe=_describe, open=_open)
