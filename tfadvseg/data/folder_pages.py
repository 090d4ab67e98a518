"""The pages of a folder's image and label files: read and checked once. No TensorFlow here."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
from absl import logging
from tqdm import tqdm

from tfadvseg.data.examples import Examples, values_of
from tfadvseg.data.images import (
    has_several_pages,
    log_notes,
    open_label_windows,
    open_windows,
    read_images,
    read_labels,
    read_window,
)
from tfadvseg.data.on_disk import AHEAD, OnDisk
from tfadvseg.data.page_checks import channels_of, check_depth, check_pair, check_sizes, stored_as
from tfadvseg.data.stored_pages import (
    Convert,
    Decode,
    Reading,
    StoredPage,
    StoredRegion,
    cut,
    opened,
)
from tfadvseg_datasets.decoded import Decoded
from tfadvseg_datasets.windowed import LARGE, Window, Windowed

MEMORY_LIMIT = 2 * 2**30
"""If images and labels together have more bytes of pixels than this, they stay on disk."""

REGION = 2048
"""Largest height and width of the regions of files that are read window by window, in pixels."""

Source = tuple[str, Path, Path | None]
"""Stem of an image, its file, and its label's file, if any."""

ReadLabel = Callable[[Source, Sequence[tuple[int, int]]], Decoded]
"""Function of a source with a label, and the (height, width) of its image's pages, to the label."""


def read_label_file(source: Source, sizes: Sequence[tuple[int, int]]) -> Decoded:
    """The numbers in a label file, unchanged; a `ReadLabel`."""
    del sizes  # these are checked later
    _, _, label_file = source
    assert label_file is not None
    return read_labels(label_file)


IMAGES = Reading(read_images, open_windows)


def _label_windows(read_label: ReadLabel) -> Callable[[Path], Windowed | None]:
    """Function that opens labels window by window, if labels are the unchanged numbers in files."""
    return open_label_windows if read_label is read_label_file else _read_whole


def _read_whole(path: Path) -> None:
    """Always None, because these labels must be read as a whole."""
    del path


@dataclass(frozen=True)
class Page:
    """Facts about one image and its label, without their pixels.

    Attributes:
        key: stem of the image, followed by the page's number if the file has several pages.
        stem: stem of the image.
        image_file, label_file: paths of the files.
        number: number of the page in its file.
        size: (height, width).
        stored: how the image's channels are stored: `grey` (one channel), `plain` (three equal
            channels), `colour` (three different ones), or their number, as in `4 channels`.
        dtype: type of its pixels.
        values: distinct values of the label, ascending.
        notes, label_notes: notes on the files; only their first pages have them.
        region: position of the image in its page, if the file is read window by window.
        page_sizes: (height, width) of every page of such a file.
        large: whether the page is too large to be held in memory.
    """

    key: str
    stem: str
    image_file: Path
    label_file: Path | None
    number: int
    size: tuple[int, int]
    stored: str
    dtype: np.dtype
    values: np.ndarray
    notes: tuple[str, ...] = ()
    label_notes: tuple[str, ...] = ()
    region: Window | None = None
    page_sizes: tuple[tuple[int, int], ...] = ()
    large: bool = False


