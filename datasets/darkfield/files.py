"""The set's files: images and label masks with equal names in two folders."""

import os

from etils import epath

from tfadvseg_datasets.pairs import Pair, png_files, some

IMAGE_FOLDER = "images"
LABEL_FOLDERS = ("masks", "flattened_masks")
"""Possible names of the mask folder, in copies of the set; the first that exists is read."""


def find_pairs(folder: str | os.PathLike) -> list[Pair]:
    """Each image with its mask, sorted by name.

    Raises:
        FileNotFoundError: names the missing folder, or the files without a counterpart.
    """
    place = epath.Path(folder)
    if not place.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder.")
    image_folder = place / IMAGE_FOLDER
    found = [place / name for name in LABEL_FOLDERS if (place / name).is_dir()]
    if not image_folder.is_dir() or not found:
        raise FileNotFoundError(
            f"{folder}: needs the folders {IMAGE_FOLDER} and {' or '.join(LABEL_FOLDERS)}; put the "
            "files of the Kaggle set there."
        )
    label_folder = found[0]
    images, labels = png_files(image_folder), png_files(label_folder)
    if not images and not labels:
        raise FileNotFoundError(f"{image_folder}: contains no PNG files.")
    for here, there, partners, others, kind in (
        (image_folder, label_folder, images, labels, "a mask"),
        (label_folder, image_folder, labels, images, "an image"),
    ):
        lonely = [file.name for name, file in partners.items() if name not in others]
        if lonely:
            raise FileNotFoundError(
                f"{here}: {some(lonely)} without {kind} of that name in {there}; add it, or "
                "remove files without a counterpart."
            )
    return [Pair(name, images[name], labels[name]) for name in images]


def raw_files(folder: str | os.PathLike) -> list[epath.Path]:
    """The files that the dataset is made from.

    Raises:
        FileNotFoundError: as `find_pairs`.
    """
    return [file for pair in find_pairs(folder) for file in (pair.image, pair.label)]
