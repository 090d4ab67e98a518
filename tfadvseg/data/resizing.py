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
        image: uint8 [H,W,1] or [H,W,3].
        size: (height, width).

    Returns:
        uint8 [height,width,C].
    """
    if image.shape[:2] == size:
        return image
    pixels = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    resized = np.asarray(pixels.resize(size[::-1], Image.Resampling.BICUBIC))
    return resized.reshape(*size, image.shape[-1])


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
