"""Any segmentation dataset of TFDS, or one that its user has built for TFDS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.dataset import FILES, SPLITS, Dataset
from tfadvseg.errors import UserError

if TYPE_CHECKING:
    from tfadvseg.data.readers import Reader


def _check(config: DataConfig) -> None:
    if config.val_fraction is not None and (config.train_split or config.val_split):
        raise UserError(
            f"--val_fraction={config.val_fraction}: --train_split and --val_split say already what "
            "validates; give either."
        )


def _open(config: DataConfig, seed: int) -> Reader:
    del seed  # it has splits, or is shuffled
    from tfadvseg.data.tfds_reading import open_tfds

    fraction, _ = TFDS.shares(config)
    assert fraction is not None
    return open_tfds(config, config.dataset.partition(":")[2], fraction)


TFDS = Dataset(
    name="tfds",
    flags=(
        *FILES,
        *SPLITS,
        "val_fraction",
        "image_feature",
        "label_feature",
        "class_names",
        "value_map",
        "colour_map",
        "channels",
        "foreground_class",
    ),
    describe=None,
    check=_check,
    open=_open,
    val_fraction=0.2,
    takes_name=True,
)
