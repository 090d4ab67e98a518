"""Segmentation losses: values a pixel, unreduced, and sums a class for Dice."""

from collections.abc import Sequence

import tensorflow as tf

from tfadvseg.data.descriptors import IGNORE_LABEL


def valid_pixels(label: tf.Tensor) -> tf.Tensor:
    """1 where a label counts, 0 where it is `ignore_label`: [B,H,W] int to [B,H,W] float32."""
    return tf.cast(label != IGNORE_LABEL, tf.float32)


def labels_where(keep: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Labels [B,H,W] int32 that are `ignore_label` but where `keep` [B,H,W] bool is true."""
    return tf.where(keep, label, IGNORE_LABEL)


def pixel_weights(label: tf.Tensor, class_weights: Sequence[float] | None = None) -> tf.Tensor:
    """The weight of each pixel's true class; 0 where the label is `ignore_label`.

    Their sum over the global batch is what a weighted loss is divided by, as PyTorch's
    `CrossEntropyLoss(weight=...)` divides it. Without weights these are the `valid_pixels`.

    Args:
        label: [B,H,W] int32 in [0, K) or `ignore_label`.
        class_weights: K numbers, at least 0; None weighs all classes 1.

    Returns:
        [B,H,W] float32, at least 0.
    """
    valid = valid_pixels(label)
    if class_weights is None:
        return valid
    return valid * tf.gather(tf.constant(class_weights, tf.float32), tf.where(valid > 0, label, 0))


def cross_entropy(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Cross-entropy a pixel, in nats; 0 where the label is `ignore_label`.

    Divide its sum by the number of valid pixels of the global batch, or multiply it by the
    `pixel_weights` and divide by their sum; a mean of means over replicas is wrong wherever these
    differ.

    Args:
        logits: [B,H,W,1] float32, the logit of class 1 of two; or [B,H,W,K] for K > 2 classes.
        label: [B,H,W] int32 in [0, K) or `ignore_label`.

    Returns:
        [B,H,W] float32, at least 0.
    """
    valid = valid_pixels(label)
    true_class = tf.where(valid > 0, label, 0)
    if logits.shape[-1] == 1:
        target = tf.cast(true_class, tf.float32)
        loss = tf.nn.sigmoid_cross_entropy_with_logits(target, logits[..., 0])
    else:
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(true_class, logits)
    return loss * valid


def focal_loss(
    logits: tf.Tensor,
    label: tf.Tensor,
    gamma: float = 2.0,
) -> tf.Tensor:
    """Focal loss a pixel, -(1 - p_t)^gamma log p_t, with p_t the true class's probability.

    Lin et al. 2017 (arXiv 1708.02002), eq. 4; of more than two classes over their softmax.
    Divide its sum by the number of valid pixels of the global batch.

    Args:
        logits: as for `cross_entropy`.
        label: [B,H,W] int32 in [0, K) or `ignore_label`.
        gamma: at least 0, where it is cross-entropy; the greater, the less sure pixels count.

    Returns:
        [B,H,W] float32, at least 0; 0 where the label is `ignore_label`.
    """
    loss = cross_entropy(logits, label)
    missing = -tf.math.expm1(-loss)  # 1 - p_t, precise also where p_t is nearly 1
    # A power below 1 has an infinite slope at 0, where the loss is 0 anyway.
    focus = tf.pow(tf.maximum(missing, 1e-12), gamma)
    return loss * focus


def dice_sums(probabilities: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Numerator and denominator of each class's soft Dice coefficient on this replica.

    2 sum(p g) and sum(p) + sum(g) over the valid pixels, with g 1 in the true class, else 0:
    the loss of Drozdzal et al. 2016 (arXiv 1608.04117), a class at a time. Both are sums over
    pixels: add each over replicas, then call `dice_loss`.

    Args:
        probabilities: [B,H,W,K] float32 in [0, 1]; both classes of two.
        label: [B,H,W] int32 in [0, K) or `ignore_label`.

    Returns:
        Two [K] float32, at least 0.
    """
    valid = valid_pixels(label)
    # one_hot is 0 throughout where the id is none of the classes'.
    truth = tf.one_hot(tf.where(valid > 0, label, -1), probabilities.shape[-1])
    overlap = tf.reduce_sum(truth * probabilities, axis=[0, 1, 2])
    areas = tf.reduce_sum(truth + probabilities * valid[..., tf.newaxis], axis=[0, 1, 2])
    return 2 * overlap, areas


def dice_loss(numerator: tf.Tensor, denominator: tf.Tensor, smoothing: float = 1.0) -> tf.Tensor:
    """1 - the mean over classes of (numerator + smoothing) / (denominator + smoothing).

    Where the sums come from all replicas, each holds the whole loss: take 1 / replicas of it as
    this replica's share, so that gradients, added over replicas, are those of the loss.

    Args:
        numerator, denominator: [K] float32, sums over the global batch (`dice_sums`).
        smoothing: in pixels, greater than 0. A class that is neither true nor predicted then has a
            coefficient of 1, and its loss is 0.

    Returns:
        A scalar float32 in [0, 1).
    """
    return 1 - tf.reduce_mean((numerator + smoothing) / (denominator + smoothing))
