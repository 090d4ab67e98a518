"""Examples in memory or on disk, and checks of them before training. No TensorFlow here."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.levels import ChannelLevels, ChannelStatistics
from tfadvseg.data.on_disk import HeldArray, OnDisk, StoredExample
from tfadvseg.errors import UserError


@dataclass(frozen=True)
class Example:
    """One image with its label.

    Attributes:
        key: stable name.
        image: [H,W,C] of 8 or 16 bits or float32.
        label: uint8 [H,W], class ids or `IGNORE_LABEL`; all `IGNORE_LABEL` if the label is unknown.
    """

    key: str
    image: np.ndarray
    label: np.ndarray


@dataclass(frozen=True)
class Examples:
    """Images with their labels; sizes may differ between examples.

    Attributes:
        keys: stable names, one per example.
        images: [H,W,C] each, with the same C and dtype; a tuple, or `OnDisk` if they do not fit
            into memory, which should be iterated once and in order.
        labels: uint8 [H,W] each, class ids or `IGNORE_LABEL`, in the same container; None if there
            are none.
    """

    keys: tuple[str, ...]
    images: Sequence[np.ndarray]
    labels: Sequence[np.ndarray] | None

    def __post_init__(self) -> None:
        if len(self.images) != len(self.keys):
            raise ValueError(f"{len(self.keys)} keys for {len(self.images)} images.")
        if self.labels is not None and len(self.labels) != len(self.keys):
            raise ValueError(f"{len(self.labels)} labels for {len(self.images)} images.")

    def __len__(self) -> int:
        return len(self.keys)

    def subset(self, indices: Sequence[int]) -> "Examples":
        """The examples at `indices`, in that order."""
        return Examples(
            keys=tuple(self.keys[i] for i in indices),
            images=_chosen(self.images, indices),
            labels=None if self.labels is None else _chosen(self.labels, indices),
        )


def spread(examples: Examples, count: int) -> Examples:
    """At most `count` of the examples, evenly spaced, in their order."""
    chosen = np.linspace(0, len(examples) - 1, min(count, len(examples))).round().astype(int)
    return examples.subset(chosen.tolist())


def images_of(parts: Sequence[Examples]) -> Examples:
    """All images of the parts, in order, without their labels."""
    sequences = [part.images for part in parts]
    keys = tuple(key for part in parts for key in part.keys)
    if not any(isinstance(images, OnDisk) for images in sequences):
        return Examples(keys, tuple(image for images in sequences for image in images), None)
    stored = (
        array
        for images in sequences
        for array in (images.stored if isinstance(images, OnDisk) else map(HeldArray, images))
    )
    return Examples(keys, OnDisk(stored), None)


def leave_on_disk(stored: Sequence[StoredExample]) -> Examples:
    """Examples that stay in their files; without labels if all are unknown.

    To find out, labels are read until one contains more than `IGNORE_LABEL`.
    """
    labels = OnDisk(example.label for example in stored)
    known = any(np.any(label != IGNORE_LABEL) for label in labels)
    return Examples(
        keys=tuple(example.key for example in stored),
        images=OnDisk(example.image for example in stored),
        labels=labels if known else None,
    )


def collect(stream: Iterable[Example]) -> Examples:
    """Reads a stream of examples into memory; without labels if all are unknown."""
    examples = list(stream)
    known = any(np.any(example.label != IGNORE_LABEL) for example in examples)
    return Examples(
        keys=tuple(example.key for example in examples),
        images=tuple(example.image for example in examples),
        labels=tuple(example.label for example in examples) if known else None,
    )


def each(examples: Examples, indices: Iterable[int]) -> Iterator[Example]:
    """Yields the examples at `indices`; they must have labels."""
    assert examples.labels is not None
    for i in indices:
        yield Example(examples.keys[i], examples.images[i], examples.labels[i])


def one_by_one(examples: Examples) -> Iterator[Example]:
    """Yields all examples in order; unknown labels are all `IGNORE_LABEL`."""
    labels = examples.labels
    if labels is None:
        for key, image in zip(examples.keys, examples.images, strict=True):
            yield Example(key, image, np.full(image.shape[:2], IGNORE_LABEL, np.uint8))
        return
    for key, image, label in zip(examples.keys, examples.images, labels, strict=True):
        yield Example(key, image, label)


def fingerprint(*parts: Examples) -> str:
    """Sixteen hexadecimal digits that depend on every key, image and label of all parts."""
    digest = hashlib.blake2b(digest_size=8)
    for examples in parts:
        for key in examples.keys:
            digest.update(f"{key}\n".encode())
        for arrays in (examples.images, examples.labels or ()):
            if isinstance(arrays, OnDisk):
                digest.update(b"\n".join(arrays.fingerprints()))
                continue
            for array in arrays:
                digest.update(f"{array.shape}{array.dtype}".encode())
                digest.update(array.tobytes())
    return digest.hexdigest()


def channel_statistics(
    examples: Examples, prepare: Callable[[np.ndarray], np.ndarray] | None = None
) -> ChannelStatistics:
    """Mean, standard deviation and range per channel over all pixels of all images.

    Args:
        examples: the images.
        prepare: applied to each image first.

    Raises:
        UserError: there are no examples.
    """
    if not len(examples):
        raise UserError("There are no images to compute mean and standard deviation from.")
    levels = ChannelLevels()
    for image in examples.images:
        levels.add(image if prepare is None else prepare(image))
    return levels.statistics()


def check_labels(examples: Examples, num_classes: int) -> None:
    """Checks that labels contain only class ids and have the sizes of their images.

    Labels on disk are checked whenever they are read.

    Raises:
        UserError: there are no labels; or an example is wrong: the message names the first one,
            with the values found and allowed, or both sizes.
    """
    if examples.labels is None:
        raise UserError("These examples have no labels; choose a split that has labels.")
    if isinstance(examples.labels, OnDisk):
        return
    for example in each(examples, range(len(examples))):
        check_label(example, num_classes)


def check_label(example: Example, num_classes: int) -> None:
    """Checks one example as `check_labels` does.

    Raises:
        UserError: the example is wrong.
    """
    key, image, label = example.key, example.image, example.label
    if image.shape[:2] != label.shape:
        raise UserError(
            f"{key}: the label is {_size(label)} (height x width), the image {_size(image)}; "
            "they must be equal."
        )
    values = values_of(label)
    wrong = values[(values >= num_classes) & (values != IGNORE_LABEL)]
    if wrong.size:
        raise UserError(
            f"{key}: the label contains {shortened(wrong)}; valid are 0 to {num_classes - 1}, and "
            f"{IGNORE_LABEL} for ignored pixels."
        )


def check_window(examples: Examples, crop_size: tuple[int, int], flag: str = "crop_size") -> None:
    """Checks that a window fits into every image.

    Args:
        examples: the source of windows.
        crop_size: (height, width) of a window, in pixels.
        flag: the flag that sets it.

    Raises:
        UserError: names the first image that is smaller.
    """
    height, width = crop_size
    sizes = image_sizes(examples)
    for key, size in zip(examples.keys, sizes, strict=True):
        if size[0] < height or size[1] < width:
            least = np.min(sizes, axis=0)
            raise UserError(
                f"--{flag}={height},{width}: larger than the image {key}, which is "
                f"{size[0]} x {size[1]} (height x width); give at most {least[0]},{least[1]}."
            )


def fitting(examples: Examples, crop_size: tuple[int, int]) -> Examples | None:
    """The examples that a window of `crop_size`, (height, width), fits into; None if none."""
    height, width = crop_size
    sizes = image_sizes(examples)
    chosen = [i for i, (h, w) in enumerate(sizes) if h >= height and w >= width]
    return examples.subset(chosen) if chosen else None


def image_sizes(examples: Examples) -> list[tuple[int, int]]:
    """(height, width) of each image."""
    if isinstance(examples.images, OnDisk):
        return examples.images.sizes()
    return [(image.shape[0], image.shape[1]) for image in examples.images]


def values_of(label: np.ndarray) -> np.ndarray:
    """The distinct values of an integer label, ascending."""
    if label.dtype == np.uint8:
        return np.flatnonzero(np.bincount(label.ravel(), minlength=256))
    return np.unique(label)


def shortened(values: np.ndarray) -> str:
    """The first few of many values, for a message."""
    return ", ".join(map(str, values[:6])) + (", ..." if len(values) > 6 else "")


def _size(array: np.ndarray) -> str:
    return f"{array.shape[0]} x {array.shape[1]}"


def _chosen(arrays: Sequence[np.ndarray], indices: Sequence[int]) -> Sequence[np.ndarray]:
    if isinstance(arrays, OnDisk):
        return OnDisk(arrays.stored[i] for i in indices)
    return tuple(arrays[i] for i in indices)
