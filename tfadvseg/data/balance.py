"""Positions of the classes in training images, for windows that are centred on a class."""

import zlib
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.examples import Examples

MOST_PLACES = 1024
"""Largest number of stored positions per class and image."""

ALL_PLACES = 2**20
"""Total number of stored positions per class, if there are many images."""

Centre = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""Function of an example's index, int64, and a seed, int32 [2], to the (row, column) of a window's
centre, int32 [2]; both are -1 if the window may be anywhere."""


def class_centres(examples: Examples, share: float, seed: int) -> Centre:
    """Returns a function that draws centres of windows: a class uniformly, then a position of it.

    Each label is read once, to draw positions from it. Ignored pixels are never centres.

    Args:
        examples: examples with labels, in memory or on disk.
        share: share of the windows that are centred on a class, 0 to 1.
        seed: with an image's key, it determines the image's positions.
    """
    assert examples.labels is not None
    count = int(np.clip(ALL_PLACES // len(examples), 16, MOST_PLACES))
    labels = tqdm(
        zip(examples.keys, examples.labels, strict=True),
        total=len(examples),
        desc="finding classes",
        delay=5,
        leave=False,
    )
    found = [_places(label, count, [seed, zlib.crc32(key.encode())]) for key, label in labels]
    places = [each for of_image in found for each in of_image]
    with tf.device("CPU:0"):
        first_class = tf.constant(_starts(map(len, found)))
        first_place = tf.constant(_starts(map(len, places)))
        every = tf.constant(np.concatenate([*places, np.zeros((0, 2), np.int32)]))

    def centre(index: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        draws = tf.random.stateless_uniform([3], seed)
        first, end = first_class[index], first_class[index + 1]

        def drawn() -> tf.Tensor:
            chosen = _between(draws[1], first, end)
            return every[_between(draws[2], first_place[chosen], first_place[chosen + 1])]

        return tf.cond((end > first) & (draws[0] < share), drawn, lambda: tf.constant([-1, -1]))

    return centre


def _places(label: np.ndarray, count: int, seed: list[int]) -> list[np.ndarray]:
    """At most `count` random pixels of each class in a label, int32 [n,2], by ascending id."""
    generator = np.random.default_rng(seed)
    flat = label.ravel()
    order = np.argsort(flat, kind="stable")
    present, starts = np.unique(flat[order], return_index=True)
    places = []
    for class_id, pixels in zip(present, np.split(order, starts[1:]), strict=True):
        if class_id != IGNORE_LABEL:
            if len(pixels) > count:
                pixels = generator.choice(pixels, count, replace=False, shuffle=False)
            places.append(np.stack(np.unravel_index(pixels, label.shape), -1).astype(np.int32))
    return places


def _starts(lengths: Iterable[int]) -> np.ndarray:
    """Starts of consecutive pieces of these lengths, and the end of the last, int64."""
    return np.cumsum([0, *lengths], dtype=np.int64)


def _between(draw: tf.Tensor, first: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
    """Converts a draw from [0, 1) to an integer in [first, end)."""
    wide = tf.cast(tf.floor(tf.cast(draw, tf.float64) * tf.cast(end - first, tf.float64)), tf.int64)
    return first + wide
