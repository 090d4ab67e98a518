"""Labels of large images as tiled BigTIFF with levels of lower resolution. No TensorFlow here."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tifffile

from tfadvseg.files.atomic import UNFINISHED

_TILE = 512


class LabelRows:
    """Rows of a label, kept in a file without a name while they are collected.

    Attributes:
        size: (height, width).
    """

    def __init__(self, file: BinaryIO, bands: Iterable[np.ndarray]) -> None:
        """Writes the bands, uint8 [h,W] each, below each other."""
        height = width = 0
        for band in bands:
            file.write(band.tobytes())
            height, width = height + band.shape[0], band.shape[1]
        file.flush()
        self._file = file
        self.size = (height, width)

    def rows(self, first: int, end: int, step: int = 1) -> np.ndarray:
        """Every `step`-th pixel of every `step`-th row from `first` up to `end`, uint8 [h,w]."""
        width = self.size[1]
        if step == 1:
            self._file.seek(first * width)
            content = self._file.read((end - first) * width)
            return np.frombuffer(content, np.uint8).reshape(-1, width)
        found = []
        for row in range(first, end, step):
            self._file.seek(row * width)
            found.append(np.frombuffer(self._file.read(width), np.uint8)[::step])
        return np.stack(found)


@contextlib.contextmanager
def collected(bands: Iterable[np.ndarray], folder: Path) -> Iterator[LabelRows]:
    """Collects bands of a label in a temporary file in `folder`, which is made if absent."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        yield LabelRows(file, bands)


def write_pyramid(path: Path, rows: LabelRows) -> None:
    """Writes a label as a BigTIFF of tiles of 512 x 512, lossless, whole or not at all.

    Each further level has every second pixel of the one before, until one fits into a tile.

    Args:
        path: of the file.
        rows: of the label.
    """
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
                    _tiles(rows, step),
                    shape=tuple(-(-length // step) for length in rows.size),
                    dtype=np.uint8,
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


def _tiles(rows: LabelRows, step: int) -> Iterator[np.ndarray]:
    height = rows.size[0]
    for top in range(0, height, _TILE * step):
        band = rows.rows(top, min(top + _TILE * step, height), step)
        for left in range(0, band.shape[1], _TILE):
            part = band[:, left : left + _TILE]
            whole = np.zeros((_TILE, _TILE), np.uint8)
            whole[: part.shape[0], : part.shape[1]] = part
            yield whole