@dataclass(frozen=True)
class Pages:
    """Every page of a folder.

    Attributes:
        pages: the pages, sorted by stem.
        held: images and labels as they were read; None if they stay on disk.
        channels: number of channels of the images.
        images: reads image files.
        read_label: reads an image's label.
    """

    pages: tuple[Page, ...]
    held: list[tuple[np.ndarray, np.ndarray | None]] | None
    channels: int
    images: Reading
    read_label: ReadLabel

    @property
    def image_dtype(self) -> str:
        """Type of all images."""
        return self.pages[0].dtype.name

    def examples(self, class_ids: Convert | None, meaning: str = "") -> Examples:
        """Images of `channels` channels, with labels if `class_ids` is given.

        Args:
            class_ids: converts the numbers in label files to class ids.
            meaning: text that identifies `class_ids`, for fingerprints of the data.
        """
        keys = tuple(page.key for page in self.pages)
        if self.held is not None:
            images = tuple(self._image(image) for image, _ in self.held)
            if class_ids is None:
                return Examples(keys, images, None)
            raw = (label for _, label in self.held)
            return Examples(
                keys, images, tuple(class_ids(label) for label in raw if label is not None)
            )
        stored = OnDisk(
            _stored_array(page, page.image_file, self.images, self._image, _short(self.channels))
            for page in self.pages
        )
        if class_ids is None:
            return Examples(keys, stored, None)
        labels = OnDisk(
            _stored_array(
                page, page.label_file, self._label_reading(page), class_ids, _short(meaning)
            )
            for page in self.pages
            if page.label_file is not None
        )
        return Examples(keys, stored, labels)

    def where(self, chosen: Callable[[Page], bool]) -> "Pages":
        """Only those pages for which `chosen` is true."""
        numbers = [i for i, page in enumerate(self.pages) if chosen(page)]
        held = None if self.held is None else [self.held[i] for i in numbers]
        return replace(self, pages=tuple(self.pages[i] for i in numbers), held=held)

    def _label_decoder(self, page: Page) -> Decode:
        source = page.stem, page.image_file, page.label_file
        # Files of several pages are always held in memory, so that one size suffices.
        sizes = page.page_sizes or [page.size]
        return lambda _: self.read_label(source, sizes)

    def _label_reading(self, page: Page) -> Reading:
        return Reading(self._label_decoder(page), _label_windows(self.read_label))

    def _image(self, image: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(image[..., : self.channels])


def _stored_array(
    page: Page, file: Path, reading: Reading, convert: Convert, meaning: bytes
) -> StoredPage | StoredRegion:
    if page.region is not None:
        return StoredRegion(file, page.number, page.region, reading, convert, meaning)
    return StoredPage(file, page.number, page.size, reading.decode, convert, meaning)


def _short(meaning: object) -> bytes:
    return blake2b(repr(meaning).encode(), digest_size=8).digest()


def read_pages(
    sources: Sequence[Source],
    images: Reading = IMAGES,
    read_label: ReadLabel = read_label_file,
) -> Pages:
    """Reads every file once.

    Pixels are kept in memory if they fit into `MEMORY_LIMIT`, or if a file has several pages.
    A file that is read window by window gives one image per region of its pages, of at most
    `REGION` pixels in height and width. If its pages are larger than `windowed.LARGE`, the pixels
    of all files stay on disk.

    Args:
        sources: the images and labels, in order.
        images: reads image files.
        read_label: reads an image's label.

    Raises:
        UserError: a file is unreadable, a label does not have its image's size, or images differ in
            channels or depth.
    """
    pages: list[Page] = []
    held: list[tuple[np.ndarray, np.ndarray | None]] | None = []
    # Reading one page of a stack decodes all of it; therefore stacks are held in memory.
    stacks = any(has_several_pages(image_file) for _, image_file, _ in sources)
    size = 0
    for page, image, label in _each(sources, images, read_label):
        pages.append(page)
        size += image.nbytes + (0 if label is None else label.nbytes)
        if (size > MEMORY_LIMIT and not stacks) or page.large:
            held = None
        if held is not None:
            held.append((image, label))
    if held is None:
        folder = sources[0][1].parent
        logging.info("%s: %.1f GiB of pixels stay on disk.", folder, size / 2**30)
    log_notes((page.image_file, page.notes) for page in pages)
    log_notes((page.label_file, page.label_notes) for page in pages if page.label_file)
    check_depth(pages)
    return Pages(tuple(pages), held, channels_of(pages), images, read_label)


def _each(
    sources: Sequence[Source], images: Reading, read_label: ReadLabel
) -> Iterator[tuple[Page, np.ndarray, np.ndarray | None]]:
    """Page by page; a few files are decoded in advance."""
    read = functools.partial(_read, reading=images, read_label=read_label)
    with (
        ThreadPoolExecutor(AHEAD) as pool,
        tqdm(total=len(sources), desc="reading images", delay=5, leave=False) as progress,
    ):
        for start in range(0, len(sources), AHEAD):
            for pages in pool.map(read, sources[start : start + AHEAD]):
                progress.update()
                yield from pages


def _read(
    source: Source, reading: Reading, read_label: ReadLabel
) -> Iterable[tuple[Page, np.ndarray, np.ndarray | None]]:
    stem, image_file, label_file = source
    if (windows := opened(reading.windows, image_file)) is not None:
        return _read_regions(source, windows, read_label)
    images, notes = reading.decode(image_file)
    labels: Sequence[np.ndarray | None] = [None] * len(images)
    label_notes: tuple[str, ...] = ()
    if label_file is not None:
        sizes = [(image.shape[0], image.shape[1]) for image in images]
        found, label_notes = read_label(source, sizes)
        check_pair((image_file, images, notes), (label_file, found, label_notes))
        labels = found
    pages = []
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        page = Page(
            key=stem if len(images) == 1 else f"{stem}/{number:03d}",
            stem=stem,
            image_file=image_file,
            label_file=label_file,
            number=number,
            size=(image.shape[0], image.shape[1]),
            stored=stored_as(image),
            dtype=image.dtype,
            values=np.array([], np.int64) if label is None else values_of(label),
            notes=notes if number == 0 else (),
            label_notes=label_notes if number == 0 else (),
        )
        pages.append((page, image, label))
    return pages


def _read_regions(
    source: Source, windows: Windowed, read_label: ReadLabel
) -> Iterator[tuple[Page, np.ndarray, np.ndarray | None]]:
    """The regions of each page, one in memory at a time."""
    stem, image_file, label_file = source
    sizes = [windows.size(number) for number in range(len(windows))]
    label_windows, labels, label_notes = None, [], ()
    if label_file is not None:
        label_windows = opened(_label_windows(read_label), label_file)
        if label_windows is not None:
            label_sizes = [label_windows.size(number) for number in range(len(label_windows))]
            label_notes = label_windows.notes
        else:
            labels, label_notes = read_label(source, sizes)
            label_sizes = [(label.shape[0], label.shape[1]) for label in labels]
        check_sizes(
            (image_file, sizes, windows.notes), (label_file, label_sizes, tuple(label_notes))
        )
    for number, size in enumerate(sizes):
        base = stem if len(sizes) == 1 else f"{stem}/{number:03d}"
        regions = regions_of(size)
        for region in regions:
            image = read_window(windows, number, region)
            label = None
            if label_windows is not None:
                label = read_window(label_windows, number, region)
            elif label_file is not None:
                label = cut(labels[number], region)
            first = number == 0 and region == regions[0]
            whole = len(regions) == 1
            page = Page(
                key=base if whole else f"{base}/y{region.top:05d}x{region.left:05d}",
                stem=stem,
                image_file=image_file,
                label_file=label_file,
                number=number,
                size=(region.height, region.width),
                stored=stored_as(image),
                dtype=image.dtype,
                values=np.array([], np.int64) if label is None else values_of(label),
                notes=windows.notes if first else (),
                label_notes=tuple(label_notes) if first else (),
                region=region,
                page_sizes=tuple(sizes),
                large=size[0] * size[1] * image[0, 0].nbytes > LARGE,
            )
            yield page, image, label


def regions_of(size: tuple[int, int]) -> list[Window]:
    """Regions of nearly equal size that cover an image (height, width) without overlap."""
    edges = []
    for length in size:
        count = -(-length // REGION)
        edges.append([length * i // count for i in range(count + 1)])
    return [
        Window(top, left, bottom - top, right - left)
        for top, bottom in itertools.pairwise(edges[0])
        for left, right in itertools.pairwise(edges[1])
    ]
