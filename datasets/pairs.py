"""Images and labels in separate files, read and checked before a dataset is made from them.

Every error is a `ValueError` or `OSError` with a one-line message that names the file.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from etils import epath
from PIL import Image

from tfadvseg_datasets.raster import read_images, read_labels


class Pair(NamedTuple):
    """The image file and the label file of one example.

    Attributes:
        name: of both files, without folder and suffix.
        image, label: their paths.
    """

    name: str
    image: epath.Path
    label: epath.Path


def png_files(folder: epath.Path) -> dict[str, epath.Path]:
    """The PNG files directly in a folder, keyed and sorted by their names without suffix.

    Raises:
        FileNotFoundError: no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder.")
    files = (file for file in folder.iterdir() if file.suffix.lower() == ".png")
    return {file.stem: file for file in sorted(files) if not file.name.startswith(".")}


def require_folders(place: epath.Path, needed: Sequence[str], all_names: Sequence[str]) -> None:
    """Checks that a set's folders are in place; otherwise the error says where they are.

    Args:
        place: the folder given as the set's folder.
        needed: folders that it must contain.
        all_names: every folder of the set, needed or not.

    Raises:
        FileNotFoundError: one is missing.
    """
    lacking = [name for name in needed if not (place / name).is_dir()]
    if not lacking:
        return
    if place.name in all_names:
        raise FileNotFoundError(
            f"{place}: is itself one of {' and '.join(all_names)}; give {place.parent}."
        )
    inner = [
        child / name
        for child in sorted(place.iterdir())
        for name in lacking
        if child.is_dir() and (child / name).is_dir()
    ]
    hint = f"move up {some(inner)}" if inner else f"put the set's {' and '.join(lacking)} there"
    if len(inner) == 2 and inner[0].parent == inner[1].parent:
        hint = f"they are in {inner[0].parent}: give that folder"
    raise FileNotFoundError(f"{place}: lacks {' and '.join(lacking)}; {hint}.")


def read_pair(pair: Pair, class_names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Reads both files of a pair.

    Args:
        pair: which files. A grey image becomes RGB; a label may be stored as RGB with three equal
            channels.
        class_names: by class id.

    Returns:
        image: uint8 [h, w, 3], RGB.
        label: uint8 [h, w], class ids.

    Raises:
        OSError: a file is absent or unreadable.
        ValueError: a file is not a complete 8-bit image, image and label differ in size, or the
            label contains values that are not class ids.
    """
    (image,), (label,) = read_images(pair.image), read_labels(pair.label)
    if image.shape[:2] != label.shape:
        raise ValueError(
            f"{pair.label}: {_size(label)} (height x width), but its image {pair.image} is "
            f"{_size(image)}; they must be equal."
        )
    values = np.unique(label)
    wrong = values[(values < 0) | (values >= len(class_names))]
    if wrong.size:
        found = ", ".join(map(str, wrong[:5])) + (", ..." if wrong.size > 5 else "")
        valid = ", ".join(f"{class_id} ({name})" for class_id, name in enumerate(class_names))
        raise ValueError(f"{pair.label}: contains {found}; valid class ids are {valid}.")
    return np.broadcast_to(image, (*label.shape, 3)).copy(), label.astype(np.uint8)


def stored_image(pair: Pair, image: np.ndarray) -> epath.Path | np.ndarray:
    """The value to pass to TFDS's image feature for a pair that has been read.

    An RGB PNG is stored unchanged, which saves most of the preparation time: TensorFlow and Pillow
    decode it to the same pixels. The pixels of other files are encoded.

    Args:
        pair: which files.
        image: uint8 [h, w, 3], as returned by `read_pair`.
    """
    with pair.image.open("rb") as file, Image.open(file) as header:
        plain = header.format == "PNG" and header.mode == "RGB"
    return pair.image if plain else image


def some(names: Sequence[str | os.PathLike]) -> str:
    """The first few of many names, for a message."""
    first = ", ".join(map(str, names[:5]))
    return first + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _size(array: np.ndarray) -> str:
    return f"{array.shape[0]} x {array.shape[1]}"
