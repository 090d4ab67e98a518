"""tf.data pipelines: from decoded examples to batches.

Every random choice is a pure function of the seed and the window's number, counted from the start
of training. So a pipeline has no state: one created for step n yields the same from there on as an
uninterrupted one.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfadvseg.config import DataConfig
from tfadvseg.data.augment import (
    random_colour,
    random_flip,
    random_photometric,
    random_quarter_turn,
    random_sampled_window,
    random_window,
)
from tfadvseg.data.balance import class_centres
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.examples import Examples, image_sizes
from tfadvseg.data.lazy import PairReader, pair_reader
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.on_disk import OnDisk
from tfadvseg.data.parallelism import fixed_parallelism


@dataclass(frozen=True)
class BoundaryMaps:
    """Boundary weights (`losses.boundary`), one map per image, in 256 levels.

    Attributes:
        levels: uint8 [H,W] each.
        unit: weight of one level.
    """

    levels: tuple[np.ndarray, ...]
    unit: float


class _Store:
    """Examples of any sizes, indexed within a graph: in flat tensors or on disk."""

    def __init__(
        self,
        examples: Examples,
        normalisation: Normalisation,
        boundaries: BoundaryMaps | None = None,
    ) -> None:
        self.size = len(examples)
        self._boundaries = boundaries
        prepare = normalisation.prepared
        if isinstance(examples.images, OnDisk):
            assert boundaries is None, "boundary weights need examples in memory"
            first = prepare(examples.images[0])
            dtype = tf.as_dtype(first.dtype)
            self._read = pair_reader(examples, first.shape[-1], dtype, prepare)
        else:
            # On a GPU, all of it would be copied back to the pipeline at every start of an epoch.
            with tf.device("CPU:0"):
                self._read = _memory_reader(examples, boundaries, prepare)

    def example(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Image [H,W,C], and label with boundary level [H,W,1 or 2] uint8, of one example."""
        image, maps = self._read(index)
        return image, maps if maps.shape.rank == 3 else maps[..., tf.newaxis]

    def batch(self, image: tf.Tensor, maps: tf.Tensor) -> dict[str, tf.Tensor]:
        """Converts them to the input of a step: see `losses.terms`."""
        made = {"image": image, "label": tf.cast(maps[..., 0], tf.int32)}
        if self._boundaries is not None:
            made["boundary"] = tf.cast(maps[..., 1], tf.float32) * self._boundaries.unit
        return made


