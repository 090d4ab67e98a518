"""Labels of images that do not fit into memory, one row of tiles after another. No TensorFlow."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tfadvseg.evaluation.tiling import Span, spans

Read = Callable[[int, int, int, int], np.ndarray]
"""Reads (top, left, height, width) of an image: [h,w,C]."""

LABEL_AND_PROBABILITY = np.dtype([("label", np.uint8), ("probability", np.float32)])
"""A pixel's class id, and the probability of one class."""


def predicted_bands(
    predict: Callable[[np.ndarray], np.ndarray],
    read: Read,
    size: tuple[int, int],
    tile: int,
    multiple: int,
    of_class: int | None = None,
) -> Iterator[np.ndarray]:
    """Predicts labels from top to bottom; in memory are one tile and one row of labels.

    Tiles lie as in `tiling.predict_tiled` and overlap as much. A pixel takes the class of the tile
    whose edge is farther away: no seam is blended, which would take the probabilities of a whole
    row of tiles. So labels equal those of a single pass, away from the image's borders, if a
    prediction depends on no pixel farther away than half of the overlap.

    Args:
        predict: images [1,h,w,C] to probabilities [1,h,w,K].
        read: reads the image.
        size: (height, width) of the image.
        tile: side of a tile, in pixels.
        multiple: the network's largest stride, or a multiple of it.
        of_class: class id whose probabilities are wanted as well; None for none.

    Yields:
        Class ids uint8 [h,W], band after band; together [H,W]. With `of_class`,
        `LABEL_AND_PROBABILITY` [h,W].

    Raises:
        ValueError: a tile is too small for `multiple`.
    """
    rows, columns = (spans(length, tile, tile // 3, multiple) for length in size)
    for row, (top, bottom) in zip(rows, kept(rows), strict=True):
        if bottom <= top:
            continue
        shape = bottom - top, size[1]
        band: np.ndarray = np.zeros(shape, np.uint8 if of_class is None else LABEL_AND_PROBABILITY)
        for column, (left, right) in zip(columns, kept(columns), strict=True):
            if right <= left:
                continue
            probabilities = predict(_tile(read, row, column)[np.newaxis])[0]
            inside = probabilities[
                _within(row, top) : _within(row, bottom),
                _within(column, left) : _within(column, right),
            ]
            if of_class is None:
                band[:, left:right] = inside.argmax(axis=-1)
            else:
                band["label"][:, left:right] = inside.argmax(axis=-1)
                band["probability"][:, left:right] = inside[..., of_class]
        yield band


def kept(along: Sequence[Span]) -> list[tuple[int, int]]:
    """The stretch of an axis that each tile's labels are taken for, up to the middle of overlaps.

    Args:
        along: the tiles of the axis.
    """
    cuts = [(one.write.stop + other.write.start) // 2 for one, other in itertools.pairwise(along)]
    edges = [along[0].write.start, *cuts, along[-1].write.stop]
    return [*itertools.pairwise(edges)]


def _within(span: Span, place: int) -> int:
    """Where a place of the axis is within a tile."""
    return place - span.write.start + span.inside.start


def _tile(read: Read, row: Span, column: Span) -> np.ndarray:
    """The pixels of a tile, mirrored beyond the image's borders."""
    top, left = row.read.min(), column.read.min()
    height, width = row.read.max() + 1 - top, column.read.max() + 1 - left
    pixels = read(int(top), int(left), int(height), int(width))
    return pixels[np.ix_(row.read - top, column.read - left)]
