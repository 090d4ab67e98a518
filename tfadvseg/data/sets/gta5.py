"""GTA5: street scenes from a computer game, in Cityscapes' 19 training classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.dataset import FILES, SPLITS, Dataset

if TYPE_CHECKING:
    from tfadvseg.data.descriptors import DatasetDescriptor
    from tfadvseg.data.readers import Reader
    from tfadvseg_datasets.street_files import Frame


def _describe(config: DataConfig) -> DatasetDescriptor:
    del config
    from tfadvseg.data.street_classes import street_descriptor

    return street_descriptor("gta5")


def _open(config: DataConfig, seed: int) -> Reader:
    """All frames are `train`, unless the set's own list divides them."""
    del seed  # what is not divided by the list is divided by slices
    from tfadvseg.data.street_scenes import open_street_scenes
    from tfadvseg_datasets.gta5 import files, gta5_dataset_builder
    from tfadvseg_datasets.street_files import Numbering

    builder_config = gta5_dataset_builder.Gta5Config(
        official_split=config.official_split,
        skip_damaged=config.skip_damaged,
        beam=config.prepare == "beam",
    )

    def find_splits(folder: Path) -> dict[str, list[Frame]]:
        frames = files.find_frames(folder, config.skip_damaged)
        return files.divide(frames, folder) if config.official_split else {"train": frames}

    return open_street_scenes(
        config,
        _describe(config),
        gta5_dataset_builder.Builder,
        builder_config.name,
        raw_files=files.raw_files,
        find_splits=find_splits,
        numbering=Numbering.LABEL_IDS,
        default=("train", "val" if config.official_split else ""),
    )


GTA5 = Dataset(
    name="gta5",
    flags=(*FILES, *SPLITS, "prepare", "official_split", "skip_damaged"),
    describe=_describe,
    open=_open,
)
