"""Images and labels from whole TIFF files of every kind that tifffile reads, as stored numbers."""

import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
import tifffile

from tfadvseg_datasets.decoded import Decoded, Part, Process, Unsuitable
from tfadvseg_datasets.tiff_pages import Check, find_sources
from tfadvseg_datasets.tiff_pixels import (
    LeftToPillow,
    check_image,
    check_label,
    image_process,
    label_process,
)


def decode_images(file: BinaryIO, path: str, channels: Sequence[int], axes: str) -> Decoded:
    """The images in a TIFF file.

    Args:
        file: the file.
        path: for messages.
        channels: numbers of the channels to read; empty means all except alpha.
        axes: meaning of the axes of the file's pixels, such as `CYX`; empty means the
            file's own.

    Raises:
        Unsuitable: pixels of a kind that is not accepted.
        LeftToPillow: pixels of a kind that is not decoded here.
        Exception: many types, if the file is damaged.
    """
    with _opened(file) as tiff:
        parts, notes = _parts_of(tiff, check_image)
        if axes:
            parts = [_with_axes(parts, axes, path)]
        return _processed(parts, notes, image_process(path, channels, with_alpha=bool(axes)))


def decode_labels(file: BinaryIO, path: str) -> Decoded:
    """The labels in a TIFF file, as the numbers stored in it.

    Raises:
        Unsuitable: a lossy compression, zero as white, floating point, or channels that differ.
        LeftToPillow: pixels of a kind that is not decoded here.
        Exception: many types, if the file is damaged.
    """
    with _opened(file) as tiff:
        parts, notes = _parts_of(tiff, check_label)
        return _processed(parts, notes, label_process(path))


def check_labels(file: BinaryIO, path: str) -> None:
    """Refuses pages that may change the class ids or the colours of labels, before decoding.

    Raises:
        Unsuitable: a lossy compression, or zero as white.
        Exception: many types, if the file is damaged.
    """
    with _opened(file) as tiff:
        for page in tiff.pages:
            with contextlib.suppress(LeftToPillow):
                check_label(page.aspage(), path)


def count_pages(file: BinaryIO) -> int:
    """Number of directories of a TIFF file; 2 for a stack in a single one, as written by ImageJ."""
    with _opened(file) as tiff:
        single = len(tiff.pages) == 1
        stack = single and sum(series.size for series in tiff.series) > tiff.pages.first.size
        return 2 if stack else len(tiff.pages)


@contextlib.contextmanager
def _opened(file: BinaryIO) -> Iterator[tifffile.TiffFile]:
    """Opens the file with tifffile; raises damage that tifffile only logs."""
    _COLLECTOR.messages = []
    try:
        # Without the other files of a multi-file set, because only this one is requested.
        with tifffile.TiffFile(file, _multifile=False) as tiff:
            yield tiff
        if _COLLECTOR.messages:
            raise ValueError(_COLLECTOR.messages[0])
    finally:
        _COLLECTOR.messages = None


class _Collector(threading.local):
    """Collects tifffile's log messages of this thread while a file is open, instead of printing."""

    messages: list[str] | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        if self.messages is None:
            return True
        # If OME-XML is broken, the pages are still read like those of any other file.
        if record.levelno >= logging.ERROR and "OME series" not in record.getMessage():
            self.messages.append(record.getMessage().partition("> ")[2])
        return False


_COLLECTOR = _Collector()
tifffile.logger().addFilter(_COLLECTOR.filter)


def _parts_of(tiff: tifffile.TiffFile, check: Check) -> tuple[list[Part], list[str]]:
    """Images of a file, in order, and notes on pages that are left out."""
    sources, notes = find_sources(tiff, check)
    if not sources:
        raise ValueError("it contains no page that is an image")
    return [source.read() for source in sources], notes


def _processed(parts: Sequence[Part], notes: Sequence[str], process: Process) -> Decoded:
    """The pages of all parts; each note only once."""
    pages: list[np.ndarray] = []
    distinct = dict.fromkeys(notes)
    for part in parts:
        made, more = process(part)
        pages += made
        distinct.update(dict.fromkeys(more))
    return Decoded(pages, tuple(distinct))


def _with_axes(parts: list[Part], axes: str, path: str) -> Part:
    """All pixels of a file, with the axes given by `--axes`."""
    first = parts[0]
    arrays = [part.pixels for part in parts]
    if any(array.shape != arrays[0].shape for array in arrays):
        raise Unsuitable(f"{path}: its pages differ in size, so --axes={axes} cannot be applied.")
    pixels = np.stack(arrays) if len(arrays) > 1 else arrays[0]
    if pixels.ndim != len(axes):
        pixels = pixels.reshape([size for size in pixels.shape if size > 1])
    if pixels.ndim == 2 < len(axes) and {"Y", "X"} <= {*axes}:  # a stack of one section
        sizes = iter(pixels.shape)
        pixels = pixels.reshape([next(sizes) if name in "YX" else 1 for name in axes])
    if pixels.ndim != len(axes):
        raise Unsuitable(
            f"{path}: holds {' x '.join(map(str, pixels.shape))} numbers, {pixels.ndim} axes; "
            f"--axes={axes} names {len(axes)}."
        )
    return Part(pixels, axes, first.page)
