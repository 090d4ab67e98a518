"""Embedded target domain: street scenes as a camera sees them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.dataset import SPLITS, Dataset

if TYPE_CHECKING:
    from tfadvseg.data.descriptors import DatasetDescriptor
    from tfadvseg.data.readers import Reader


def _describe(config: DataConfig) -> DatasetDescriptor:
    del config
    from tfadvseg.data.street_classes import street_descriptor

    return street_descriptor("streets_camera")


def _open(config: DataConfig, seed: int) -> Reader:
    del seed  # it has splits
    from tfadvseg.data.readers import read_generated
    from tfadvseg_datasets.streets.generate import DEFAULT_COUNTS, generate_split

    generate = functools.partial(generate_split, domain="camera")
    return read_generated(config, _describe(config), DEFAULT_COUNTS, generate, digits=4)


STREETS_CAMERA = Dataset(name="streets_camera", flags=SPLITS, describe=_describe, open=_open)
