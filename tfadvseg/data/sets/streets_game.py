"""Embedded source domain: street scenes as a game draws them."""

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

    return street_descriptor("streets_game")


def _open(config: DataConfig, seed: int) -> Reader:
    del seed  # it has splits
    from tfadvseg.data.readers import read_generated
    from tfadvseg_datasets.streets.generate import DEFAULT_COUNTS, generate_split

    generate = functools.partial(generate_split, domain="game")
    return read_generated(config, _describe(config), DEFAULT_COUNTS, generate, digits=4)


STREETS_GAME = Dataset(name="streets_game", flags=SPLITS, describe=_describe, open=_open)
