"""Images and labels from TIFF files of every kind that tifffile reads, as the stored numbers.

Sections of a stack are separate images, and so are times and depths; channels and samples are
channels of one image. Reduced-resolution pages, validity masks and a slide's thumbnails are
ignored.
"""

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
import tifffile

from tfadvseg_datasets.decoded import (
    Decoded,
    Unsuitable,
    chosen_channels,
    image_pixels,
    label_ids,
    orientation_notes,
    without_alpha,
)

_WITH_AXES = frozenset(
    ("shaped", "lsm", "mmstack", "ome", "imagej", "ndtiff", "fluoview", "stk", "sis", "nih")
)
"""Kinds of tifffile's series that define their axes."""

_SLIDES = frozenset(("svs", "scn", "qpi", "ndpi", "bif", "avs", "philips"))
"""Whole-slide formats: their first series is the slide, the others are its label and overview."""

_FACSIMILE = frozenset((2, 3, 4))

_LOSSLESS = frozenset((1, 2, 3, 4, 5, 8, 32771, 32773, 32946, 34925, 34926, 34933, 50000))
"""Compressions that preserve class ids."""

_WHITE_IS_ZERO, _PALETTE, _MASK, _CMYK, _YCBCR, _CIELAB = 0, 3, 4, 5, 6, 8
_CONVERTED = frozenset((_CMYK, _YCBCR, _CIELAB))
_JPEG, _OLD_JPEG = 7, 6
_ORIENTATION, _OLD_SUBFILE_TYPE = 274, 255
_ALPHA_KINDS = (1, 2)  # of ExtraSamples: associated and unassociated


class LeftToPillow(Exception):
    """Colours that must be converted to RGB, or a facsimile, which tifffile does not decode."""


Check = Callable[[tifffile.TiffPage, str], None]
"""A function that refuses a page, of the file of that name, before it is decoded."""


class _Part(NamedTuple):
    """Pixels that are read together.

    Attributes:
        pixels: with one axis per letter of `axes`.
        axes: in tifffile's notation: Y, X, C and S (samples) and others.
        page: a page that represents all of them.
    """

    pixels: np.ndarray
    axes: str
    page: tifffile.TiffPage


def decode_images(file: BinaryIO, path: str, channels: Sequence[int], axes: str) -> Decoded:
    """The images in a TIFF file.

    Args:
        file: the file.
        path: for messages.
        channels: numbers of the channels to read; empty means all except alpha.
        axes: meaning of the axes of the file's pixels, such as `CYX`; empty means as the file says.

    Raises:
        Unsuitable: pixels of a kind that is not accepted.
        LeftToPillow: pixels of a kind that is not decoded here.
        Exception: many types, if the file is damaged.
    """
    images, notes = [], {}
    with _opened(file) as tiff:
        parts, left_out = _parts_of(tiff, _check_image)
        notes.update(dict.fromkeys(left_out))
        if axes:
            parts = [_with_axes(parts, axes, path)]
        for part in parts:
            pixels, colour_axes, more = _display_values(part)
            notes.update(dict.fromkeys((*more, *_orientation(part.page))))
            alpha = () if axes else _alpha(part)
            for plane in _planes(pixels, colour_axes, path):
                plane, more = without_alpha(plane, alpha, channels)
                notes.update(dict.fromkeys(more))
                plane = chosen_channels(plane, channels, path)
                images.append(image_pixels(plane, path))
    return Decoded(images, tuple(notes))


def decode_labels(file: BinaryIO, path: str) -> Decoded:
    """The labels in a TIFF file, as the numbers stored in it.

    Raises:
        Unsuitable: a lossy compression, zero as white, floating point, or channels that differ.
        LeftToPillow: pixels of a kind that is not decoded here.
        Exception: many types, if the file is damaged.
    """
    labels, notes = [], {}
    with _opened(file) as tiff:
        parts, left_out = _parts_of(tiff, _check_label)
        notes.update(dict.fromkeys(left_out))
        for part in parts:
            notes.update(dict.fromkeys(_orientation(part.page)))
            for plane in _planes(part.pixels, part.axes, path):
                ids, more = label_ids(plane, _alpha(part), path)
                notes.update(dict.fromkeys(more))
                labels.append(ids)
    return Decoded(labels, tuple(notes))