def _memory_reader(
    examples: Examples,
    boundaries: BoundaryMaps | None,
    prepare: Callable[[np.ndarray], np.ndarray],
) -> PairReader:
    """A reader from tensors that contain all examples."""
    sizes = np.array(image_sizes(examples), np.int64)
    starts = tf.constant(np.concatenate([[0], sizes.prod(axis=1).cumsum()]))
    shapes = tf.constant(sizes)
    channels = examples.images[0].shape[-1]
    pixels = tf.constant(
        np.concatenate([prepare(image).reshape(-1, channels) for image in examples.images])
    )
    labels = examples.labels
    if labels is None:
        labels = [np.full(size, IGNORE_LABEL, np.uint8) for size in sizes]
    kinds = [labels] if boundaries is None else [labels, boundaries.levels]
    maps = tf.constant(
        np.stack([np.concatenate([m.reshape(-1) for m in kind]) for kind in kinds], axis=-1)
    )

    def read(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        start, end = starts[index], starts[index + 1]
        height, width = tf.unstack(shapes[index])
        image = tf.reshape(pixels[start:end], [height, width, channels])
        return image, tf.reshape(maps[start:end], [height, width, maps.shape[-1]])

    return read


WindowMaker = Callable[[tf.Tensor], dict[str, tf.Tensor]]
"""Maps a window's number, int64 from the start of training, to its `image`, `label`, ..."""


def window_maker(
    examples: Examples,
    config: DataConfig,
    normalisation: Normalisation,
    seed: int,
    boundaries: BoundaryMaps | None = None,
) -> WindowMaker:
    """A function that cuts and augments training windows from decoded examples, which it holds.

    Each example gives one window per round. The order is shuffled anew each round, or is always
    that of the first, depending on `config`. With `crop_balance`, that share of the windows is
    centred on a class, unless the examples have no labels (`balance.class_centres`).

    Returns:
        A function from a window's number to `image` [h,w,C] float32, normalised, and `label` [h,w]
        int32; with `boundaries` also `boundary` [h,w] float32.
    """
    store = _Store(examples, normalisation, boundaries)
    elastic = "elastic" in config.augment
    scale_range = config.scale_range if "scale" in config.augment else (1.0, 1.0)

    balanced = config.crop_balance > 0 and examples.labels is not None
    centres = class_centres(examples, config.crop_balance, seed) if balanced else None

    def cut(
        image: tf.Tensor, label: tf.Tensor, seed: tf.Tensor, centre: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        size = config.crop_size
        if elastic or scale_range != (1.0, 1.0):
            return random_sampled_window(image, label, size, seed, scale_range, elastic, centre)
        return random_window(image, label, size, seed, centre)

    def window(number: tf.Tensor) -> dict[str, tf.Tensor]:
        drawn = number // store.size if config.shuffle else tf.zeros_like(number)
        place = tf.random.experimental.index_shuffle(
            number % store.size, _seed(seed, _EPOCH_ORDER, drawn), store.size - 1
        )
        seeds = tf.unstack(tf.random.experimental.stateless_split(_seed(seed, _WINDOW, number), 5))
        centre = None if centres is None else centres(place, _seed(seed, _CENTRE, number))
        image, label = cut(*store.example(place), seeds[0], centre)
        if "rotate" in config.augment:
            image, label = random_quarter_turn(image, label, seeds[1])
        if "flip" in config.augment:
            image, label = random_flip(image, label, seeds[2])
        image = tf.cast(image, tf.float32)
        if "photometric" in config.augment or "colour" in config.augment:
            image = normalisation.to_255(image)
            if "photometric" in config.augment:
                image = random_photometric(image, seeds[3])
            if "colour" in config.augment:
                image = random_colour(image, seeds[4])
            image = normalisation.from_255(image)
        return store.batch(normalisation(image), label)

    return window


def training_windows(
    window: WindowMaker, global_batch_size: int, first_step: int, last_step: int
) -> tf.data.Dataset:
    """Batches of training windows for steps `first_step` up to, but not including, `last_step`.

    Returns:
        The outputs of `window`, [B,...].
    """
    numbers = tf.data.Dataset.range(first_step * global_batch_size, last_step * global_batch_size)
    return _batched(numbers.map(window, tf.data.AUTOTUNE, deterministic=True), global_batch_size)


def domain_windows(
    source: WindowMaker,
    target: WindowMaker | None,
    global_batch_size: int,
    first_step: int,
    last_step: int,
) -> tf.data.Dataset:
    """Batches of labelled source windows and, if there is a target, of its images.

    Args:
        source, target: functions that make windows of each domain; their sizes may differ.
        global_batch_size, first_step, last_step: as for `training_windows`.

    Returns:
        `source_image` [B,h,w,C] float32, `source_label` [B,h,w] int32, `target_image` [B,h',w',C].
    """

    def pair(number: tf.Tensor) -> dict[str, tf.Tensor]:
        made = source(number)
        both = {"source_image": made["image"], "source_label": made["label"]}
        return both if target is None else {**both, "target_image": target(number)["image"]}

    return training_windows(pair, global_batch_size, first_step, last_step)


def paired_windows(
    labelled: WindowMaker,
    unlabelled: WindowMaker,
    labelled_batch: int,
    unlabelled_batch: int,
    seed: int,
    first_step: int,
    last_step: int,
) -> tf.data.Dataset:
    """Batches of labelled windows and of windows without labels, whose numbers may differ.

    Args:
        labelled: makes the windows of `training_windows` with `labelled_batch`.
        unlabelled: makes others, of which the image alone is taken.
        labelled_batch, unlabelled_batch: windows of each in a global batch.
        seed: of what a step draws for each unlabelled window.
        first_step, last_step: as for `training_windows`.

    Returns:
        What `labelled` gives, [B,...], `unlabelled_image` [B',h',w',C] float32, and
        `unlabelled_seed` [B',2] int32, for `tf.random.stateless_uniform` and the like: a function
        of the seed and the window's number alone.
    """

    def image(number: tf.Tensor) -> dict[str, tf.Tensor]:
        drawn = _seed(seed, _IN_STEP, number)
        return {"unlabelled_image": unlabelled(number)["image"], "unlabelled_seed": drawn}

    parts = (
        training_windows(labelled, labelled_batch, first_step, last_step),
        training_windows(image, unlabelled_batch, first_step, last_step),
    )
    return _ready(tf.data.Dataset.zip(parts).map(lambda one, other: {**one, **other}))


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
        seed: seed of the order.
        first_window, windows: the range of windows.
        first_step: number of batches to skip at the start.

    Returns:
        As `training_windows`, and `is_real` [B] bool, which is true for one of the two occurrences
        of a window and false for the other.
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
    boundaries: BoundaryMaps | None = None,
) -> tf.data.Dataset:
    """`count` windows at random positions that depend on the seed only, for validation.

    The last batch is filled up with zero images whose labels are all `ignore_label`.

    Returns:
        As `training_windows`, without augmentation, and `weight` [B] float32: 1, or 0 for fill.
    """
    store = _Store(examples, normalisation, boundaries)
    order = _seed(seed, _FIXED_ORDER, tf.constant(0, tf.int64))

    def window(number: tf.Tensor) -> dict[str, tf.Tensor]:
        place = tf.random.experimental.index_shuffle(number % store.size, order, store.size - 1)
        image, label = store.example(place)
        image, label = random_window(image, label, crop_size, _seed(seed, _FIXED_WINDOW, number))
        return _counted(store.batch(normalisation(image), label))

    windows = tf.data.Dataset.range(count).map(window, tf.data.AUTOTUNE, deterministic=True)
    return _filled_up(windows.batch(global_batch_size), global_batch_size)


def whole_images(
    examples: Examples,
    normalisation: Normalisation,
    copies: int,
    boundaries: BoundaryMaps | None = None,
) -> tf.data.Dataset:
    """Every image whole, one per batch; sizes may differ between batches.

    Args:
        copies: batch size. Only the first example of a batch counts; the others are fill, so that
            each replica gets one.

    Returns:
        As `fixed_windows`, [copies,H,W,...].
    """
    store = _Store(examples, normalisation, boundaries)

    def whole(index: tf.Tensor) -> dict[str, tf.Tensor]:
        image, label = store.example(index)
        return _counted(store.batch(normalisation(image), label))

    images = tf.data.Dataset.range(store.size).map(whole, tf.data.AUTOTUNE, deterministic=True)
    return _filled_up(images.batch(1), copies)


# Purposes of random choices; each has its own stream.
_EPOCH_ORDER, _WINDOW, _MIXED_ORDER, _FIXED_ORDER, _FIXED_WINDOW, _IN_STEP, _CENTRE = range(7)


def _seed(seed: int, purpose: int, number: tf.Tensor) -> tf.Tensor:
    """An int32 [2] seed for choice `number`, int64, of one purpose."""
    base = tf.constant([seed, purpose], tf.int32)
    return tf.random.experimental.stateless_fold_in(base, number)


def _counted(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {**example, "weight": tf.constant(1.0)}


def _batched(windows: tf.data.Dataset, size: int) -> tf.data.Dataset:
    return _ready(windows.batch(size, drop_remainder=True))


def _filled_up(batches: tf.data.Dataset, size: int) -> tf.data.Dataset:
    return _ready(batches.map(functools.partial(_fill, size=size)))


def _ready(batches: tf.data.Dataset) -> tf.data.Dataset:
    return fixed_parallelism(batches.prefetch(2))


def _fill(batch: dict[str, tf.Tensor], size: int) -> dict[str, tf.Tensor]:
    """Adds examples of weight 0 until there are `size`."""
    missing = size - tf.shape(batch["weight"])[0]
    filling = {"image": 0.0, "label": IGNORE_LABEL, "boundary": 0.0, "weight": 0.0}
    filled = {}
    for name, tensor in batch.items():
        ahead = [[0, missing]] + [[0, 0]] * (tensor.shape.rank - 1)
        filled[name] = tf.pad(tensor, ahead, constant_values=filling[name])
        filled[name].set_shape([size, *tensor.shape[1:]])
    return filled
