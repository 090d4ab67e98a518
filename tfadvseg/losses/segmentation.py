"""Segmentation losses, a value a pixel, unreduced."""

import tensorflow as tf

from tfadvseg.data.descriptors import IGNORE_LABEL


def valid_pixels(label: tf.Tensor) -> tf.Tensor:
    """1 where a label counts, 0 where it is `ignore_label`: [B,H,W] int to [B,H,W] float32."""
    return tf.cast(label != IGNORE_LABEL, tf.float32)


def cross_entropy(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Cross-entropy a pixel, in nats; 0 where the label is `ignore_label`.

    Divide its sum by the number of valid pixels of the global batch (`valid_pixels`); a mean of
    means over replicas is wrong wherever their counts differ.

    Args:
        logits: [B,H,W,1] float32, the logit of class 1 of two; or [B,H,W,K] for K > 2 classes.
        label: [B,H,W] int32 in [0, K) or `ignore_label`.

    Returns:
        [B,H,W] float32, at least 0.
    """
    valid = valid_pixels(label)
    label = tf.where(valid > 0, label, 0)
    if logits.shape[-1] == 1:
        loss = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(label, tf.float32), logits[..., 0])
    else:
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)
    return loss * valid