def check_labels(file: BinaryIO, path: str) -> None:
    """Refuses pages that may change the class ids or the colours of labels, before decoding.

    Raises:
        Unsuitable: a lossy compression, or zero as white.
        Exception: many types, if the file is damaged.
    """
    with _opened(file) as tiff:
        for page in tiff.pages:
            with contextlib.suppress(LeftToPillow):
                _check_label(page.aspage(), path)


def _check_image(page: tifffile.TiffPage, path: str) -> None:
    del path
    if page.compression == _OLD_JPEG or page.compression in _FACSIMILE:
        raise LeftToPillow
    if page.photometric == _YCBCR and page.compression == _JPEG:  # decoded to RGB
        return
    if page.photometric in _CONVERTED:
        raise LeftToPillow


def _check_label(page: tifffile.TiffPage, path: str) -> None:
    if page.compression not in _LOSSLESS:
        raise Unsuitable(
            f"{path}: {_name(page.compression)} compression may change class ids; store labels "
            "as PNG, or as TIFF without it."
        )
    if page.photometric == _WHITE_IS_ZERO:
        raise Unsuitable(
            f"{path}: its zero is white, so class ids would be inverted; save it again with zero "
            "as black."
        )
    if page.compression in _FACSIMILE:
        raise LeftToPillow


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


def _parts_of(tiff: tifffile.TiffFile, check: Check) -> tuple[list[_Part], list[str]]:
    """The images of a file, in order; and notes on the rest."""
    parts, notes = _find_parts(tiff, check)
    if not parts:
        raise ValueError("it contains no page that is an image")
    return parts, notes


def _find_parts(tiff: tifffile.TiffFile, check: Check) -> tuple[list[_Part], list[str]]:
    series = tiff.series
    kind = series[0].kind if series else ""
    notes = []
    if kind in _WITH_AXES:
        chosen = list(series)
    elif kind in _SLIDES:
        chosen = list(series[:1])
        if len(series) > 1:
            notes.append(
                f"{len(series) - 1} other pictures of the slide (overview, label) left out"
            )
    else:
        return _pages(tiff, check)
    parts = []
    for each in chosen:
        page = each.keyframe.aspage()
        if what := _no_image(page):
            notes.append(f"{what} left out")
            continue
        check(page, tiff.filehandle.name)
        shape, axes = each.get_shape(squeeze=False), each.get_axes(squeeze=False)
        parts.append(_Part(each.asarray(maxworkers=1).reshape(shape), axes, page))
    if any(len(each.levels) > 1 for each in chosen):
        notes.append("reduced-resolution levels left out")
    return parts, notes


def _pages(tiff: tifffile.TiffFile, check: Check) -> tuple[list[_Part], list[str]]:
    """Page after page, except those that are not images."""
    smaller = {
        page.offset
        for series in tiff.series
        for level in series.levels[1:]
        for page in level.pages
        if page is not None and page.aspage().is_tiled
    }
    parts = []
    left_out: Counter[str] = Counter()
    for number in range(len(tiff.pages)):
        page = tiff.pages[number].aspage()
        if what := "reduced-resolution page" if page.offset in smaller else _no_image(page):
            left_out[what] += 1
            continue
        check(page, tiff.filehandle.name)
        parts.append(_Part(page.asarray(maxworkers=1), page.axes, page))
    return parts, [
        f"{count} {what}{'s' * (count > 1)} left out" for what, count in left_out.items()
    ]


