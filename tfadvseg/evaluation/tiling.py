"""Prediction of images too large for one pass: overlapping tiles with blended seams."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]
"""Maps images [B,h,w,C] to class probabilities [B,h,w,K] float32, independent of the batch size."""


def predict_tiled(
    predict: Predict,
    image: np.ndarray,
    tile: tuple[int, int] = (512, 512),
    overlap: int | None = None,
    batch: int = 4,
    multiple: int = 32,
) -> np.ndarray:
    """Predicts an image of any size in tiles.

    An image that fits into a tile is predicted unchanged in one pass. A larger one is mirrored at
    its borders. Where two tiles overlap, the outer quarter of the overlap is dropped from each,
    because predictions are worst at edges, and the middle half is blended with weights that rise
    like a squared sine and sum to 1. So the result equals that of a single pass, away from the
    image's borders, if a prediction depends on no pixel farther away than `overlap` / 4.

    Tiles start at multiples of `multiple` from the image's corner, so that a network that pools
    sees the same grid in each tile as in the whole image. All tiles have the same size and all
    batches the same length, so that `predict` is traced once.

    Memory: the image, the result and one batch of tiles.

    Args:
        predict: applied to [B,h,w,C], B at most `batch`, of the dtype of `image`.
        image: [H,W,C].
        tile: (height, width) of a tile, in pixels. For larger images it is rounded down to a
            multiple of `multiple`.
        overlap: minimum overlap of neighbouring tiles, in pixels; it grows until tiles start at
            multiples of `multiple`. None means a third of the tile's shorter side: three eighths
            of that are dropped at each seam, so that a tile of 1024 pixels leaves out the 107
            that a U-Net of depth 4 reaches, and away from the image's border the result is that
            of a single pass. Deeper networks reach farther; their result is close to it.
        batch: maximum number of tiles per pass.
        multiple: the network's largest stride, 2 ** depth for a U-Net, or a multiple of it.

    Returns:
        [H,W,K] float32.

    Raises:
        ValueError: a tile is smaller than `multiple` or less than twice the overlap, or an
            argument is not positive.
    """
    if overlap is None:
        overlap = min(tile) // 3
    if min(*tile, batch, multiple) < 1 or overlap < 0:
        raise ValueError(
            f"tile={tile}, overlap={overlap}, batch={batch}, multiple={multiple}: must be positive."
        )
    rows = spans(image.shape[0], tile[0], overlap, multiple)
    columns = spans(image.shape[1], tile[1], overlap, multiple)
    if len(rows) == len(columns) == 1:
        return np.asarray(predict(image[np.newaxis]), np.float32)[0]
    places = [(row, column) for row in rows for column in columns]
    length = _even_length(len(places), batch)
    result: np.ndarray | None = None
    for first in range(0, len(places), length):
        chosen = places[first : first + length]
        tiles = np.stack([image[np.ix_(row.read, column.read)] for row, column in chosen])
        filled = np.concatenate([tiles, tiles[-1:].repeat(length - len(chosen), axis=0)])
        predictions = np.asarray(predict(filled))[: len(chosen)]
        if result is None:
            result = np.zeros((*image.shape[:2], predictions.shape[-1]), np.float32)
        for (row, column), predicted in zip(chosen, predictions, strict=True):
            weight = row.weight[:, np.newaxis] * column.weight
            inside = predicted[row.inside, column.inside]
            result[row.write, column.write] += inside * weight[..., np.newaxis]
    assert result is not None
    return result


def predict_labels_tiled(
    predict: Callable[[np.ndarray], np.ndarray], image: np.ndarray, tile: int, multiple: int = 32
) -> np.ndarray:
    """Predicts labels of an image of any size where probabilities cannot be had.

    Where tiles overlap, a pixel takes the label of the tile whose edge is farther away.

    Args:
        predict: one image [h,w,...] to class ids [h,w] uint8.
        image: [H,W,...].
        tile: side of the tiles that a larger image goes through in, in pixels.
        multiple: the network's largest stride, or a multiple of it.

    Returns:
        [H,W] uint8.

    Raises:
        ValueError: a tile is too small for `multiple`.
    """
    rows, columns = (spans(size, tile, tile // 3, multiple) for size in image.shape[:2])
    label = np.zeros(image.shape[:2], np.uint8)
    best = np.zeros(image.shape[:2], np.float32)
    for row in rows:
        for column in columns:
            predicted = predict(image[np.ix_(row.read, column.read)])[row.inside, column.inside]
            weight = row.weight[:, np.newaxis] * column.weight
            place = row.write, column.write
            label[place] = np.where(weight > best[place], predicted, label[place])
            best[place] = np.maximum(weight, best[place])
    return label


@dataclass(frozen=True)
class Span:
    """Position of one tile along one axis.

    Attributes:
        read: indices into the image, mirrored beyond its ends.
        inside: the part of the tile inside the image.
        write: the position of that part in the image.
        weight: blending weights of that part, float32.
    """

    read: np.ndarray
    inside: slice
    write: slice
    weight: np.ndarray


def spans(size: int, tile: int, overlap: int, multiple: int) -> list[Span]:
    """Tiles that cover an axis of `size` pixels."""
    if size <= tile:
        whole = slice(0, size)
        return [Span(np.arange(size), whole, whole, np.ones(size, np.float32))]
    tile = tile // multiple * multiple
    stride = (tile - overlap) // multiple * multiple
    # At most two tiles overlap at a pixel, so that the weights of an overlap sum to 1.
    if 2 * stride < tile or stride < 1:
        raise ValueError(
            f"Tiles of {tile} pixels that start at multiples of {multiple} cannot overlap by "
            f"{overlap}: use larger tiles or a smaller overlap."
        )
    overlap = tile - stride
    # Extended so far that the image lies in the part of a tile that is kept.
    margin = -(-_dropped(overlap) // multiple) * multiple
    count = 1 + max(0, -(-(size + 2 * margin - tile) // stride))
    found = []
    for index in range(count):
        start = index * stride - margin
        inside = slice(max(0, -start), min(tile, size - start))
        write = slice(start + inside.start, start + inside.stop)
        weight = np.ones(tile)
        if index > 0:
            weight[:overlap] = _rise(overlap)
        if index < count - 1:
            weight[tile - overlap :] = _rise(overlap)[::-1]
        read = _mirrored(np.arange(start, start + tile), size)
        found.append(Span(read, inside, write, weight[inside].astype(np.float32)))
    return found


def _dropped(overlap: int) -> int:
    """Pixels dropped at each end of an overlap, because they are too close to a tile's edge."""
    return 3 * overlap // 8


def _rise(overlap: int) -> np.ndarray:
    """Weights from 0 to 1 over the middle of an overlap; with their reverse they sum to 1."""
    dropped = _dropped(overlap)
    position = (np.arange(overlap) + 0.5 - dropped) / max(overlap - 2 * dropped, 1)
    return np.square(np.sin(np.pi / 2 * position.clip(0, 1)))


def _mirrored(index: np.ndarray, size: int) -> np.ndarray:
    """Indices reflected into [0, size) without repeating the pixels at the ends."""
    folded = np.abs(index) % (2 * size - 2)
    return np.minimum(folded, 2 * size - 2 - folded)


def _even_length(count: int, most: int) -> int:
    """Length of batches: as few batches as possible, and then as short as possible."""
    batches = -(-count // most)
    return -(-count // batches)
