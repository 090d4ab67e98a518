"""The official layout: `images/`, `labels/`, and optionally `split.mat`."""

import io
import os
from collections.abc import Sequence

import numpy as np
from absl import logging
from etils import epath
from scipy.io import loadmat

from tfadvseg_datasets.pairs import png_files, require_folders, some
from tfadvseg_datasets.street_files import (
    Frame,
    Numbering,
    check_frames,
    frames_of_other_size,
)

IMAGES, LABELS, SPLIT_FILE = "images", "labels", "split.mat"

_SPLIT_KEYS = {"train": "trainIds", "val": "valIds", "test": "testIds"}


def find_frames(folder: str | os.PathLike, skip_damaged: bool = False) -> list[Frame]:
    """The frames, sorted by name, checked by headers and a sample of labels.

    Args:
        folder: contains `images` and `labels`.
        skip_damaged: leave out frames whose label differs in size from the image, with a warning
            that names them; some frames of the set are known to have this fault.

    Raises:
        FileNotFoundError: a folder or files are missing; names them.
        ValueError: frames are damaged, or files are of another kind.
    """
    place = _checked(epath.Path(folder))
    images, labels = png_files(place / IMAGES), png_files(place / LABELS)
    if not images and not labels:
        raise FileNotFoundError(f"{place}: no PNG files in {IMAGES} and {LABELS}.")
    for here, there, there_name in ((images, labels, LABELS), (labels, images, IMAGES)):
        lacking = [f"{name}.png" for name in here if name not in there]
        if lacking:
            raise FileNotFoundError(
                f"{place / there_name}: lacks {some(lacking)}; download the archive that contains "
                "them, or remove their counterparts."
            )
    frames = [Frame(name, images[name], labels[name]) for name in images]
    damaged = dict(frames_of_other_size(frames))
    if damaged and not skip_damaged:
        first = next(iter(damaged.values()))
        names = [frame.name for frame in damaged]
        raise ValueError(
            f"{first} Damaged labels: {', '.join(names)}; replace them, or set skip_damaged to "
            "leave these frames out."
        )
    for message in damaged.values():
        logging.warning("Left out: %s", message)
    frames = [frame for frame in frames if frame not in damaged]
    if not frames:
        raise ValueError(f"{place}: every label differs in size from its image.")
    check_frames(frames, Numbering.LABEL_IDS)
    return frames


def divide(frames: Sequence[Frame], folder: str | os.PathLike) -> dict[str, list[Frame]]:
    """Splits the given frames into the official train, val and test parts.

    Args:
        frames: named by number.
        folder: contains `split.mat`, the set's own file of frame numbers.

    Raises:
        FileNotFoundError: there is no `split.mat`.
        ValueError: the file is of another kind, or does not list some frames.
    """
    path = epath.Path(folder) / SPLIT_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; download it from the set's page, or omit official_split."
        )
    try:
        content = loadmat(io.BytesIO(path.read_bytes()))
        numbers = {
            split: {int(n) for n in np.ravel(content[key])} for split, key in _SPLIT_KEYS.items()
        }
    except Exception as error:  # scipy raises many exception types on damaged files
        raise ValueError(
            f"{path}: not a file with {', '.join(_SPLIT_KEYS.values())} ({type(error).__name__}: "
            f"{error}); replace it."
        ) from None
    unlisted = [
        frame.name
        for frame in frames
        if not frame.name.isdecimal() or not any(int(frame.name) in n for n in numbers.values())
    ]
    if unlisted:
        raise ValueError(f"{path}: does not list {some(unlisted)}; remove these frames.")
    parts = {
        split: [frame for frame in frames if int(frame.name) in listed]
        for split, listed in numbers.items()
    }
    return {split: part for split, part in parts.items() if part}


def raw_files(folder: str | os.PathLike) -> list[epath.Path]:
    """The files that frames are made from, and `split.mat` if it exists.

    Raises:
        FileNotFoundError: there is no such folder, or part of its content is missing.
    """
    place = _checked(epath.Path(folder))
    files = [file for kind in (IMAGES, LABELS) for file in png_files(place / kind).values()]
    split_file = place / SPLIT_FILE
    return [*files, split_file] if split_file.is_file() else files


def _checked(place: epath.Path) -> epath.Path:
    """The folder itself, after checking its content."""
    if not place.is_dir():
        raise FileNotFoundError(f"{place}: no such folder.")
    require_folders(place, (IMAGES, LABELS), (IMAGES, LABELS))
    return place
