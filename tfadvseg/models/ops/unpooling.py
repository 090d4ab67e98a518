"""Max-unpooling (Badrinarayanan et al. 2015, arXiv 1511.00561, section 3)."""

from collections.abc import Callable

import tensorflow as tf


class MaxUnpool(tf.keras.layers.Layer):
    """Undoes a 2x2 max-pooling: each value goes back to where its window's maximum was.

    Takes (values [B,h,w,C], before [B,2h,2w,C], pooled [B,h,w,C]), of which `pooled` is the
    max-pooling of `before`, to [B,2h,2w,C]: zero but for one pixel a window. Of equal maxima, as
    in windows of zeros after a ReLU, the first in reading order takes the value, as
    `tf.nn.max_pool_with_argmax` and PyTorch have it. The gradient is that of the values; the
    places have none.

    The places are found by comparing, which is exact on every device. Training on CPUs takes a
    faster way to the same places, the gradient of max-pooling; on GPUs that is cuDNN's, which does
    not say which of equal maxima it takes.
    """

    def call(
        self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor], training: bool = False
    ) -> tf.Tensor:
        values, before, pooled = inputs
        before, pooled = tf.stop_gradient(before), tf.stop_gradient(pooled)
        # What is not trained may be exported, and be served on another device.
        if training and not tf.config.list_logical_devices("GPU"):
            return _by_pooling_gradient(values, before, pooled)
        return _by_comparing(values, before)


def _by_comparing(values: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
    first, second, third, fourth = (
        before[:, row::2, column::2] for row in (0, 1) for column in (0, 1)
    )
    # Each window has one place whatever it holds: comparing with the maximum would find none where
    # XLA keeps one of the two in a higher precision.
    at_first = ~((second > first) | (third > first) | (fourth > first))
    at_second = ~(at_first | (third > second) | (fourth > second))
    at_third = ~(at_first | at_second | (fourth > third))
    at_fourth = ~(at_first | at_second | at_third)
    zeros = tf.zeros_like(values)
    upper = [tf.where(place, values, zeros) for place in (at_first, at_second)]
    lower = [tf.where(place, values, zeros) for place in (at_third, at_fourth)]
    windows = tf.stack([tf.stack(upper, axis=3), tf.stack(lower, axis=3)], axis=2)
    return tf.reshape(windows, tf.shape(before))


def _by_pooling_gradient(values: tf.Tensor, before: tf.Tensor, pooled: tf.Tensor) -> tf.Tensor:
    """Unpooling is what the gradient of max-pooling does, so it is that operation.

    On CPUs exact in every precision, and five times faster than scattering by indices. Its own
    gradient picks the same places by unpooling ones. TensorFlow's registered one is slower, and
    under XLA it compares rounded values, which mistakes one place in a thousand.
    """

    def unpool(values: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.MaxPoolGrad(
            orig_input=before,
            orig_output=pooled,
            grad=values,
            ksize=[1, 2, 2, 1],
            strides=[1, 2, 2, 1],
            padding="VALID",
        )

    @tf.custom_gradient
    def unpool_values(values: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            chosen = upstream * unpool(tf.ones_like(values))
            return 4 * tf.nn.avg_pool2d(chosen, 2, 2, "VALID")

        return unpool(values), gradient

    return unpool_values(values)
