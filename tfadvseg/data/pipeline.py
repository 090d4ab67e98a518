"""tf.data pipelines: batches of windows and of whole images.

Every random choice is a pure function of the seed and the window's number, counted from the start
of training. So a pipeline has no state: one created for step n yields the same from there on as an
uninterrupted one.
"""

import functools

import tensorflow as tf

from tfadvseg.data.augment import random_window
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.examples import Examples
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.parallelism import fixed_parallelism
from tfadvseg.data.shares import WHOLE, Share
from tfadvseg.data.windows import (
    BoundaryMaps,
    ExampleStore,
    Purpose,
    WindowMaker,
    stream_seed,
)


def training_windows(
    window: WindowMaker,
    global_batch_size: int,
    first_step: int,
    last_step: int,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """Batches of training windows for steps `first_step` up to, but not including, `last_step`.

    Args:
        window: makes a window of its number.
        global_batch_size: windows per step, of all workers together.
        first_step, last_step: the range of steps.
        share: the part of each batch to make.

    Returns:
        The outputs of `window`, [B,...], with B windows of the share.
    """
    numbers = share.numbers(global_batch_size, first_step, last_step)
    return _batched(_mapped(numbers, window), share.size(global_batch_size))


def domain_windows(
    source: WindowMaker,
    target: WindowMaker | None,
    global_batch_size: int,
    first_step: int,
    last_step: int,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """Batches of labelled source windows and, if there is a target, of its images.

    Args:
        source, target: functions that make windows of each domain; their sizes may differ.
        global_batch_size, first_step, last_step, share: as for `training_windows`.

    Returns:
        `source_image` [B,h,w,C] float32, `source_label` [B,h,w] int32, `target_image` [B,h',w',C].
    """

    def pair(number: tf.Tensor) -> dict[str, tf.Tensor]:
        made = source(number)
        both = {"source_image": made["image"], "source_label": made["label"]}
        return both if target is None else {**both, "target_image": target(number)["image"]}

    return training_windows(pair, global_batch_size, first_step, last_step, share)


def paired_windows(
    labelled: WindowMaker,
    unlabelled: WindowMaker,
    labelled_batch: int,
    unlabelled_batch: int,
    seed: int,
    first_step: int,
    last_step: int,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """Batches of labelled windows and of windows without labels, whose numbers may differ.

    Args:
        labelled: makes the windows of `training_windows` with `labelled_batch`.
        unlabelled: makes others, of which the image alone is taken.
        labelled_batch, unlabelled_batch: windows of each in a global batch.
        seed: of what a step draws for each unlabelled window.
        first_step, last_step, share: as for `training_windows`.

    Returns:
        What `labelled` gives, [B,...], `unlabelled_image` [B',h',w',C] float32, and
        `unlabelled_seed` [B',2] int32, for `tf.random.stateless_uniform` and the like: a function
        of the seed and the window's number alone.
    """

    def image(number: tf.Tensor) -> dict[str, tf.Tensor]:
        drawn = stream_seed(seed, Purpose.IN_STEP, number)
        return {"unlabelled_image": unlabelled(number)["image"], "unlabelled_seed": drawn}

    parts = (
        training_windows(labelled, labelled_batch, first_step, last_step, share),
        training_windows(image, unlabelled_batch, first_step, last_step, share),
    )
    return _ready(tf.data.Dataset.zip(parts).map(lambda one, other: {**one, **other}))


def mixed_windows(
    window: WindowMaker,
    global_batch_size: int,
    seed: int,
    first_window: int,
    windows: int,
    first_step: int,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """The `windows` training windows from number `first_window` on, each twice, shuffled.

    Args:
        window, global_batch_size: as for `training_windows`.
        seed: seed of the order.
        first_window, windows: the range of windows.
        first_step: number of batches to skip at the start.
        share: as for `training_windows`.

    Returns:
        As `training_windows`, and `is_real` [B] bool, which is true for one of the two occurrences
        of a window and false for the other.
    """
    order = stream_seed(seed, Purpose.MIXED_ORDER, tf.constant(first_window, tf.int64))

    def mixed(position: tf.Tensor) -> dict[str, tf.Tensor]:
        shuffled = tf.random.experimental.index_shuffle(position, order, 2 * windows - 1)
        return {**window(first_window + shuffled // 2), "is_real": shuffled % 2 == 1}

    positions = share.numbers(global_batch_size, first_step, 2 * windows // global_batch_size)
    return _batched(_mapped(positions, mixed), share.size(global_batch_size))


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
    store = ExampleStore(examples, normalisation, boundaries)
    order = stream_seed(seed, Purpose.FIXED_ORDER, tf.constant(0, tf.int64))

    def window(number: tf.Tensor) -> dict[str, tf.Tensor]:
        place = tf.random.experimental.index_shuffle(number % store.size, order, store.size - 1)
        image, label = store.example(place)
        image, label = random_window(
            image, label, crop_size, stream_seed(seed, Purpose.FIXED_WINDOW, number)
        )
        return _counted(store.batch(normalisation(image), label))

    windows = _mapped(tf.data.Dataset.range(count), window)
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
    store = ExampleStore(examples, normalisation, boundaries)

    def whole(index: tf.Tensor) -> dict[str, tf.Tensor]:
        image, label = store.example(index)
        return _counted(store.batch(normalisation(image), label))

    images = _mapped(tf.data.Dataset.range(store.size), whole)
    return _filled_up(images.batch(1), copies)


def _counted(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {**example, "weight": tf.constant(1.0)}


def _mapped(numbers: tf.data.Dataset, function: WindowMaker) -> tf.data.Dataset:
    """What `function` makes of each number, in order."""
    # AutoGraph has nothing to convert here, and takes a second to find out.
    function = tf.autograph.experimental.do_not_convert(function)
    return numbers.map(function, tf.data.AUTOTUNE, deterministic=True)


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
