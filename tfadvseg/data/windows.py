"""Training windows: decoded examples, and a function that crops and augments windows from them.

Every random choice is a pure function of the seed and the window's number, counted from the start
of training.
"""

import enum
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


class Purpose(enum.IntEnum):
    """Purposes of random choices; each has its own stream."""

    EPOCH_ORDER = 0
    WINDOW = 1
    MIXED_ORDER = 2
    FIXED_ORDER = 3
    FIXED_WINDOW = 4
    IN_STEP = 5
    CENTRE = 6


def stream_seed(seed: int, purpose: Purpose, number: tf.Tensor) -> tf.Tensor:
    """An int32 [2] seed for choice `number`, int64, of one purpose."""
    base = tf.constant([seed, purpose], tf.int32)
    return tf.random.experimental.stateless_fold_in(base, number)


@dataclass(frozen=True)
class BoundaryMaps:
    """Boundary weights (`losses.boundary`), one map per image, in 256 levels.

    Attributes:
        levels: one map per image, uint8 [H,W].
        unit: weight of one level.
    """

    levels: tuple[np.ndarray, ...]
    unit: float


class ExampleStore:
    """Examples of any sizes that a graph can index, in flat tensors or on disk."""

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
            # On a GPU, all of it would be copied back to the pipeline at the start of each epoch.
            with tf.device("CPU:0"):
                self._read = _memory_reader(examples, boundaries, prepare)

    def example(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Image [H,W,C] of one example, and its label with boundary levels, uint8 [H,W,1 or 2]."""
        image, maps = self._read(index)
        return image, maps if maps.shape.rank == 3 else maps[..., tf.newaxis]

    def batch(self, image: tf.Tensor, maps: tf.Tensor) -> dict[str, tf.Tensor]:
        """Converts the output of `example` to the input of a step (`losses.terms`)."""
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
    """Returns a function that crops and augments training windows from decoded examples.

    Each example gives one window per round. The order is shuffled again in each round, or is always
    that of the first round, depending on `config.shuffle`. A share `crop_balance` of the windows is
    centred on a class, unless the examples have no labels (`balance.class_centres`).

    Returns:
        Function of a window's number to `image` [h,w,C] float32, normalised, and `label` [h,w]
        int32; with `boundaries` also `boundary` [h,w] float32.
    """
    store = ExampleStore(examples, normalisation, boundaries)
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
            number % store.size, stream_seed(seed, Purpose.EPOCH_ORDER, drawn), store.size - 1
        )
        seeds = tf.unstack(
            tf.random.experimental.stateless_split(stream_seed(seed, Purpose.WINDOW, number), 5)
        )
        centre = (
            None if centres is None else centres(place, stream_seed(seed, Purpose.CENTRE, number))
        )
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
