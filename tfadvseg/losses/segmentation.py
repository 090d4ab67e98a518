"""Segmentation losses: unreduced values per pixel, and sums per class for Dice."""

from collections.abc import Sequence

import tensorflow as tf

from tfadvseg.data.descriptors import IGNORE_LABEL


def valid_pixels(label: tf.Tensor) -> tf.Tensor:
    """0 where the label is `ignore_label`, 1 elsewhere: [B,H,W] int to [B,H,W] float32."""
    return tf.cast(label != IGNORE_LABEL, tf.float32)


def labels_where(keep: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Labels [B,H,W] int32 where `keep` [B,H,W] bool is true, `ignore_label` elsewhere."""
    return tf.where(keep, label, IGNORE_LABEL)


def pixel_weights(label: tf.Tensor, class_weights: Sequence[float] | None = None) -> tf.Tensor:
    """The weight of each pixel's true class; 0 where the label is `ignore_label`.

    A weighted loss is divided by their sum over the global batch, as in PyTorch's
    `CrossEntropyLoss(weight=...)`. Without class weights, these are the `valid_pixels`.

    Args:
        label: [B,H,W] int32 in [0, K) or `ignore_label`.
        class_weights: K numbers, at least 0; None gives all classes the weight 1.

    Returns:
        [B,H,W] float32, at least 0.
    """
    valid = valid_pixels(label)
    if class_weights is None:
        return valid
    return valid * tf.gather(tf.constant(class_weights, tf.float32), tf.where(valid > 0, label, 0))


def cross_entropy(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Cross-entropy per pixel, in nats; 0 where the label is `ignore_label`.

    Divide its sum by the number of valid pixels of the global batch, or multiply it by the
    `pixel_weights` and divide by their sum. A mean of the replicas' means is wrong if their numbers
    of pixels differ.

    Args:
        logits: [B,H,W,1] float32, the logit of class 1 for two classes; [B,H,W,K] for K > 2.
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
    """Focal loss per pixel, -(1 - p_t)^gamma log p_t, with p_t the true class's probability.

    Lin et al. 2017 (arXiv 1708.02002), eq. 4; for more than two classes, p_t is from the softmax.
    Divide its sum by the number of valid pixels of the global batch.

    Args:
        logits: as for `cross_entropy`.
        label: [B,H,W] int32 in [0, K) or `ignore_label`.
        gamma: exponent, at least 0. 0 gives cross-entropy; the larger, the less confident pixels
            count.

    Returns:
        [B,H,W] float32, at least 0; 0 where the label is `ignore_label`.
    """
    loss = cross_entropy(logits, label)
    missing = -tf.math.expm1(-loss)  # 1 - p_t, precise even if p_t is nearly 1
    # A power below 1 has an infinite slope at 0, where the loss is 0.
    focus = tf.pow(tf.maximum(missing, 1e-12), gamma)
    return loss * focus


def dice_sums(probabilities: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Numerator and denominator of each class's soft Dice coefficient on this replica.

    2 sum(p g) and sum(p) + sum(g) over the valid pixels, where g is 1 in the true class, else 0:
    the loss of Drozdzal et al. 2016 (arXiv 1608.04117), per class. Both are sums over pixels: add
    each over replicas, then call `dice_loss`.

    Args:
        probabilities: [B,H,W,K] float32 in [0, 1]; K is 2 for two classes.
        label: [B,H,W] int32 in [0, K) or `ignore_label`.

    Returns:
        Two [K] float32, at least 0.
    """
    valid = valid_pixels(label)
    # one_hot gives 0 in all classes for the id -1.
    truth = tf.one_hot(tf.where(valid > 0, label, -1), probabilities.shape[-1])
    overlap = tf.reduce_sum(truth * probabilities, axis=[0, 1, 2])
    areas = tf.reduce_sum(truth + probabilities * valid[..., tf.newaxis], axis=[0, 1, 2])
    return 2 * overlap, areas


def dice_loss(numerator: tf.Tensor, denominator: tf.Tensor, smoothing: float = 1.0) -> tf.Tensor:
    """1 - the mean over classes of (numerator + smoothing) / (denominator + smoothing).

    If the sums are over all replicas, every replica computes the whole loss: divide it by the
    number of replicas, so that gradients summed over replicas are those of the loss.

    Args:
        numerator, denominator: [K] float32, sums over the global batch (`dice_sums`).
        smoothing: in pixels, greater than 0. A class that is neither true nor predicted has the
            coefficient 1 and the loss 0.

    Returns:
        A scalar float32 in [0, 1).
    """
    return 1 - tf.reduce_mean((numerator + smoothing) / (denominator + smoothing))
