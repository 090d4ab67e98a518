"""Pages of image and label files that stay on disk (`on_disk.StoredArray`). No TensorFlow here."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfadvseg.data.images import read_window
from tfadvseg.errors import UserError
from tfadvseg_datasets.decoded import Decoded
from tfadvseg_datasets.windowed import Window, Windowed

Convert = Callable[[np.ndarray], np.ndarray]
Decode = Callable[[Path], Decoded]


class Reading(NamedTuple):
    """How files are read: window by window if `windows` opens the file, otherwise as a whole."""

    decode: Decode
    windows: Callable[[Path], Windowed | None]


@dataclass(frozen=True)
class StoredPage:
    """A page in its file (`on_disk.StoredArray`).

    Attributes:
        file: path of the file.
        number: number of the page.
        shape: (height, width).
        decode: decodes all pages of a file.
        convert: converts the page's pixels.
        meaning: identifies `convert` in fingerprints; at most 64 bytes.
    """

    file: Path
    number: int
    shape: tuple[int, int]
    decode: Decode
    convert: Convert
    meaning: bytes

    def read(self) -> np.ndarray:
        return self.convert(self.decode(self.file).pages[self.number])

    def size(self) -> tuple[int, int]:
        return self.shape

    def fingerprint(self) -> bytes:
        try:
            state = self.file.stat()
            return _digest(self.file, state.st_mtime_ns, state.st_size, self.meaning)
        except OSError as error:
            raise UserError(f"{self.file}: {error.strerror}.") from None


@functools.lru_cache(maxsize=64)  # one file may annotate many images
def _digest(file: Path, changed: int, size: int, meaning: bytes) -> bytes:
    del changed, size
    return blake2b(file.read_bytes(), digest_size=8, key=meaning).digest()


@dataclass(frozen=True)
class StoredRegion:
    """A region of a page in its file (`on_disk.StoredArray`).

    Attributes:
        file: path of the file.
        number: number of the page.
        region: position of the region in the page.
        reading: how the file is read.
        convert, meaning: as in `StoredPage`.
    """

    file: Path
    number: int
    region: Window
    reading: Reading
    convert: Convert
    meaning: bytes

    def read(self) -> np.ndarray:
        return self.convert(_region_of(self.file, self.number, self.region, self.reading))

    def size(self) -> tuple[int, int]:
        return self.region.height, self.region.width

    def fingerprint(self) -> bytes:
        place = repr((self.number, *self.region)).encode()
        return blake2b(_content(self.file) + place, digest_size=8, key=self.meaning).digest()


def _region_of(file: Path, number: int, region: Window, reading: Reading) -> np.ndarray:
    """Reads a region of a page, window by window if the file allows it."""
    windows = opened(reading.windows, file)
    if windows is not None:
        return read_window(windows, number, region)
    return cut(reading.decode(file).pages[number], region)


def opened(windows: Callable[[Path], Windowed | None], file: Path) -> Windowed | None:
    """Calls `windows` on a file, once per version of the file."""
    changed = file.stat().st_mtime_ns if file.exists() else 0
    return _opened_once(windows, file, changed)


@functools.lru_cache(maxsize=64)
def _opened_once(
    windows: Callable[[Path], Windowed | None], file: Path, changed: int
) -> Windowed | None:
    """Cached, because the header of a large slide has thousands of entries."""
    del changed
    return windows(file)


@functools.lru_cache(maxsize=4096)
def _content(path: Path) -> bytes:
    """Digest of a file, or of all files in a folder; read in pieces."""
    digest = blake2b(digest_size=16)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    try:
        for file in filter(Path.is_file, files):
            digest.update(f"{file.relative_to(path)}\n".encode())
            with file.open("rb") as stream:
                while piece := stream.read(2**20):
                    digest.update(piece)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}.") from None
    return digest.digest()


def cut(page: np.ndarray, region: Window) -> np.ndarray:
    """A copy of a region of a page [H,W,...]."""
    top, left, height, width = region
    return page[top : top + height, left : left + width].copy()
