"""Cityscapes: street scenes of 50 cities, in its 19 training classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.dataset import FILES, SPLITS, Dataset

if TYPE_CHECKING:
    from tfadvseg.data.descriptors import DatasetDescriptor
    from tfadvseg.data.readers import Reader


def _describe(config: DataConfig) -> DatasetDescriptor:
    del config
    from tfadvseg.data.street_classes import street_descriptor

    return street_descriptor("cityscapes_semseg")


def _open(config: DataConfig, seed: int) -> Reader:
    del seed  # it has splits
    from tfadvseg.data.street_scenes import open_street_scenes
    from tfadvseg_datasets.cityscapes_semseg import cityscapes_semseg_dataset_builder, files

    builder_config = cityscapes_semseg_dataset_builder.CityscapesSemsegConfig(
        train_ids=config.train_ids, beam=config.prepare == "beam"
    )
    numbering = builder_config.numbering
    return open_street_scenes(
        config,
        _describe(config),
        cityscapes_semseg_dataset_builder.Builder,
        builder_config.name,
        raw_files=files.raw_files,
        find_splits=lambda folder: files.find_splits(folder, numbering),
        numbering=numbering,
        default=("train", "val"),
    )


CITYSCAPES = Dataset(
    name="cityscapes_semseg",
    flags=(*FILES, *SPLITS, "prepare", "train_ids"),
    describe=_describe,
    open=_open,
)
