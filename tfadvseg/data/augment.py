"""Augmentation of one training window: image and label together, labels never interpolated.

Every function is pure: its result depends on the seed only. Seeds are int32 [2], as in TensorFlow's
stateless random operations. Labels are [H,W,M] uint8: class ids, followed by other values per pixel
that must not be interpolated.
"""

import functools
from typing import Any

import tensorflow as tf

from tfadvseg.compat.addons import import_keras_cv, tfa

_ELASTIC_GRID = 3


def random_window(
    image: tf.Tensor,
    label: tf.Tensor,
    size: tuple[int, int],
    seed: tf.Tensor,
    centre: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts a window at a uniformly random position, or around a centre.

    Args:
        image: [H,W,C], H and W at least `size`.
        label: [H,W,M].
        size: (height, width).
        seed: int32 [2].
        centre: int32 [2], the pixel that becomes number (height // 2, width // 2) of the window, as
            far as the image's borders allow; -1 or None: the position is random.

    Returns:
        [height,width,C] and [height,width,M], with the types of the inputs.
    """
    top, left = _corner(tf.shape(image)[:2], tf.constant(size), seed, centre)
    window = image[top : top + size[0], left : left + size[1]]
    label_window = label[top : top + size[0], left : left + size[1]]
    window.set_shape([*size, image.shape[-1]])
    label_window.set_shape([*size, label.shape[-1]])
    return window, label_window


def random_sampled_window(
    image: tf.Tensor,
    label: tf.Tensor,
    size: tuple[int, int],
    seed: tf.Tensor,
    scale_range: tuple[float, float] = (1.0, 1.0),
    elastic: bool = False,
    centre: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts a magnified and deformed window at a random position, or around a centre.

    The magnification is drawn uniformly on a logarithmic scale, but is large enough for the window
    to fit into the image. The image is sampled bilinearly, after smoothing if it is reduced to half
    or less, and the label at the nearest pixel.

    Elastic displacements are those of U-Net (Ronneberger et al. 2015): drawn on a 3x3 grid over the
    window and interpolated bicubically. Their standard deviation is 1/32 of the window's shorter
    side; the paper has 10 pixels for windows of 512. Samples come from the whole image, mirrored at
    its borders, so that no window has smeared edges.

    Args:
        image: [H,W,C].
        label: [H,W,M].
        size: (height, width).
        seed: int32 [2].
        scale_range: smallest and largest magnification.
        elastic: whether to deform.
        centre: as for `random_window`; before deformation.

    Returns:
        [height,width,C] float32 and [height,width,M] with the label's type.
    """
    corner_seed, flow_seed, scale_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    full = tf.shape(image)[:2]
    image = tf.cast(image, tf.float32)
    low, high = scale_range
    scale = tf.exp(tf.random.stateless_uniform([], scale_seed, tf.math.log(low), tf.math.log(high)))
    covered = tf.constant(size, tf.float32)
    if scale_range != (1.0, 1.0):
        scale = tf.maximum(scale, tf.reduce_max(covered / tf.cast(full, tf.float32)))
        covered = tf.math.ceil(covered / scale)
        image = tf.cond(scale <= 0.5, lambda: _smoothed(image, scale), lambda: image)
    within = tf.minimum(tf.cast(covered, tf.int32), full)
    top, left = _corner(full, within, corner_seed, centre)
    # Pixel centres of the window, in image coordinates.
    rows, columns = (
        (tf.range(side, dtype=tf.float32) + 0.5) / scale - 0.5 + tf.cast(start, tf.float32)
        for side, start in zip(size, (top, left), strict=True)
    )
    points = tf.stack(tf.meshgrid(rows, columns, indexing="ij"), axis=-1)
    if elastic:
        coarse = tf.random.stateless_normal(
            [1, _ELASTIC_GRID, _ELASTIC_GRID, 2], flow_seed, stddev=min(size) / 32
        )
        points += tf.image.resize(coarse, size, method="bicubic")[0] / scale
    points = _mirror(points, tf.cast(full - 1, tf.float32))
    # AutoGraph takes half a second to find nothing to convert in it.
    bilinear = tf.autograph.experimental.do_not_convert(
        tfa.image.interpolate_bilinear.python_function
    )
    sampled = bilinear(image[tf.newaxis], tf.reshape(points, [1, size[0] * size[1], 2]))
    window = tf.reshape(sampled, [*size, image.shape[-1]])
    nearest = tf.minimum(tf.cast(tf.round(points), tf.int32), full - 1)
    return window, tf.ensure_shape(tf.gather_nd(label, nearest), [*size, label.shape[-1]])


def random_quarter_turn(
    image: tf.Tensor, label: tf.Tensor, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Turns [h,w,C] and [h,w,M] by 0, 90, 180 or 270 degrees; by 0 or 180 unless h = w."""
    turns = tf.random.stateless_uniform([], seed, 0, 4, tf.int32)
    if image.shape[0] != image.shape[1]:
        turns = turns // 2 * 2
    # tf.image.rot90 forgets height and width.
    turned_image = tf.ensure_shape(tf.image.rot90(image, turns), image.shape)
    return turned_image, tf.ensure_shape(tf.image.rot90(label, turns), label.shape)


def random_flip(image: tf.Tensor, label: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mirrors [h,w,C] and [h,w,M] left to right in half of the cases."""
    # One seed, so both draw the same.
    flip = tf.image.stateless_random_flip_left_right
    return flip(image, seed), flip(label, seed)


def random_photometric(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Changes contrast by up to 20 % and brightness by up to 20 of 255.

    Args:
        image: [h,w,C] float32 on the 0-255 scale.
        seed: int32 [2].

    Returns:
        [h,w,C] float32, clipped to 0-255.
    """
    draw = tf.random.stateless_uniform([2], seed, -1.0, 1.0)
    mean = tf.reduce_mean(image)
    return tf.clip_by_value((image - mean) * (1 + 0.2 * draw[0]) + mean + 20 * draw[1], 0, 255)


def random_colour(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Shifts the hue by up to 18 degrees and scales the saturation by a factor of 2/3 to 3/2.

    The two operations are KerasCV's `RandomHue` and `RandomSaturation`; the random numbers are
    ours, so that they depend on the seed only.

    Args:
        image: [h,w,3] float32 on the 0-255 scale.
        seed: int32 [2].

    Returns:
        [h,w,3] float32 in 0-255.
    """
    hue, saturation = _colour_layers()
    draw = tf.random.stateless_uniform([2, 1], seed, -1.0, 1.0)
    image = hue.augment_images(image[tf.newaxis], transformations=0.05 * draw[0])
    # KerasCV's s stands for s / (1 - s) times the old saturation.
    factor = tf.pow(1.5, draw[1])
    return saturation.augment_images(image, transformations=factor / (1 + factor))[0]


@functools.cache
def _colour_layers() -> tuple[Any, Any]:
    layers = import_keras_cv().layers
    with tf.init_scope():
        # The layers ask for a generator, which determinism denies them unless it is seeded. It is
        # never used.
        tf.random.set_global_generator(tf.random.Generator.from_seed(0))
        # In float32 under every precision policy of the networks.
        return (
            layers.RandomHue(factor=1.0, value_range=(0, 255), dtype="float32"),
            layers.RandomSaturation(factor=1.0, dtype="float32"),
        )


def _corner(
    full: tf.Tensor, size: tf.Tensor, seed: tf.Tensor, centre: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Top left corner of a window within [full[0], full[1]], random unless there is a centre."""
    room = tf.cast(full - size, tf.float32) + 1
    corner = tf.cast(tf.floor(tf.random.stateless_uniform([2], seed) * room), tf.int32)
    corner = tf.minimum(corner, full - size)
    if centre is not None:
        around = tf.clip_by_value(centre - size // 2, 0, full - size)
        corner = tf.where(centre[0] >= 0, around, corner)
    return corner[0], corner[1]


def _smoothed(image: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """[H,W,C] smoothed for reduction to `scale`, at most 1/2; the size stays."""
    full = tf.shape(image)[:2]
    small = tf.cast(tf.math.ceil(tf.cast(full, tf.float32) * scale), tf.int32)
    image = tf.image.resize(image, small, method="area")
    return tf.image.resize(image, full, method="bilinear")


def _mirror(points: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """Reflects coordinates at 0 and at `last`."""
    period = 2 * last
    points = tf.math.floormod(points, tf.maximum(period, 1))
    return tf.minimum(points, period - points)
