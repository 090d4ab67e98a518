"""Mixing of images with their labels: CutMix and ClassMix.

Every function is pure: random choices for an image depend on that image's seed alone, so that
batches are mixed alike on any number of replicas.
"""

import tensorflow as tf

from tfadvseg.losses.segmentation import valid_pixels

CUTMIX_AREA = (0.02, 0.4)
"""Smallest and largest share of an image that a box covers (UniMatch's `obtain_cutmix_box`)."""

CUTMIX_RATIO = (0.3, 1 / 0.3)
"""Smallest and largest ratio of a box's height to its width."""


def uniform_draws(seeds: tf.Tensor, count: int, salt: int) -> tf.Tensor:
    """Uniform numbers in [0, 1) for each image.

    Args:
        seeds: [B,2] int32.
        count: numbers per image.
        salt: a different salt gives different numbers for the same seeds.

    Returns:
        [B,count] float32.
    """

    def draw(seed: tf.Tensor) -> tf.Tensor:
        own = tf.random.experimental.stateless_fold_in(seed, salt)
        return tf.random.stateless_uniform([count], own)

    return tf.map_fn(draw, seeds, fn_output_signature=tf.TensorSpec([count], tf.float32))


def partners(batch: tf.Tensor) -> tf.Tensor:
    """Each image's partner: its neighbour in a pair; if the number is odd, the last takes the
    first.

    Pairs stay together where replicas share a batch, as long as each has an even number.

    Args:
        batch: [B,...].

    Returns:
        [B,...], the partners in order.
    """
    count = tf.shape(batch)[0]
    order = tf.bitwise.bitwise_xor(tf.range(count), 1)
    return tf.gather(batch, tf.where(order < count, order, 0))


def spread_over(batch: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The batch, [B,...], repeated or thinned out evenly and in order to `count` elements.

    Where replicas share both batches evenly, each takes the elements that one alone would take.
    """
    size = tf.shape(batch)[0]
    return tf.gather(batch, tf.range(count) * size // count)


def cutmix_masks(
    seeds: tf.Tensor, size: tuple[int, int], probability: float = 0.5, salt: int = 0
) -> tf.Tensor:
    """Masks of the other image: one box (Yun et al. 2019, arXiv 1905.04899), or none.

    Boxes are drawn as UniMatch's code does, whose share of the image is uniform in `CUTMIX_AREA`
    and whose height over width is uniform in `CUTMIX_RATIO`; instead of being drawn again, boxes
    that would leave the image are cut to its sides and then placed.

    Args:
        seeds: [B,2] int32.
        size: (height, width) of the images.
        probability: probability of a box.
        salt: a different salt gives different boxes.

    Returns:
        [B,height,width] bool.
    """
    height, width = size
    draw = tf.unstack(uniform_draws(seeds, 5, salt), axis=1)
    area = (CUTMIX_AREA[0] + draw[0] * (CUTMIX_AREA[1] - CUTMIX_AREA[0])) * height * width
    ratio = CUTMIX_RATIO[0] + draw[1] * (CUTMIX_RATIO[1] - CUTMIX_RATIO[0])
    box_height = tf.minimum(tf.floor(tf.sqrt(area * ratio)), height)
    box_width = tf.minimum(tf.floor(tf.sqrt(area / ratio)), width)
    top = tf.floor(draw[2] * (height - box_height + 1))
    left = tf.floor(draw[3] * (width - box_width + 1))

    def covered(start: tf.Tensor, length: tf.Tensor, side: int) -> tf.Tensor:
        places = tf.range(side, dtype=tf.float32)[tf.newaxis]
        start, end = start[:, tf.newaxis], (start + length)[:, tf.newaxis]
        return (places >= start) & (places < end)

    rows, columns = covered(top, box_height, height), covered(left, box_width, width)
    box = rows[:, :, tf.newaxis] & columns[:, tf.newaxis]
    return box & (draw[4] < probability)[:, tf.newaxis, tf.newaxis]


def classmix_masks(
    label: tf.Tensor, num_classes: int, seeds: tf.Tensor, salt: int = 0
) -> tf.Tensor:
    """Pixels of half of the classes of each label (Olsson et al. 2020, arXiv 2007.07936).

    Args:
        label: [B,H,W] int32 in [0, K) or `ignore_label`, whose pixels are never chosen.
        num_classes: K.
        seeds: [B,2] int32.
        salt: a different salt gives different classes.

    Returns:
        [B,H,W] bool: of n classes in a label the pixels of n / 2, rounded up.
    """
    valid = valid_pixels(label) > 0
    ids = tf.where(valid, label, 0)
    present = tf.reduce_any(
        tf.one_hot(ids, num_classes, on_value=True, off_value=False) & valid[..., tf.newaxis],
        axis=[1, 2],
    )
    draw = tf.where(present, uniform_draws(seeds, num_classes, salt), 2.0)
    half = (tf.reduce_sum(tf.cast(present, tf.int32), axis=1) + 1) // 2
    ranks = tf.argsort(tf.argsort(draw, axis=1, stable=True), axis=1, stable=True)
    chosen = present & (ranks < half[:, tf.newaxis])
    return tf.gather(chosen, ids, batch_dims=1) & valid


def mix(mask: tf.Tensor, inside: tf.Tensor, outside: tf.Tensor) -> tf.Tensor:
    """`inside` where the mask, [B,H,W] bool, says so, else `outside`: [B,H,W] or [B,H,W,C]."""
    return tf.where(mask[..., tf.newaxis] if inside.shape.rank == 4 else mask, inside, outside)
