"""The series or pages of a TIFF file that are images, and the layout of their pixels.

Sections of a stack are separate images, and so are times and depths; channels and samples are
channels of one image. Reduced-resolution pages, validity masks and a slide's thumbnails are
left out.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import tifffile

from tfadvseg_datasets.decoded import Layout, Part, Unsuitable

_WITH_AXES = frozenset(
    ("shaped", "lsm", "mmstack", "ome", "imagej", "ndtiff", "fluoview", "stk", "sis", "nih")
)
"""Kinds of tifffile's series that define their axes."""

_SLIDES = frozenset(("svs", "scn", "qpi", "ndpi", "bif", "avs", "philips"))
"""Whole-slide formats: their first series is the slide, the others are its label and overview."""

_MASK = 4  # a photometric interpretation
_OLD_SUBFILE_TYPE = 255  # a tag

Check = Callable[[tifffile.TiffPage, str], None]
"""Function of a page and the file's name that raises if the page is refused, before decoding."""


class Source(NamedTuple):
    """Where the pixels of a part are stored.

    Attributes:
        pages: tifffile's series or page.
        layout: layout of the pixels.
    """

    pages: Any
    layout: Layout

    def require_all(self) -> None:
        """Raises if planes or their pixels are missing, which tifffile and codecs may fill in.

        Raises:
            Unsuitable: the file's metadata describe planes that it does not contain.
            ValueError: the file ends before its pixels do.
        """
        pages = self.pages.pages if hasattr(self.pages, "levels") else [self.pages]
        file = self.layout.page.parent.filehandle
        if missing := sum(page is None for page in pages):
            raise Unsuitable(
                f"{file.path}: its metadata describe {len(pages)} planes, but {missing} of them "
                "are not in the file; export it again."
            )
        for page in pages:
            pieces = zip(page.dataoffsets, page.databytecounts, strict=False)
            cut = sum(offset + count > file.size for offset, count in pieces if count)
            if cut:
                raise ValueError(f"{cut} of its strips or tiles are truncated")

    def read(self) -> Part:
        self.require_all()
        pixels = self.pages.asarray(maxworkers=1).reshape(self.layout.shape)
        return Part(pixels, self.layout.axes, self.layout.page)


def find_sources(tiff: tifffile.TiffFile, check: Check) -> tuple[list[Source], list[str]]:
    """Images of a file, in order, and notes on pages that are left out.

    Raises:
        Exception: any exception of `check`; many types if the file is damaged.
    """
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
        check(page, tiff.filehandle.path)
        shape, axes = each.get_shape(squeeze=False), each.get_axes(squeeze=False)
        parts.append(Source(each, Layout(tuple(shape), axes, _itemsize(page), page)))
    if any(len(each.levels) > 1 for each in chosen):
        notes.append("reduced-resolution levels left out")
    return parts, notes


def _pages(tiff: tifffile.TiffFile, check: Check) -> tuple[list[Source], list[str]]:
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
        check(page, tiff.filehandle.path)
        parts.append(Source(page, Layout(page.shape, page.axes, _itemsize(page), page)))
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
