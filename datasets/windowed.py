"""Images and labels read window by window: large TIFF files, slides and Zarr folders.

A file is opened again for each window, so that many threads can read windows and nothing of the
file stays in memory.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfadvseg_datasets import tiff_windows, zarr_folders
from tfadvseg_datasets.decoded import Layout, Opener, Part, Process, Unsuitable
from tfadvseg_datasets.tiff_pages import Check
from tfadvseg_datasets.tiff_pixels import check_image, check_label, image_process, label_process

LARGE = 2**28
"""Images with more bytes of pixels than this are read window by window."""

SLIDE_SUFFIXES = (".bif", ".btf", ".ndpi", ".qptiff", ".scn", ".svs", ".zarr")
"""Suffixes of files that are always read window by window, in lower case."""

_TIFF_SUFFIXES = (".tif", ".tiff", *SLIDE_SUFFIXES[:-1])


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
        path: path of the file or folder.
        layouts: layouts of the arrays that hold its pages.
        open: opens the file and gives these arrays.
        process: converts an array's pixels as decoding the whole file would.
        notes: as in `Decoded`.
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
        """The same file, with the notes that result from reading one pixel of each array."""
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
    """Opens an image file to be read window by window; None if it must be read as a whole.

    Zarr folders and slides are always read window by window. Other TIFF files are if they are
    larger than `LARGE` and their strips or tiles are small enough.

    Args:
        path: path of the file or folder.
        channels, axes: as for `raster.decode_images`.

    Raises:
        Unsuitable: a Zarr folder with no image or with several.
    """
    path = Path(path)
    if zarr_folders.is_zarr(path):
        layouts = zarr_folders.layouts(path, axes)
        process = zarr_folders.image_process(str(path), channels)
        return Windowed(str(path), layouts, zarr_folders.opener(path), process).described()
    if path.suffix.lower() not in _TIFF_SUFFIXES or axes:
        return None
    return _open_tiff(path, image_process(str(path), channels), check_image)


def open_labels(path: str | os.PathLike) -> Windowed | None:
    """Opens a label file as `open_images` does an image file.

    Raises:
        Unsuitable: as for `open_images`.
    """
    path = Path(path)
    if zarr_folders.is_zarr(path):
        layouts = zarr_folders.layouts(path, "")
        process = zarr_folders.label_process(str(path))
        return Windowed(str(path), layouts, zarr_folders.opener(path), process)
    if path.suffix.lower() not in _TIFF_SUFFIXES:
        return None
    return _open_tiff(path, label_process(str(path)), check_label)


def _open_tiff(path: Path, process: Process, check: Check) -> Windowed | None:
    try:
        found = tiff_windows.lazy_layouts(path, check)
        if found is None or not _is_large(path, found.layouts):
            return None
        opener = tiff_windows.opener(path, check)
        return Windowed(str(path), found.layouts, opener, process, found.notes).described()
    except Unsuitable:
        raise
    except Exception:  # reported when the file is read as a whole
        return None


def _is_large(path: Path, layouts: Sequence[Layout]) -> bool:
    slide = path.suffix.lower() in SLIDE_SUFFIXES
    sizes = (math.prod(layout.plane_shape) * layout.itemsize for layout in layouts)
    return slide or max(sizes) > LARGE
