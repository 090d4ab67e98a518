"""The challenge's files: multi-page TIFFs, read and checked before a dataset is made from them."""

import os
from dataclasses import dataclass

import numpy as np
from etils import epath

from tfadvseg_datasets.raster import read_images, read_labels

from .classes import CELL, MEMBRANE

TRAIN_IMAGES = "train-volume.tif"
TRAIN_LABELS = "train-labels.tif"
TEST_IMAGES = "test-volume.tif"

RAW_VALUES = {0: MEMBRANE, 255: CELL}
"""Grey level in the label file -> class id."""


@dataclass(frozen=True)
class Stacks:
    """All sections.

    Attributes:
        train_images: uint8 [h, w, 1] each.
        train_labels: uint8 [h, w] each, `MEMBRANE` or `CELL`; same number and sizes as the images.
        test_images: uint8 [h, w, 1] each; empty if the file is absent.
    """

    train_images: tuple[np.ndarray, ...]
    train_labels: tuple[np.ndarray, ...]
    test_images: tuple[np.ndarray, ...]


def raw_files(folder: str | os.PathLike) -> list[epath.Path]:
    """The files that the dataset is made from.

    Raises:
        FileNotFoundError: names the folder, or all required files that it lacks.
    """
    place = epath.Path(folder)
    if not place.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder.")
    missing = [name for name in (TRAIN_IMAGES, TRAIN_LABELS) if not (place / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder}: lacks {' and '.join(missing)}; put the ISBI 2012 challenge's files there."
        )
    names = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES)
    return [place / name for name in names if (place / name).is_file()]


def read_stacks(folder: str | os.PathLike) -> Stacks:
    """Reads and checks everything.

    Raises:
        FileNotFoundError: as `raw_files`.
        ValueError: a file is not a complete TIFF, has colours or labels other than 0 and 255, or
            images and labels differ in number or size.
    """
    files = {file.name: file for file in raw_files(folder)}
    images = _read_grey(files[TRAIN_IMAGES])
    labels = _read_class_ids(files[TRAIN_LABELS])
    if len(images) != len(labels):
        raise ValueError(
            f"{files[TRAIN_LABELS]}: {len(labels)} pages, but {TRAIN_IMAGES} has {len(images)}; "
            "each section needs one label."
        )
    for page, (image, label) in enumerate(zip(images, labels, strict=True)):
        if image.shape[:2] != label.shape:
            raise ValueError(
                f"{files[TRAIN_LABELS]}: page {page} is {_size(label)} (height x width), but that "
                f"of {TRAIN_IMAGES} is {_size(image)}; they must be equal."
            )
    test_images = _read_grey(files[TEST_IMAGES]) if TEST_IMAGES in files else ()
    return Stacks(images, labels, test_images)


def _check_tiff(file: epath.Path) -> None:
    """Refuses other image formats, which Pillow would read whatever their file name."""
    with file.open("rb") as handle:
        if handle.read(4) not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            raise ValueError(f"{file}: not a TIFF file; give the challenge's own file.")


def _read_grey(file: epath.Path) -> tuple[np.ndarray, ...]:
    _check_tiff(file)
    pages = read_images(file)
    for number, page in enumerate(pages):
        if page.shape[2] != 1:
            raise ValueError(f"{file}: page {number} is in colour; sections must be grey.")
    return tuple(pages)


def _read_class_ids(file: epath.Path) -> tuple[np.ndarray, ...]:
    _check_tiff(file)
    table = np.zeros(256, dtype=np.uint8)
    for raw, class_id in RAW_VALUES.items():
        table[raw] = class_id
    labels = []
    for number, page in enumerate(read_labels(file)):
        values = np.unique(page)
        wrong = values[~np.isin(values, list(RAW_VALUES))]
        if wrong.size:
            found = ", ".join(map(str, wrong[:5])) + (", ..." if wrong.size > 5 else "")
            raise ValueError(
                f"{file}: page {number} contains {found}; only 0 (membrane) and 255 (cell) are "
                "expected."
            )
        labels.append(table[page])
    return tuple(labels)


def _size(array: np.ndarray) -> str:
    return f"{array.shape[0]} x {array.shape[1]}"
