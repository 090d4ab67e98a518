"""A folder of the user's own images and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.dataset import FILES, Dataset
from tfadvseg.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tfadvseg.data.division import Indices
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

    from tfadvseg.data.folder import read_folder
    from tfadvseg.data.readers import read_drawn_at_once

    folder = read_folder(config)
    keys, stems = folder.examples.keys, folder.stems
    names = ("train", "validation", *(["test"] if _tests(config) else []))
    reader = read_drawn_at_once(
        folder.descriptor, lambda: _parts(config, keys, stems, seed), names, folder.examples
    )
    return dataclasses.replace(reader, unlabelled=folder.unlabelled)


def _tests(config: DataConfig) -> bool:
    return bool(config.test_fraction) or config.test_list is not None


def _parts(
    config: DataConfig, keys: Sequence[str], stems: Sequence[str], seed: int
) -> dict[str, Indices]:
    """Positions of the images that train, validate and, if there are such, test."""
    from tfadvseg.data import division
    from tfadvseg_datasets.pairs import some

    rest: Indices = list(range(len(keys)))
    test: Indices = []
    if config.test_list is not None:
        rest, test = division.listed_for_test(keys, stems, config.test_list)
    elif config.test_fraction:
        rest, test = division.files_for_test(keys, stems, config.test_fraction, seed)
    if config.train_list is not None and config.val_list is not None:
        train, val = division.divide_by_lists(keys, stems, config.train_list, config.val_list)
        if both := [keys[i] for i in test if i in {*train, *val}]:
            raise UserError(
                f"--test_list or --test_fraction keeps {some(both)} for testing, which "
                "--train_list or --val_list names, too; each image belongs to one of them."
            )
    else:
        own_keys, own_stems = ([names[i] for i in rest] for names in (keys, stems))
        if config.folds:
            held_out = division.file_folds(own_keys, own_stems, config.folds, seed)[config.fold]
        else:
            fraction, _ = FOLDER.shares(config)
            assert fraction is not None
            # Of all images, as without a test part.
            share = min(fraction * len(keys) / len(rest), 1.0)
            _, held_out = division.divide_by_fraction(own_keys, own_stems, share, seed)
        val = [rest[i] for i in held_out]
        train = [i for i in rest if i not in {*val}]
    parts = {"train": train, "validation": val}
    return parts | {"test": test} if _tests(config) else parts


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
        "test_fraction",
        "fold",
        "folds",
        "class_names",
        "value_map",
        "label_suffix",
        "channels",
        "axes",
        "foreground_class",
        "train_list",
        "val_list",
        "test_list",
    ),
    describe=None,
    check=_check,
    open=_open,
    val_fraction=0.2,
    lacks_labels=_lacks_labels,
    read_unlabelled=_read_unlabelled,
    users_own=True,
)
