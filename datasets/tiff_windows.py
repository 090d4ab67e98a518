"""Windows of TIFF files, read without decoding the rest of the file."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile

from tfadvseg_datasets.decoded import Layout, Opener
from tfadvseg_datasets.tiff_pages import Check, Source, find_sources

_LARGEST_PIECE = 2**26
"""Most bytes of a strip or tile that may be decoded for a window."""


class LazyLayouts(NamedTuple):
    """Layouts of a file's parts, and notes on pages that are left out."""

    layouts: tuple[Layout, ...]
    notes: tuple[str, ...]


def lazy_layouts(path: Path, check: Check) -> LazyLayouts | None:
    """Layouts of a file that can be read window by window; None if a window requires all of it.

    Raises:
        Unsuitable, LeftToPillow, Exception: as `tiff.decode_images` and `tiff.decode_labels`.
    """
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        sources, notes = find_sources(tiff, check)
        if not sources or not all(map(_has_small_pieces, sources)):
            return None
        for source in sources:
            source.require_all()
        return LazyLayouts(tuple(source.layout for source in sources), tuple(notes))


def opener(path: Path, check: Check) -> Opener:
    """Returns a function that opens a file and gives one array per layout of `lazy_layouts`."""

    @contextmanager
    def opened() -> Iterator[Sequence[Any]]:
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            sources, _ = find_sources(tiff, check)
            yield [_LazyArray(source) for source in sources]

    return opened


class _LazyArray:
    """An array that reads only the part of a source with which it is indexed."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __getitem__(self, index: tuple[slice, ...]) -> np.ndarray:
        pages, shape = self._source.pages, self._source.layout.shape
        if _is_mapped(pages):
            return np.array(pages.asarray(out="memmap").reshape(shape)[index])
        import zarr

        whole = {"squeeze": False, "level": 0} if hasattr(pages, "levels") else {}
        with pages.aszarr(maxworkers=1, **whole) as store:
            return np.asarray(zarr.open_array(store, mode="r")[index])


def _is_mapped(pages: Any) -> bool:
    """Whether pixels lie in the file as they would in memory."""
    if hasattr(pages, "levels"):
        return pages.dataoffset is not None and pages.keyframe.is_memmappable
    return pages.is_memmappable and pages.is_contiguous


def _has_small_pieces(source: Source) -> bool:
    keyframe = source.layout.page
    piece = math.prod(keyframe.chunks) * source.layout.itemsize
    return _is_mapped(source.pages) or piece <= _LARGEST_PIECE
