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
    from tfadvseg.data.division import Indices
    from tfadvseg.data.examples import values_of
    from tfadvseg.data.prepared import Source, stream_labels, stream_split
    from tfadvseg.data.readers import prepare, read_drawn
    from tfadvseg.data.stratified import divide_stratified, stratified_folds
    from tfadvseg_datasets.darkfield import darkfield_dataset_builder, files

    builder = prepare(config, Source(darkfield_dataset_builder.Builder, files.raw_files))
    descriptor = _describe(config)
    val, test = DARKFIELD.shares(config)
    shares = {"validation": val, "test": test}
    if config.folds:  # which take all images, unless a test part is asked for
        shares = {"test": config.test_fraction}
    fractions = {name: share for name, share in shares.items() if share}

    def parts() -> dict[str, Indices]:
        present = [
            (key, values_of(label).tolist()) for key, label in stream_labels(builder, "train")
        ]
        keys, classes = [key for key, _ in present], [held for _, held in present]
        names = descriptor.class_names
        divided = divide_stratified(keys, classes, names, fractions, seed)
        if config.folds:
            rest = divided["train"]
            folds = stratified_folds(
                [keys[i] for i in rest], [classes[i] for i in rest], names, config.folds, seed
            )
            divided["validation"] = [rest[i] for i in folds.pop(config.fold)]
            divided["train"] = sorted(rest[i] for fold in folds for i in fold)
        return divided

    return read_drawn(
        descriptor,
        parts,
        tuple(dict.fromkeys(("train", "validation", *fractions))),
        lambda positions: stream_split(builder, "train", positions),
    )


DARKFIELD = Dataset(
    name="darkfield",
    flags=(*FILES, "val_fraction", "test_fraction", "fold", "folds"),
    describe=_describe,
    open=_open,
    val_fraction=0.1,
    test_fraction=0.1,
)
