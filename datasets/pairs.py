"""An image and its label in two files, read and checked before a dataset is made of them.

Every error is a `ValueError` or `OSError` of one line that names the file.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from etils import epath
from PIL import Image

from tfadvseg_datasets.raster import read_images, read_labels


class Pair(NamedTuple):
    """Files that belong together.

    Attributes:
        name: of both, without folder and suffix.
        image, label: where they are.
    """

    name: str
    image: epath.Path
    label: epath.Path


def png_files(folder: epath.Path) -> dict[str, epath.Path]:
    """The PNG files directly in a folder by their names without suffix, in order of these.

    Raises:
        FileNotFoundError: no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder.")
    files = (file for file in folder.iterdir() if file.suffix.lower() == ".png")
    return {file.stem: file for file in sorted(files) if not file.name.startswith(".")}


def require_folders(place: epath.Path, needed: Sequence[str], all_names: Sequence[str]) -> None:
    """Checks that a set's folders lie where they should; else finds where they lie instead.

    Args:
        place: what was given as the set's folder.
        needed: folders that it must hold.
        all_names: every folder of the set, needed or not.

    Raises:
        FileNotFoundError: it lacks one.
    """
    lacking = [name for name in needed if not (place / name).is_dir()]
    if not lacking:
        return
    if place.name in all_names:
        raise FileNotFoundError(
            f"{place}: holds no {' and '.join(all_names)} but is one of them; give {place.parent}."
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
        ValueError: a file is not a whole image of 8 bits, image and label differ in size, or the
            label holds what is no class id.
    """
    (image,), (label,) = read_images(pair.image), read_labels(pair.label)
    if image.shape[:2] != label.shape:
        raise ValueError(
            f"{pair.label}: {_size(label)} (height x width), but its image {pair.image} is "
            f"{_size(image)}; they must agree."
        )
    values = np.unique(label)
    wrong = values[(values < 0) | (values >= len(class_names))]
    if wrong.size:
        shown = ", ".join(map(str, wrong[:5])) + (", ..." if wrong.size > 5 else "")
        valid = ", ".join(f"{class_id} ({name})" for class_id, name in enumerate(class_names))
        raise ValueError(f"{pair.label}: holds {shown}; valid class ids are {valid}.")
    return np.broadcast_to(image, (*label.shape, 3)).copy(), label.astype(np.uint8)


def stored_image(pair: Pair, image: np.ndarray) -> epath.Path | np.ndarray:
    """What to hand to TFDS's image feature for a pair that has been read.

    An RGB PNG is kept as the file it is, which spares most of the time of a preparation: TensorFlow
    decodes it as Pillow does. Of others the pixels are encoded.

    Args:
        pair: which files.
        image: uint8 [h, w, 3], as `read_pair` gave it.
    """
    with pair.image.open("rb") as file, Image.open(file) as header:
        plain = header.format == "PNG" and header.mode == "RGB"
    return pair.image if plain else image


def some(names: Sequence[str | os.PathLike]) -> str:
    """The first few of many names, for a message."""
    shown = ", ".join(map(str, names[:5]))
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _size(array: np.ndarray) -> str:
    return f"{array.shape[0]} x {array.shape[1]}"
