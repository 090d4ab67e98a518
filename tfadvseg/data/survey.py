"""Statistics of the images and labels in one part of a dataset. No TensorFlow here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.examples import Example, check_label
from tfadvseg.data.shift import shift_scores

MOST = 2000
"""Largest number of images per part that are read."""

_MOST_SHIFTS = 64  # most images whose labels are compared with edges


@dataclass
class Survey:
    """Statistics of one part. Lists have one entry per image.

    Attributes:
        keys: keys of the images.
        sizes: (height, width).
        digests: hashes of the pixels.
        levels: means over pixels and channels.
        dtype: type of the pixels.
        class_pixels: number of pixels per class, int64 [K].
        thirds: labelled pixels per class in the top, middle and bottom third, and in the left,
            middle and right third, summed over all images: float64 [2,3,K].
        ignored: number of ignored pixels.
        scores: sum of `shift_scores`, and the number of images in it.
        cut: whether the part has more images than were read.
    """

    keys: list[str] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)
    dtype: np.dtype = field(default_factory=lambda: np.dtype(np.uint8))
    class_pixels: list[np.ndarray] = field(default_factory=list)
    thirds: np.ndarray = field(default_factory=lambda: np.zeros((2, 3, 0)))
    ignored: list[int] = field(default_factory=list)
    scores: tuple[np.ndarray | None, int] = (None, 0)
    cut: bool = False

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def pixels(self) -> np.ndarray:
        """Number of labelled pixels per class, [K]."""
        return np.sum(self.class_pixels, axis=0)

    @property
    def images(self) -> np.ndarray:
        """Number of images that contain each class, [K]."""
        return np.sum([counts > 0 for counts in self.class_pixels], axis=0)


def survey(stream: Iterable[Example], num_classes: int) -> Survey:
    """Reads up to `MOST` examples, one by one.

    Raises:
        UserError: a label is not valid (`check_label`).
    """
    found = Survey(thirds=np.zeros((2, 3, num_classes)))
    for example in stream:
        if len(found) == MOST:
            found.cut = True
            break
        check_label(example, num_classes)
        image, label = example.image, example.label
        found.keys.append(example.key)
        found.sizes.append((label.shape[0], label.shape[1]))
        head = f"{image.shape}{image.dtype}".encode()
        found.digests.append(blake2b(head + image.tobytes(), digest_size=16).digest())
        found.levels.append(float(image.mean()))
        found.dtype = image.dtype
        counts = np.bincount(label.ravel(), minlength=256)
        found.class_pixels.append(counts[:num_classes].astype(np.int64))
        found.ignored.append(int(counts[IGNORE_LABEL]))
        for axis in (0, 1):
            for number, third in enumerate(np.array_split(label, 3, axis=axis)):
                held = np.bincount(third.ravel(), minlength=256)[:num_classes]
                found.thirds[axis, number] += held
        total, count = found.scores
        if count < _MOST_SHIFTS:
            scores = shift_scores(image, label)
            if scores is not None:
                found.scores = (scores if total is None else total + scores, count + 1)
    return found
