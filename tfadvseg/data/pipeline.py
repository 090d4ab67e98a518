"""tf.data pipelines: from decoded examples to batches.

Every random choice is a pure function of the seed and the window's number, counted from the start
of training, so that a pipeline has no state: one made for step n yields what an uninterrupted one
would yield there.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfadvseg.config import DataConfig
from tfadvseg.data.augment import (
    random_elastic_window,
    random_flip,
    random_photometric,
    random_quarter_turn,
    random_window,
)
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.examples import Examples


@dataclass(frozen=True)
class Normalisation:
    """A channel's mean and standard deviation, on the 0-255 scale: [C] each."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        """[...,C] on the 0-255 scale to [...,C] float32 of about zero mean, unit variance."""
        return (tf.cast(image, tf.float32) - tf.constant(self.mean)) / tf.constant(self.std)


class _Store:
    """Examples of any sizes in three flat tensors, indexed within a graph."""

    def __init__(self, examples: Examples) -> None:
        assert examples.labels is not None
        shapes = np.array([image.shape[:2] for image in examples.images], np.int64)
        self.size = len(examples)
        self.channels = examples.images[0].shape[-1]
        self.shapes = tf.constant(shapes)
        self.starts = tf.constant(np.concatenate([[0], shapes.prod(axis=1).cumsum()]))
        self.pixels = tf.constant(
            np.concatenate([image.reshape(-1, self.channels) for image in examples.images])
        )
        self.labels = tf.constant(np.concatenate([label.reshape(-1) for label in examples.labels]))

    def example(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Image [H,W,C] uint8 and label [H,W] uint8 of example `index`, int64."""
        start, end = self.starts[index], self.starts[index + 1]
        height, width = tf.unstack(self.shapes[index])
        image = tf.reshape(self.pixels[start:end], [height, width, self.channels])
        return image, tf.reshape(self.labels[start:end], [height, width])


WindowMaker = Callable[[tf.Tensor], dict[str, tf.Tensor]]
"""A window's number, int64 from the start of training, to its `image` and `label`."""


def window_maker(
    examples: Examples, config: DataConfig, normalisation: Normalisation, seed: int
) -> WindowMaker:
    """Cuts and augments training windows from decoded examples, which it holds.

    Examples come in an order shuffled anew each time round, one window of each.

    Returns:
        A function to `image` [h,w,C] float32, normalised, and `label` [h,w] int32.
    """
    store = _Store(examples)
    cut = random_elastic_window if "elastic" in config.augment else random_window

    def window(number: tf.Tensor) -> dict[str, tf.Tensor]:
        order = _seed(seed, _EPOCH_ORDER, number // store.size)
        place = tf.random.experimental.index_shuffle(number % store.size, order, store.size - 1)
        seeds = tf.unstack(tf.random.experimental.stateless_split(_seed(seed, _WINDOW, number), 4))
        image, label = cut(*store.example(place), config.crop_size, seeds[0])
        if "rotate" in config.augment:
            image, label = random_quarter_turn(image, label, seeds[1])
        if "flip" in config.augment:
            image, label = random_flip(image, label, seeds[2])
        image = tf.cast(image, tf.float32)
        if "photometric" in config.augment:
            image = random_photometric(image, seeds[3])
        return {"image": normalisation(image), "label": tf.cast(label, tf.int32)}

    return window


def training_windows(
    window: WindowMaker, global_batch_size: int, first_step: int, last_step: int
) -> tf.data.Dataset:
    """Batches of training windows for steps `first_step` up to but not including `last_step`.

    Returns:
        `image` [B,h,w,C] float32, normalised; `label` [B,h,w] int32.
    """
    numbers = tf.data.Dataset.range(first_step * global_batch_size, last_step * global_batch_size)
    return _batched(numbers.map(window, tf.data.AUTOTUNE, deterministic=True), global_batch_size)


def mixed_windows(
    window: WindowMaker,
    global_batch_size: int,
    seed: int,
    first_window: int,
    windows: int,
    first_step: int,
) -> tf.data.Dataset:
    """The `windows` training windows from number `first_window` on, each twice, shuffled.

    Args:
        window, global_batch_size: as for `training_windows`.
        seed: of the order.
        first_window, windows: which windows.
        first_step: how many batches to leave out at the start.

    Returns:
        `image` and `label` as `training_windows` gives them, and `is_real` [B] bool: of the two
        times that a window comes, one is true and one is not.
    """
    order = _seed(seed, _MIXED_ORDER, tf.constant(first_window, tf.int64))

    def mixed(position: tf.Tensor) -> dict[str, tf.Tensor]:
        shuffled = tf.random.experimental.index_shuffle(position, order, 2 * windows - 1)
        return {**window(first_window + shuffled // 2), "is_real": shuffled % 2 == 1}

    positions = tf.data.Dataset.range(first_step * global_batch_size, 2 * windows)
    return _batched(positions.map(mixed, tf.data.AUTOTUNE, deterministic=True), global_batch_size)


def fixed_windows(
    examples: Examples,
    crop_size: tuple[int, int],
    normalisation: Normalisation,
    global_batch_size: int,
    count: int,
    seed: int,
) -> tf.data.Dataset:
    """`count` windows at random places that depend on the seed only, for validation.

    The last batch is filled up with zero images whose labels are all `ignore_label`.

    Returns:
        `image` and `label` as `training_windows` gives them, unaugmented; `weight` [B] float32:
        1, or 0 for the filling.
    """
    store = _Store(examples)
    order = _seed(seed, _FIXED_ORDER, tf.constant(0, tf.int64))

    def window(number: tf.Tensor) -> dict[str, tf.Tensor]:
        place = tf.random.experimental.index_shuffle(number % store.size, order, store.size - 1)
        image, label = store.example(place)
        image, label = random_window(image, label, crop_size, _seed(seed, _FIXED_WINDOW, number))
        return _example(normalisation(image), label)

    windows = tf.data.Dataset.range(count).map(window, tf.data.AUTOTUNE, deterministic=True)
    return _filled_up(windows.batch(global_batch_size), global_batch_size)


def whole_images(examples: Examples, normalisation: Normalisation, copies: int) -> tf.data.Dataset:
    """Every image whole, a batch each; sizes may differ from batch to batch.

    Args:
        copies: batch size. All but the first of a batch are filling, so that each replica gets
            one.

    Returns:
        As `fixed_windows`, [copies,H,W,...].
    """
    store = _Store(examples)

    def whole(index: tf.Tensor) -> dict[str, tf.Tensor]:
        image, label = store.example(index)
        return _example(normalisation(image), label)

    images = tf.data.Dataset.range(store.size).map(whole, tf.data.AUTOTUNE, deterministic=True)
    return _filled_up(images.batch(1), copies)


# What a random choice is for: no two draw from the same stream.
_EPOCH_ORDER, _WINDOW, _MIXED_ORDER, _FIXED_ORDER, _FIXED_WINDOW = range(5)


def _seed(seed: int, purpose: int, number: tf.Tensor) -> tf.Tensor:
    """An int32 [2] seed for choice `number`, int64, of its kind."""
    base = tf.constant([seed, purpose], tf.int32)
    return tf.random.experimental.stateless_fold_in(base, number)


def _example(image: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"image": image, "label": tf.cast(label, tf.int32), "weight": tf.constant(1.0)}


def _batched(windows: tf.data.Dataset, size: int) -> tf.data.Dataset:
    return windows.batch(size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def _filled_up(batches: tf.data.Dataset, size: int) -> tf.data.Dataset:
    return batches.map(functools.partial(_fill, size=size)).prefetch(tf.data.AUTOTUNE)


def _fill(batch: dict[str, tf.Tensor], size: int) -> dict[str, tf.Tensor]:
    """Adds examples that count for nothing until there are `size`."""
    missing = size - tf.shape(batch["weight"])[0]
    filling = {"image": 0.0, "label": IGNORE_LABEL, "weight": 0.0}
    filled = {}
    for name, tensor in batch.items():
        ahead = [[0, missing]] + [[0, 0]] * (tensor.shape.rank - 1)
        filled[name] = tf.pad(tensor, ahead, constant_values=filling[name])
        filled[name].set_shape([size, *tensor.shape[1:]])
    return filled
