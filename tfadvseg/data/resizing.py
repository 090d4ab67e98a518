"""Resizing of examples. No TensorFlow here."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from tfadvseg.data.examples import Example, Examples
from tfadvseg.data.on_disk import OnDisk, ResizedArray

Resize = Callable[[np.ndarray, tuple[int, int]], np.ndarray]


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes bicubically, with smoothing when reducing, as Pillow does.

    Args:
        image: [H,W,C].
        size: (height, width).

    Returns:
        [height,width,C] of the same type.
    """
    if image.shape[:2] == size:
        return image
    if image.dtype == np.uint8 and image.shape[-1] in (1, 3):
        return _resize(image[..., 0] if image.shape[-1] == 1 else image, size)
    channels = [_resize(image[..., i].astype(np.float32), size) for i in range(image.shape[-1])]
    resized = np.concatenate(channels, axis=-1)
    if image.dtype.kind != "f":
        limits = np.iinfo(image.dtype)
        resized = resized.round().clip(limits.min, limits.max)
    return resized.astype(image.dtype)


def _resize(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """By Pillow: uint8 [H,W] or [H,W,3], or float32 [H,W]; to [height,width,C]."""
    resized = np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC))
    return resized.reshape(*size, -1)


def resize_label(label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes class ids by nearest neighbour: uint8 [H,W] to uint8 [height,width]."""
    if label.shape == size:
        return label
    return np.asarray(Image.fromarray(label).resize(size[::-1], Image.Resampling.NEAREST))


def resize_example(example: Example, size: tuple[int, int]) -> Example:
    """Resizes image and label to the same size."""
    return Example(
        example.key, resize_image(example.image, size), resize_label(example.label, size)
    )


def resize_examples(examples: Examples, size: tuple[int, int]) -> Examples:
    """Resizes images and labels; those on disk are resized whenever they are read."""

    def resized(arrays: Sequence[np.ndarray], resize: Resize) -> Sequence[np.ndarray]:
        if isinstance(arrays, OnDisk):
            return OnDisk(ResizedArray(array, resize, size) for array in arrays.stored)
        return tuple(resize(array, size) for array in arrays)

    labels = examples.labels
    return Examples(
        examples.keys,
        resized(examples.images, resize_image),
        None if labels is None else resized(labels, resize_label),
    )
