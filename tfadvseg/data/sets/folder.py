"""A folder of the user's own images and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.dataset import FILES, Dataset
from tfadvseg.errors import UserError

if TYPE_CHECKING:
    from tfadvseg.data.examples import Examples
    from tfadvseg.data.readers import Reader


def _check(config: DataConfig) -> None:
    if config.val_fraction is not None and config.train_list is not None:
        raise UserError(
            f"--val_fraction={config.val_fraction}: --train_list and --val_list say already what "
            "validates; give either."
        )


def _open(config: DataConfig, seed: int) -> Reader:
    """Divided by lists, or else by `seed`, the pages of a file staying together."""
    import dataclasses

    from tfadvseg.data.division import Indices, divide_by_fraction, divide_by_lists
    from tfadvseg.data.folder import read_folder
    from tfadvseg.data.readers import read_drawn_at_once

    folder = read_folder(config)
    keys, stems = folder.examples.keys, folder.stems

    def parts() -> dict[str, Indices]:
        if config.train_list is not None and config.val_list is not None:
            train, val = divide_by_lists(keys, stems, config.train_list, config.val_list)
        else:
            fraction, _ = FOLDER.shares(config)
            assert fraction is not None
            train, val = divide_by_fraction(keys, stems, fraction, seed)
        return {"train": train, "validation": val}

    reader = read_drawn_at_once(folder.descriptor, parts, ("train", "validation"), folder.examples)
    return dataclasses.replace(reader, unlabelled=folder.unlabelled)


def _lacks_labels(config: DataConfig) -> bool:
    from tfadvseg.data.folder import lacks_labels

    return lacks_labels(config)


def _read_unlabelled(config: DataConfig) -> Examples:
    from tfadvseg.data.folder import read_unlabelled_folder

    return read_unlabelled_folder(config)


FOLDER = Dataset(
    name="folder",
    flags=(
        *FILES,
        "val_fraction",
        "class_names",
        "value_map",
        "label_suffix",
        "foreground_class",
        "train_list",
        "val_list",
    ),
    describe=None,
    check=_check,
    open=_open,
    val_fraction=0.2,
    lacks_labels=_lacks_labels,
    read_unlabelled=_read_unlabelled,
    users_own=True,
)
