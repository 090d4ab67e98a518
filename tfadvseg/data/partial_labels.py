"""Labels reduced to marks: strokes or squares of each class. No TensorFlow here."""

import zlib
from collections.abc import Iterator

import numpy as np

from tfadvseg.config.data import LabelMarks
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.examples import Examples
from tfadvseg.data.on_disk import OnDisk
from tfadvseg.errors import UserError

STROKE_WIDTH, STROKE_LENGTH, SQUARE_SIDE = 3, 40, 9
"""In pixels."""


def with_marks_only(examples: Examples, fraction: float, marks: LabelMarks, seed: int) -> Examples:
    """The same images with labels on marks only; all other pixels become `IGNORE_LABEL`.

    Args:
        examples: in memory, with labels.
        fraction: share of each class's pixels per image that keep their label, in (0, 1].
        marks: shape of the marks.
        seed: with an image's key, it determines the image's marks.

    Raises:
        UserError: the labels stay on disk.
    """
    assert examples.labels is not None
    if isinstance(examples.labels, OnDisk):
        raise UserError(
            f"--label_fraction={fraction}: is for images in memory, and these stay on disk; leave "
            "it out."
        )
    labels = tuple(
        marked(label, fraction, marks, [seed, zlib.crc32(key.encode())])
        for key, label in zip(examples.keys, examples.labels, strict=True)
    )
    return Examples(examples.keys, examples.images, labels)


def marked(label: np.ndarray, fraction: float, marks: LabelMarks, seed: list[int]) -> np.ndarray:
    """One label with marks only.

    For each class in it, marks are drawn around random pixels of the class, and only on its pixels,
    until they cover ceil(fraction * pixels of the class); the last mark is cut off there.

    Args:
        label: uint8 [H,W], class ids or `IGNORE_LABEL`.
        fraction, marks: as for `with_marks_only`.
        seed: seed of `numpy.random.default_rng`.

    Returns:
        uint8 [H,W].
    """
    kept = np.full_like(label, IGNORE_LABEL)
    for class_id in np.unique(label[label != IGNORE_LABEL]):
        generator = np.random.default_rng([*seed, int(class_id)])
        own = label == class_id
        places = np.argwhere(own)
        wanted = int(np.ceil(fraction * len(places)))
        chosen = np.zeros(label.shape, bool)
        count = 0
        while count < wanted:
            unmarked = places if count == 0 else np.argwhere(own & ~chosen)
            start = unmarked[generator.integers(len(unmarked))]
            for row, column in _mark(start, marks, generator):
                inside = 0 <= row < label.shape[0] and 0 <= column < label.shape[1]
                if inside and own[row, column] and not chosen[row, column] and count < wanted:
                    chosen[row, column] = True
                    count += 1
        kept[chosen] = class_id
    return kept


def _mark(
    start: np.ndarray, marks: LabelMarks, generator: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """Pixels of one mark from its start; some may be outside the image or repeated."""
    if marks == "squares":
        yield from _square(start, SQUARE_SIDE)
        return
    place, heading = start.astype(float), generator.uniform(0, 2 * np.pi)
    for turn in generator.normal(0, 0.2, STROKE_LENGTH):
        yield from _square(np.rint(place).astype(int), STROKE_WIDTH)
        heading += turn
        place += np.sin(heading), np.cos(heading)


def _square(centre: np.ndarray, side: int) -> Iterator[tuple[int, int]]:
    """Pixels of a square, the centre first."""
    row, column = int(centre[0]), int(centre[1])
    yield row, column
    reach = side // 2
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            yield row + down, column + right
