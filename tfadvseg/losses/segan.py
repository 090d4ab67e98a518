"""Losses of SegAN (Xue et al. 2018, arXiv 1706.01805): multi-scale L1 and Dice, as sums."""

from collections.abc import Sequence

import tensorflow as tf

from tfadvseg.losses.segmentation import valid_pixels

SCALE_WEIGHTS = (1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 4.0)
"""Of the masked image itself and of the critic's six features, as in the published code."""


def masked_images(image: tf.Tensor, probabilities: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """The image times each class's map: what the critic sees.

    Args:
        image: [B,H,W,C] float32, normalised.
        probabilities: [B,H,W,K] float32, S's or the label's; of two classes the second is taken.
        label: [B,H,W] int32; where it is `ignore_label`, the result is 0.

    Returns:
        [B,H,W,`masked_channels(...)`] float32.
    """
    maps = foreground(probabilities) * valid_pixels(label)[..., tf.newaxis]
    products = maps[..., tf.newaxis] * image[..., tf.newaxis, :]
    channels = maps.shape[-1] * image.shape[-1]
    return tf.reshape(products, [*tf.unstack(tf.shape(image)[:3]), channels])


def masked_channels(num_classes: int, image_channels: int) -> int:
    """Channels of `masked_images`."""
    return (1 if num_classes == 2 else num_classes) * image_channels


def foreground(probabilities: tf.Tensor) -> tf.Tensor:
    """The maps that SegAN compares: the second of two classes, or all of more."""
    return probabilities[..., 1:] if probabilities.shape[-1] == 2 else probabilities


def scale_sums(
    ours: Sequence[tf.Tensor], true: Sequence[tf.Tensor]
) -> tuple[list[tf.Tensor], float | tf.Tensor]:
    """Weighted absolute differences of each scale, and how many elements all scales have.

    The multi-scale loss (eq. 2) is the sum of all of them, over all replicas, divided by the
    number of elements over all replicas: one mean over the concatenation, in which a scale
    counts by its weight times its number of elements, and not a mean of each scale's mean.

    Args:
        ours, true: the masked image and the critic's six features, float32, of S's map and of the
            label.

    Returns:
        A scalar float32 per scale, and the number of elements.
    """
    sums = [
        weight * tf.reduce_sum(tf.abs(a - b))
        for weight, a, b in zip(SCALE_WEIGHTS, ours, true, strict=True)
    ]
    elements = tf.add_n([tf.cast(tf.size(a), tf.float32) for a in ours])
    return sums, elements


def image_dice(probabilities: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """SegAN's Dice loss of each image: 1 - 2 sum(p y) / (sum p^2 + sum y^2), over valid pixels.

    There is no smoothing term. Of an image without a class and without a trace of it in S's map,
    where the published code divides 0 by 0, the class counts as 1, without gradient.

    Args:
        probabilities: [B,H,W,K] float32; of two classes the second counts, of more the mean over
            all.
        label: [B,H,W] int32 in [0, K) or `ignore_label`.

    Returns:
        [B] float32 in [0, 1].
    """
    valid = valid_pixels(label)
    one_hot = tf.one_hot(tf.where(valid > 0, label, -1), probabilities.shape[-1])
    truth, maps = foreground(one_hot), foreground(probabilities) * valid[..., tf.newaxis]
    overlap = tf.reduce_sum(truth * maps, axis=[1, 2])
    areas = tf.reduce_sum(truth * truth + maps * maps, axis=[1, 2])
    return 1 - tf.reduce_mean(tf.math.divide_no_nan(2 * overlap, areas), axis=-1)
