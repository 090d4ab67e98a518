"""Conversion of a segmenter's logits to probabilities and labels, for two classes and for more.

Two classes have one logit per pixel, that of class 1; K > 2 classes have K logits.
"""

import tensorflow as tf


def output_channels(num_classes: int) -> int:
    """Logits per pixel for `num_classes` classes."""
    return 1 if num_classes == 2 else num_classes


def class_probabilities(logits: tf.Tensor) -> tf.Tensor:
    """Logits [B,H,W,1 or K] float to probabilities [B,H,W,2 or K] float32 that sum to 1."""
    logits = tf.cast(logits, tf.float32)
    if logits.shape[-1] == 1:
        positive = tf.sigmoid(logits)
        return tf.concat([1 - positive, positive], axis=-1)
    return tf.nn.softmax(logits)


def predicted_label(logits: tf.Tensor) -> tf.Tensor:
    """The most probable class: logits [B,H,W,1 or K] float to ids [B,H,W] int32."""
    if logits.shape[-1] == 1:
        return tf.cast(logits[..., 0] > 0, tf.int32)
    return tf.argmax(logits, axis=-1, output_type=tf.int32)
