"""CamVid as prepared for SegNet: road scenes of a film, in 11 classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.dataset import FILES, SPLITS, Dataset
from tfadvseg.errors import UserError

if TYPE_CHECKING:
    from tfadvseg.data.descriptors import DatasetDescriptor
    from tfadvseg.data.readers import Reader

TRAIN, VAL = "train", "val"

VAL_FRACTION = 0.2
"""Share of `train` that validates where `val` is absent and no other share is given."""


def _describe(config: DataConfig) -> DatasetDescriptor:
    from tfadvseg.data.descriptors import DatasetDescriptor
    from tfadvseg_datasets.camvid import classes

    void = config.void_as_class
    return DatasetDescriptor(
        name="camvid",
        class_names=classes.NAMES_WITH_VOID if void else classes.CLASS_NAMES,
        palette=classes.PALETTE_WITH_VOID if void else classes.PALETTE,
        image_channels=3,
        has_background=False,
    )


def _check(config: DataConfig) -> None:
    if (config.train_split or config.val_split) and config.val_fraction is not None:
        raise UserError(
            "--val_fraction holds validation frames out of train; leave it out where --train_split "
            "or --val_split say what to take."
        )


def _open(config: DataConfig, seed: int) -> Reader:
    """Validated on `val`, or without it on stretches of `train`."""
    del seed  # runs that differ in it only validate on the same frames
    from tfadvseg.data.division import hold_out_stretches
    from tfadvseg.data.prepared import Source, example_counts, stream_split
    from tfadvseg.data.readers import joined, prepare, read_slices
    from tfadvseg_datasets.camvid import camvid_dataset_builder, lists

    source = Source(camvid_dataset_builder.Builder, lists.raw_files)
    builder = prepare(config, source, "void_as_class" if config.void_as_class else "void_ignored")
    counts = example_counts(builder)
    train, val = TRAIN, VAL
    given = config.train_split or config.val_split
    has_val = config.val_fraction is None and VAL in counts
    if TRAIN in counts and not given and not has_val:
        fraction = VAL_FRACTION if config.val_fraction is None else config.val_fraction
        training, held_out = hold_out_stretches(counts[TRAIN], fraction)
        train, val = joined(TRAIN, training), joined(TRAIN, held_out)
    return read_slices(
        config, _describe(config), counts, lambda split: stream_split(builder, split), (train, val)
    )


CAMVID = Dataset(
    name="camvid",
    flags=(*FILES, *SPLITS, "val_fraction", "void_as_class"),
    describe=_describe,
    check=_check,
    open=_open,
)
