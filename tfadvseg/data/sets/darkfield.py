"""Kaggle set: blood with spirochaetes under a darkfield microscope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.dataset import FILES, Dataset

if TYPE_CHECKING:
    from tfadvseg.data.descriptors import DatasetDescriptor
    from tfadvseg.data.readers import Reader


def _describe(config: DataConfig) -> DatasetDescriptor:
    del config
    from tfadvseg.data.descriptors import DatasetDescriptor
    from tfadvseg_datasets.darkfield.classes import CLASS_NAMES, PALETTE

    return DatasetDescriptor(
        name="darkfield",
        class_names=CLASS_NAMES,
        palette=PALETTE,
        image_channels=3,
        darkfield_accuracy=True,
    )


def _open(config: DataConfig, seed: int) -> Reader:
    """Divided by `seed`, by strata of the classes that images contain."""
    from tfadvseg.data.division import Indices, divide_stratified
    from tfadvseg.data.examples import values_of
    from tfadvseg.data.prepared import Source, stream_labels, stream_split
    from tfadvseg.data.readers import prepare, read_drawn
    from tfadvseg_datasets.darkfield import darkfield_dataset_builder, files

    builder = prepare(config, Source(darkfield_dataset_builder.Builder, files.raw_files))
    descriptor = _describe(config)
    val, test = DARKFIELD.shares(config)
    fractions = {name: share for name, share in (("validation", val), ("test", test)) if share}

    def parts() -> dict[str, Indices]:
        present = [
            (key, values_of(label).tolist()) for key, label in stream_labels(builder, "train")
        ]
        keys, classes = [key for key, _ in present], [held for _, held in present]
        return divide_stratified(keys, classes, descriptor.class_names, fractions, seed)

    return read_drawn(
        descriptor,
        parts,
        ("train", *fractions),
        lambda positions: stream_split(builder, "train", positions),
    )


DARKFIELD = Dataset(
    name="darkfield",
    flags=(*FILES, "val_fraction", "test_fraction"),
    describe=_describe,
    open=_open,
    val_fraction=0.1,
    test_fraction=0.1,
)
