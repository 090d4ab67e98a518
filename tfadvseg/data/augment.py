"""Augmentation of one training window: image and label together, labels never interpolated.

Every function is pure: the same seed gives the same result, whatever came before. Seeds are int32
[2], as TensorFlow's stateless random operations take them.
"""

import tensorflow as tf

from tfadvseg.addons import tfa

_ELASTIC_GRID = 3


def random_window(
    image: tf.Tensor, label: tf.Tensor, size: tuple[int, int], seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts a window at a uniformly random place.

    Args:
        image: [H,W,C], H and W at least `size`.
        label: [H,W].
        size: (height, width).
        seed: int32 [2].

    Returns:
        [height,width,C] and [height,width], of the inputs' types.
    """
    top, left = _random_corner(tf.shape(image)[:2], size, seed)
    window = image[top : top + size[0], left : left + size[1]]
    label_window = label[top : top + size[0], left : left + size[1]]
    window.set_shape([*size, image.shape[-1]])
    label_window.set_shape(size)
    return window, label_window


def random_elastic_window(
    image: tf.Tensor, label: tf.Tensor, size: tuple[int, int], seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts a window at a random place and deforms it, as U-Net does (Ronneberger et al. 2015).

    Displacements are drawn on a 3x3 grid over the window, normal with a standard deviation of
    1/32 of its smaller side, and interpolated bicubically. The image is sampled bilinearly and
    the label at the nearest pixel, both from the whole image (mirrored at its borders), so that
    no window has smeared edges.

    Args, returns: as `random_window`; the image comes back as float32.
    """
    corner_seed, flow_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    top, left = _random_corner(tf.shape(image)[:2], size, corner_seed)
    coarse = tf.random.stateless_normal(
        [1, _ELASTIC_GRID, _ELASTIC_GRID, 2], flow_seed, stddev=min(size) / 32
    )
    flow = tf.image.resize(coarse, size, method="bicubic")[0]
    rows, columns = tf.meshgrid(tf.range(size[0]) + top, tf.range(size[1]) + left, indexing="ij")
    points = tf.cast(tf.stack([rows, columns], axis=-1), tf.float32) + flow
    points = _mirror(points, tf.cast(tf.shape(image)[:2] - 1, tf.float32))
    sampled = tfa.image.interpolate_bilinear(
        tf.cast(image, tf.float32)[tf.newaxis], tf.reshape(points, [1, size[0] * size[1], 2])
    )
    window = tf.reshape(sampled, [*size, image.shape[-1]])
    return window, tf.gather_nd(label, tf.cast(tf.round(points), tf.int32))


def random_quarter_turn(
    image: tf.Tensor, label: tf.Tensor, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Turns [h,w,C] and [h,w] by 0, 90, 180 or 270 degrees; by 0 or 180 unless h = w."""
    square = image.shape[0] == image.shape[1]
    turns = tf.random.stateless_uniform([], seed, 0, 4, tf.int32)
    if square:
        swap = turns % 2 == 1
        image = tf.cond(swap, lambda: tf.transpose(image, [1, 0, 2])[::-1], lambda: image)
        label = tf.cond(swap, lambda: tf.transpose(label)[::-1], lambda: label)
    half = turns >= 2
    image = tf.cond(half, lambda: image[::-1, ::-1], lambda: image)
    label = tf.cond(half, lambda: label[::-1, ::-1], lambda: label)
    return image, label


def random_flip(image: tf.Tensor, label: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mirrors [h,w,C] and [h,w] left to right in half of the cases."""
    flip = tf.random.stateless_uniform([], seed) < 0.5
    image = tf.cond(flip, lambda: image[:, ::-1], lambda: image)
    label = tf.cond(flip, lambda: label[:, ::-1], lambda: label)
    return image, label


def random_photometric(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Changes contrast by up to a fifth and brightness by up to 20 of 255.

    Args:
        image: [h,w,C] float32 on the 0-255 scale.
        seed: int32 [2].

    Returns:
        [h,w,C] float32, clipped to 0-255.
    """
    draw = tf.random.stateless_uniform([2], seed, -1.0, 1.0)
    mean = tf.reduce_mean(image)
    return tf.clip_by_value((image - mean) * (1 + 0.2 * draw[0]) + mean + 20 * draw[1], 0, 255)


def _random_corner(
    full: tf.Tensor, size: tuple[int, int], seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The top left corner of a window that lies within [full[0], full[1]]."""
    room = tf.cast(full - tf.constant(size), tf.float32) + 1
    corner = tf.cast(tf.floor(tf.random.stateless_uniform([2], seed) * room), tf.int32)
    corner = tf.minimum(corner, full - tf.constant(size))
    return corner[0], corner[1]


def _mirror(points: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """Reflects coordinates at 0 and at `last`."""
    period = 2 * last
    points = tf.math.floormod(points, tf.maximum(period, 1))
    return tf.minimum(points, period - points)