def _no_image(page: tifffile.TiffPage) -> str:
    """Kind of a page that is not an image; empty for images."""
    if page.subfiletype & 1 or page.tags.valueof(_OLD_SUBFILE_TYPE) == 2:
        return "reduced-resolution page"
    if page.subfiletype & 4 or page.photometric == _MASK:
        return "validity mask"
    return ""


def _with_axes(parts: list[_Part], axes: str, path: str) -> _Part:
    """All pixels of a file, with the axes given by `--axes`."""
    first = parts[0]
    arrays = [part.pixels for part in parts]
    if any(array.shape != arrays[0].shape for array in arrays):
        raise Unsuitable(f"{path}: its pages differ in size, so --axes={axes} cannot be applied.")
    pixels = np.stack(arrays) if len(arrays) > 1 else arrays[0]
    pixels = pixels.reshape([size for size in pixels.shape if size > 1])
    if pixels.ndim != len(axes):
        raise Unsuitable(
            f"{path}: holds {' x '.join(map(str, pixels.shape))} numbers, {pixels.ndim} axes; "
            f"--axes={axes} names {len(axes)}."
        )
    return _Part(pixels, axes, first.page)


def _planes(pixels: np.ndarray, axes: str, path: str) -> Iterator[np.ndarray]:
    """Images [h, w, c] in an array with other axes before, between or after theirs."""
    if not {"Y", "X"} <= {*axes}:
        raise Unsuitable(f"{path}: axes {axes} have no height (Y) and width (X); set --axes.")
    of_channels = [i for i, name in enumerate(axes) if name in "CS"]
    of_stack = [i for i, name in enumerate(axes) if name not in "YXCS"]
    height, width = axes.index("Y"), axes.index("X")
    ordered = pixels.transpose(*of_stack, height, width, *of_channels)
    count = int(np.prod([pixels.shape[i] for i in of_channels], dtype=np.int64))
    for plane in ordered.reshape(-1, pixels.shape[height], pixels.shape[width], count):
        yield np.ascontiguousarray(plane)


def _display_values(part: _Part) -> tuple[np.ndarray, str, tuple[str, ...]]:
    """Pixels converted to levels (palettes looked up, zero as black), their axes, and notes."""
    page, pixels = part.page, part.pixels
    if page.photometric == _PALETTE and page.colormap is not None and pixels.dtype.kind == "u":
        table = np.moveaxis(page.colormap >> 8, 0, -1).astype(np.uint8)
        axes = part.axes if "S" not in part.axes else part.axes.replace("S", "I")
        return table[pixels], axes + "S", ()
    notes: tuple[str, ...] = ()
    if page.photometric == _WHITE_IS_ZERO:
        notes = ("its zero is white; levels are inverted, so that more is brighter",)
        pixels = ~pixels if pixels.dtype.kind == "b" else _inverted(page, pixels)
    bits = page.bitspersample
    if bits in (2, 4) and pixels.dtype == np.uint8:
        notes += (f"levels of {bits} bits are spread over 0 to 255",)
        pixels = pixels * np.uint8(255 // (2**bits - 1))
    return pixels, part.axes, notes


def _inverted(page: tifffile.TiffPage, pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype.kind == "u":
        return pixels.dtype.type(2**page.bitspersample - 1) - pixels
    return -pixels


def _alpha(part: _Part) -> tuple[int, ...]:
    """Numbers of the samples that are alpha."""
    if "S" not in part.axes:
        return ()
    extra = part.page.extrasamples
    first = part.page.samplesperpixel - len(extra)
    return tuple(first + i for i, kind in enumerate(extra) if kind in _ALPHA_KINDS)


def _orientation(page: tifffile.TiffPage) -> tuple[str, ...]:
    value = page.tags.valueof(_ORIENTATION)
    return orientation_notes(None if value is None else int(value))


def _name(compression: int) -> str:
    try:
        return tifffile.COMPRESSION(compression).name
    except ValueError:
        return f"unknown ({compression})"
