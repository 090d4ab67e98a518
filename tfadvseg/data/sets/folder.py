"""A folder of the user's own images and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.dataset import FILES, Dataset
from tfadvseg.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tfadvseg.data.division import Indices
    from tfadvseg.data.examples import Examples
    from tfadvseg.data.folder import Folder
    from tfadvseg.data.readers import Reader

T = TypeVar("T")


def _check(config: DataConfig) -> None:
    if config.val_fraction is not None and config.train_list is not None:
        raise UserError(
            f"--val_fraction={config.val_fraction}: --train_list and --val_list say already what "
            "validates; give either."
        )


def _open(config: DataConfig, seed: int) -> Reader:
    """Divided by sub-folders or lists, or else by `seed`, pages of a file staying together."""
    import dataclasses

    from tfadvseg.data.folder import read_folder
    from tfadvseg.data.readers import read_drawn_at_once

    folder = read_folder(config)
    tests = _tests(config) or "test" in folder.parts
    names = ("train", "validation", *(["test"] if tests else []))
    reader = read_drawn_at_once(
        folder.descriptor, lambda: _parts(config, folder, seed), names, folder.examples
    )
    images_alone = folder.unlabelled_test
    if images_alone is not None and not tests:
        reader = with_images(reader, "test", images_alone)
    return dataclasses.replace(reader, unlabelled=folder.unlabelled)


def with_images(reader: Reader, name: str, images: Examples) -> Reader:
    """The reader with one more part: images without labels."""
    import dataclasses

    from tfadvseg.data.examples import one_by_one

    def load(split: str, flag: str) -> Examples:
        return images if split == name else reader.load(split, flag)

    return dataclasses.replace(
        reader, at_once=load, stream=lambda split, flag: one_by_one(load(split, flag))
    )


def _tests(config: DataConfig) -> bool:
    return bool(config.test_fraction) or config.test_list is not None


def _parts(config: DataConfig, folder: Folder, seed: int) -> dict[str, Indices]:
    """Positions of the images that train, validate and, if there are such, test."""
    from tfadvseg.data import division
    from tfadvseg_datasets.pairs import some

    keys, stems, paths = folder.examples.keys, folder.stems, folder.names
    by_folder = {
        part: [i for i, own in enumerate(folder.parts) if own == part]
        for part in dict.fromkeys(folder.parts)
    }
    rest: Indices = [i for i in range(len(keys)) if folder.parts[i] in (None, "train")]
    test: Indices = by_folder.get("test", [])
    if config.test_list is not None:
        rest, test = division.listed_for_test(keys, stems, config.test_list, paths)
    elif config.test_fraction:
        own_keys, own_stems = _at(rest, keys), _at(rest, stems)
        kept, held = division.files_for_test(own_keys, own_stems, config.test_fraction, seed)
        rest, test = _at(kept, rest), _at(held, rest)
    if "validation" in by_folder:
        train, val = rest, by_folder["validation"]
    elif config.train_list is not None and config.val_list is not None:
        lists = config.train_list, config.val_list
        train, val = division.divide_by_lists(keys, stems, *lists, paths)
        if both := [keys[i] for i in test if i in {*train, *val}]:
            raise UserError(
                f"--test_list or --test_fraction keeps {some(both)} for testing, which "
                "--train_list or --val_list names, too; each image belongs to one of them."
            )
    else:
        own_keys, own_stems = _at(rest, keys), _at(rest, stems)
        if config.folds:
            held_out = division.file_folds(own_keys, own_stems, config.folds, seed)[config.fold]
        else:
            fraction, _ = FOLDER.shares(config)
            assert fraction is not None
            # Of all images, as without a test part.
            all_images = len(rest) + (0 if "test" in by_folder else len(test))
            share = min(fraction * all_images / len(rest), 1.0)
            _, held_out = division.divide_by_fraction(own_keys, own_stems, share, seed)
        val = _at(held_out, rest)
        train = [i for i in rest if i not in {*val}]
    parts = {"train": train, "validation": val}
    return parts | {"test": test} if test else parts


def _at(positions: Sequence[int], values: Sequence[T]) -> list[T]:
    return [values[i] for i in positions]


def _lacks_labels(config: DataConfig) -> bool:
    from tfadvseg.data.folder_files import holds_images_alone

    return holds_images_alone(config)


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
        "colour_map",
        "annotations",
        "label_suffix",
        "recursive",
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
