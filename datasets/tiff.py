"""Images and labels from TIFF files of every kind that tifffile reads, as the stored numbers.

Sections of a stack are separate images, and so are times and depths; channels and samples are
channels of one image. Reduced-resolution pages, validity masks and a slide's thumbnails are
ignored.
"""

import contextlib
import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import tifffile

from tfadvseg_datasets.decoded import (
    Decoded,
    Layout,
    Part,
    Unsuitable,
    chosen_channels,
    image_pixels,
    label_ids,
    orientation_notes,
    planes_of,
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


class _Source(NamedTuple):
    """Where the pixels of a part are.

    Attributes:
        pages: tifffile's series or page.
        layout: of the pixels.
    """

    pages: Any
    layout: Layout

    def read(self) -> Part:
        pixels = self.pages.asarray(maxworkers=1).reshape(self.layout.shape)
        return Part(pixels, self.layout.axes, self.layout.page)


class LazyLayouts(NamedTuple):
    """Layouts of a file's parts, and notes on what is none of them."""

    layouts: tuple[Layout, ...]
    notes: tuple[str, ...]


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
    images: list[np.ndarray] = []
    notes: dict[str, None] = {}
    with _opened(file) as tiff:
        parts, left_out = _parts_of(tiff, check_image)
        notes.update(dict.fromkeys(left_out))
        if axes:
            parts = [_with_axes(parts, axes, path)]
        process = image_process(path, channels, with_alpha=bool(axes))
        for part in parts:
            made, more = process(part)
            images += made
            notes.update(dict.fromkeys(more))
    return Decoded(images, tuple(notes))


def decode_labels(file: BinaryIO, path: str) -> Decoded:
    """The labels in a TIFF file, as the numbers stored in it.

    Raises:
        Unsuitable: a lossy compression, zero as white, floating point, or channels that differ.
        LeftToPillow: pixels of a kind that is not decoded here.
        Exception: many types, if the file is damaged.
    """
    labels: list[np.ndarray] = []
    notes: dict[str, None] = {}
    with _opened(file) as tiff:
        parts, left_out = _parts_of(tiff, check_label)
        notes.update(dict.fromkeys(left_out))
        process = label_process(path)
        for part in parts:
            made, more = process(part)
            labels += made
            notes.update(dict.fromkeys(more))
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
                check_label(page.aspage(), path)


def image_process(
    path: str, channels: Sequence[int], with_alpha: bool = False
) -> Callable[[Part], tuple[list[np.ndarray], tuple[str, ...]]]:
    """A function from a part to its images and notes.

    Args:
        path: for messages.
        channels: as for `decode_images`.
        with_alpha: whether alpha is a channel like others.
    """

    def process(part: Part) -> tuple[list[np.ndarray], tuple[str, ...]]:
        pixels, colour_axes, notes = _display_values(part)
        notes += _orientation(part.page)
        alpha = () if with_alpha else _alpha(part)
        images = []
        for plane in planes_of(pixels, colour_axes, path):
            kept, more = without_alpha(plane, alpha, channels)
            notes += more
            images.append(image_pixels(chosen_channels(kept, channels, path), path))
        return images, notes

    return process


def label_process(path: str) -> Callable[[Part], tuple[list[np.ndarray], tuple[str, ...]]]:
    """A function from a part to its labels and notes."""

    def process(part: Part) -> tuple[list[np.ndarray], tuple[str, ...]]:
        notes = _orientation(part.page)
        labels = []
        for plane in planes_of(part.pixels, part.axes, path):
            ids, more = label_ids(plane, _alpha(part), path)
            notes += more
            labels.append(ids)
        return labels, notes

    return process


def check_image(page: tifffile.TiffPage, path: str) -> None:
    del path
    if page.compression == _OLD_JPEG or page.compression in _FACSIMILE:
        raise LeftToPillow
    if page.photometric == _YCBCR and page.compression == _JPEG:  # decoded to RGB
        return
    if page.photometric in _CONVERTED:
        raise LeftToPillow


def check_label(page: tifffile.TiffPage, path: str) -> None:
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


def _parts_of(tiff: tifffile.TiffFile, check: Check) -> tuple[list[Part], list[str]]:
    """The images of a file, in order; and notes on the rest."""
    sources, notes = _find_sources(tiff, check)
    if not sources:
        raise ValueError("it contains no page that is an image")
    return [source.read() for source in sources], notes


def lazy_layouts(path: Path, check: Check) -> LazyLayouts | None:
    """Layouts of a file that can be read window by window; None where a window costs all of it.

    Raises:
        Unsuitable, LeftToPillow, Exception: as `decode_images` and `decode_labels`.
    """
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        sources, notes = _find_sources(tiff, check)
        if not sources or not all(map(_has_small_pieces, sources)):
            return None
        return LazyLayouts(tuple(source.layout for source in sources), tuple(notes))


def opener(path: Path, check: Check) -> Callable[[], Any]:
    """A function that opens a file and gives an array for each of `lazy_layouts`."""

    @contextmanager
    def opened() -> Iterator[Sequence[Any]]:
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            sources, _ = _find_sources(tiff, check)
            yield [_LazyArray(source) for source in sources]

    return opened


class _LazyArray:
    """Reads the part of a source that it is indexed with."""

    def __init__(self, source: _Source) -> None:
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


_LARGEST_PIECE = 2**26
"""Bytes of a strip or tile that may be decoded for a window."""


def _has_small_pieces(source: _Source) -> bool:
    keyframe = source.layout.page
    piece = math.prod(keyframe.chunks) * source.layout.itemsize
    return _is_mapped(source.pages) or piece <= _LARGEST_PIECE


def _find_sources(tiff: tifffile.TiffFile, check: Check) -> tuple[list[_Source], list[str]]:
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
        parts.append(_Source(each, Layout(tuple(shape), axes, _itemsize(page), page)))
    if any(len(each.levels) > 1 for each in chosen):
        notes.append("reduced-resolution levels left out")
    return parts, notes


def _pages(tiff: tifffile.TiffFile, check: Check) -> tuple[list[_Source], list[str]]:
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
        parts.append(_Source(page, Layout(page.shape, page.axes, _itemsize(page), page)))
    return parts, [
        f"{count} {what}{'s' * (count > 1)} left out" for what, count in left_out.items()
    ]


def _itemsize(page: tifffile.TiffPage) -> int:
    return 1 if page.dtype is None else page.dtype.itemsize


def _no_image(page: tifffile.TiffPage) -> str:
    """Kind of a page that is not an image; empty for images."""
    if page.subfiletype & 1 or page.tags.valueof(_OLD_SUBFILE_TYPE) == 2:
        return "reduced-resolution page"
    if page.subfiletype & 4 or page.photometric == _MASK:
        return "validity mask"
    return ""


def _with_axes(parts: list[Part], axes: str, path: str) -> Part:
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
    return Part(pixels, axes, first.page)


def _display_values(part: Part) -> tuple[np.ndarray, str, tuple[str, ...]]:
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


def _alpha(part: Part) -> tuple[int, ...]:
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
