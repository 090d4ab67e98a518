"""Writes predictions of large images as tiled BigTIFF with reduced-resolution levels.

No TensorFlow here.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile

from tfadvseg.files.atomic import UNFINISHED

_TILE = 512


class CollectedRows:
    """Rows of pixels, stored in a temporary file while they are collected.

    Attributes:
        size: (height, width).
        dtype: type of the pixels.
    """

    def __init__(self, file: BinaryIO, bands: Iterable[np.ndarray]) -> None:
        """Writes the bands, [h,W] of one dtype, from top to bottom."""
        height = width = 0
        self.dtype: np.dtype[Any] = np.dtype(np.uint8)
        for band in bands:
            file.write(band.tobytes())
            height, width, self.dtype = height + band.shape[0], band.shape[1], band.dtype
        file.flush()
        self._file = file
        self.size = (height, width)

    def rows(self, first: int, end: int, step: int = 1, field: str | None = None) -> np.ndarray:
        """Every `step`-th pixel of every `step`-th row from `first` to `end` - 1, [h,w].

        With `field`, only that field of pixels with several fields.
        """
        found = np.stack([self._row(row)[::step] for row in range(first, end, step)])
        return found if field is None else found[field]

    def _row(self, row: int) -> np.ndarray:
        length = self.size[1] * self.dtype.itemsize
        self._file.seek(row * length)
        return np.frombuffer(self._file.read(length), self.dtype)


@contextlib.contextmanager
def collected(bands: Iterable[np.ndarray], folder: Path) -> Iterator[CollectedRows]:
    """Collects bands of pixels in a temporary file in `folder`, which is created if absent."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        yield CollectedRows(file, bands)


def write_pyramid(path: Path, rows: CollectedRows, field: str | None = None) -> None:
    """Writes pixels atomically as a lossless BigTIFF of tiles of 512 x 512 pixels.

    Each further level has every second pixel of the previous one, until a level fits into a tile.

    Args:
        path: path of the file.
        rows: the pixels.
        field: the field to write, if the pixels have several.
    """
    dtype = rows.dtype if field is None else rows.dtype[field]
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = 1
    while max(rows.size) > _TILE * 2 ** (levels - 1):
        levels += 1
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}{UNFINISHED}", dir=path.parent)
    os.close(descriptor)
    try:
        with tifffile.TiffWriter(temporary, bigtiff=True) as tiff:
            for level in range(levels):
                step = 2**level
                tiff.write(
                    _tiles(rows, step, field),
                    shape=tuple(-(-length // step) for length in rows.size),
                    dtype=dtype,
                    tile=(_TILE, _TILE),
                    compression="zlib",
                    photometric="minisblack",
                    metadata=None,
                    buffersize=2**22,  # by default, 256 MiB of tiles are gathered
                    subfiletype=1 if level else 0,
                    subifds=None if level else levels - 1,
                )
        Path(temporary).chmod(0o644)  # mkstemp's mode hides the file from other users
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def _tiles(rows: CollectedRows, step: int, field: str | None) -> Iterator[np.ndarray]:
    height = rows.size[0]
    for top in range(0, height, _TILE * step):
        band = rows.rows(top, min(top + _TILE * step, height), step, field)
        for left in range(0, band.shape[1], _TILE):
            part = band[:, left : left + _TILE]
            whole = np.zeros((_TILE, _TILE), band.dtype)
            whole[: part.shape[0], : part.shape[1]] = part
            yield whole
