"""A prior on the share of each class in an image, after Kervadec et al. 2019."""

from collections.abc import Sequence

import tensorflow as tf

from tfadvseg.config.method import SizeLoss


def size_loss(probabilities: tf.Tensor, shares: Sequence[float], kind: SizeLoss) -> tf.Tensor:
    """How far S's class shares in each image are from those of other images' masks.

    With p the mean over an image's pixels of S's probabilities, and q the shares: `squared` is
    sum (p - q)^2, the penalty of Kervadec et al. 2019 (arXiv 1805.04628, eq. 3) with equal bounds
    and sizes as shares of the image; `kl` is sum q log(q / p), in nats.

    Args:
        probabilities: [B,H,W,K] float32, over every pixel, labelled or not.
        shares: K numbers that add up to 1.
        kind: which distance.

    Returns:
        [B] float32, at least 0.
    """
    expected = tf.constant(shares, tf.float32)
    predicted = tf.reduce_mean(probabilities, axis=[1, 2])
    match kind:
        case "squared":
            return tf.reduce_sum(tf.math.squared_difference(predicted, expected), axis=-1)
        case "kl":
            quotient = expected / tf.maximum(predicted, 1e-7)
            return tf.reduce_sum(tf.math.xlogy(expected, quotient), axis=-1)
