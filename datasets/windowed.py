"""Images and labels that are read window by window: large TIFF files, slides and Zarr folders.

A file is opened anew for each window, so that windows can be read in many threads and nothing of
the file stays in memory.
"""

import math
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfadvseg_datasets import tiff, zarr_folders
from tfadvseg_datasets.decoded import Layout, Part, Unsuitable

LARGE = 2**28
"""Bytes of an image's pixels beyond which it is read window by window."""

SLIDE_SUFFIXES = (".bif", ".btf", ".ndpi", ".qptiff", ".scn", ".svs", ".zarr")
"""Of files that only this module reads, in lower case."""

_TIFF_SUFFIXES = (".tif", ".tiff", *SLIDE_SUFFIXES[:-1])

Opener = Callable[[], AbstractContextManager[Sequence[Any]]]
"""Opens a file: gives one array for each of its layouts, which is read where it is indexed."""

Process = Callable[[Part], tuple[list[np.ndarray], tuple[str, ...]]]
"""Makes images [h,w,C] or labels [h,w] of the pixels of a part, and notes."""


class Window(NamedTuple):
    """A rectangle of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Windowed:
    """A file whose pages are read window by window.

    Attributes:
        path: of the file or folder.
        layouts: of the arrays that hold its pages.
        open: gives these arrays.
        process: as a whole file would be decoded.
        notes: as `Decoded.notes`.
    """

    path: str
    layouts: tuple[Layout, ...]
    open: Opener
    process: Process
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of pages."""
        return sum(layout.planes for layout in self.layouts)

    def size(self, page: int) -> tuple[int, int]:
        """(height, width) of a page."""
        layout, _ = self._place(page)
        return self.layouts[layout].size

    def read(self, page: int, window: Window) -> np.ndarray:
        """Pixels [h,w,C] of an image or class numbers [h,w] of a label.

        Raises:
            Unsuitable: pixels of a kind that is not accepted.
            Exception: many types, if the file is damaged.
        """
        number, plane = self._place(page)
        with self.open() as arrays:
            (pixels,), _ = self._processed(arrays[number], number, plane, window)
        return pixels

    def described(self) -> "Windowed":
        """The same with the notes that one pixel of each array gives."""
        notes = dict.fromkeys(self.notes)
        with self.open() as arrays:
            for number, array in enumerate(arrays):
                _, more = self._processed(array, number, 0, Window(0, 0, 1, 1))
                notes.update(dict.fromkeys(more))
        return Windowed(self.path, self.layouts, self.open, self.process, tuple(notes))

    def _processed(
        self, array: Any, number: int, plane: int, window: Window
    ) -> tuple[list[np.ndarray], tuple[str, ...]]:
        layout = self.layouts[number]
        pixels = np.asarray(array[layout.index(plane, window)])
        return self.process(Part(pixels, layout.axes, layout.page))

    def _place(self, page: int) -> tuple[int, int]:
        for number, layout in enumerate(self.layouts):
            if page < layout.planes:
                return number, page
            page -= layout.planes
        raise IndexError(page)


def open_images(
    path: str | os.PathLike, channels: Sequence[int] = (), axes: str = ""
) -> Windowed | None:
    """An image file to be read window by window; None for one that is to be read whole.

    Zarr folders and slides always are read so, other TIFF files if they are `LARGE` and not made of
    a single compressed piece.

    Args:
        path: of the file or folder.
        channels, axes: as for `raster.decode_images`.

    Raises:
        Unsuitable: a Zarr folder that holds no image, or several.
    """
    path = Path(path)
    if zarr_folders.is_zarr(path):
        layouts = zarr_folders.layouts(path, axes)
        process = zarr_folders.image_process(str(path), channels)
        return Windowed(str(path), layouts, zarr_folders.opener(path), process).described()
    if path.suffix.lower() not in _TIFF_SUFFIXES or axes:
        return None
    return _open_tiff(path, tiff.image_process(str(path), channels), tiff.check_image)


def open_labels(path: str | os.PathLike) -> Windowed | None:
    """The same for a label file.

    Raises:
        Unsuitable: as `open_images`.
    """
    path = Path(path)
    if zarr_folders.is_zarr(path):
        layouts = zarr_folders.layouts(path, "")
        process = zarr_folders.label_process(str(path))
        return Windowed(str(path), layouts, zarr_folders.opener(path), process)
    if path.suffix.lower() not in _TIFF_SUFFIXES:
        return None
    return _open_tiff(path, tiff.label_process(str(path)), tiff.check_label)


def _open_tiff(path: Path, process: Process, check: tiff.Check) -> Windowed | None:
    try:
        found = tiff.lazy_layouts(path, check)
        if found is None or not _is_large(path, found.layouts):
            return None
        made = Windowed(str(path), found.layouts, tiff.opener(path, check), process, found.notes)
        return made.described()
    except Unsuitable:
        raise
    except Exception:  # told when the file is read whole
        return None


def _is_large(path: Path, layouts: Sequence[Layout]) -> bool:
    slide = path.suffix.lower() in SLIDE_SUFFIXES
    sizes = (math.prod(layout.plane_shape) * layout.itemsize for layout in layouts)
    return slide or max(sizes) > LARGE
