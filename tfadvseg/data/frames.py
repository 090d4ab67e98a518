"""Frames of GTA5 and Cityscapes, read from the downloaded files. No TensorFlow here."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from etils import epath

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.on_disk import StoredExample
from tfadvseg.errors import UserError
from tfadvseg_datasets.street_files import (
    Frame,
    Numbering,
    image_size,
    read_rgb,
    read_train_ids,
)

_END = 1024
"""Number of bytes at the beginning and at the end of a file that are hashed."""


def stored_splits(
    folder: Path,
    find_splits: Callable[[Path], Mapping[str, Sequence[Frame]]],
    numbering: Numbering,
) -> dict[str, list[StoredExample]]:
    """The splits of a set in its folders.

    Args:
        folder: folder of the set.
        find_splits: a function that finds and checks the frames of each split.
        numbering: numbering of the classes in label files.

    Raises:
        UserError: the folder or a file is invalid, as far as all headers and a sample of the labels
            show.
    """
    with _raise_user_errors("--data_dir: "):
        splits = find_splits(folder)
    return {
        split: [StoredExample(f.name, _Image(f.image), _Label(f, numbering)) for f in part]
        for split, part in splits.items()
    }


def png_fingerprint(path: str | os.PathLike) -> bytes:
    """A digest that changes with any pixel of a PNG file, without reading all of it.

    The data of a PNG end with the Adler-32 checksum of the pixels (RFC 1950), so size, beginning
    and end identify a file.

    Raises:
        OSError: the file is absent or unreadable.
    """
    with epath.Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        digest = hashlib.blake2b(f"{size}\0".encode() + file.read(_END), digest_size=8)
        file.seek(max(size - _END, 0))
        digest.update(file.read())
    return digest.digest()


@dataclass(frozen=True)
class _Image:
    path: epath.Path

    def read(self) -> np.ndarray:
        with _raise_user_errors():
            return read_rgb(self.path)

    def size(self) -> tuple[int, int]:
        with _raise_user_errors():
            return image_size(self.path)

    def fingerprint(self) -> bytes:
        with _raise_user_errors():
            return png_fingerprint(self.path)


@dataclass(frozen=True)
class _Label:
    frame: Frame
    numbering: Numbering

    def read(self) -> np.ndarray:
        if self.frame.label is None:
            return np.full(self.size(), IGNORE_LABEL, np.uint8)
        with _raise_user_errors():
            return read_train_ids(self.frame.label, self.numbering)

    def size(self) -> tuple[int, int]:
        return _Image(self.frame.image).size()  # checked to be equal for all frames

    def fingerprint(self) -> bytes:
        return b"" if self.frame.label is None else _Image(self.frame.label).fingerprint()


@contextlib.contextmanager
def _raise_user_errors(flag: str = "") -> Iterator[None]:
    """Converts `OSError` and `ValueError` to `UserError`."""
    try:
        yield
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}." if error.strerror else str(error)
        raise UserError(flag + reason) from None
    except ValueError as error:
        raise UserError(flag + str(error)) from None
