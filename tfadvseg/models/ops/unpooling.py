"""Max-unpooling (Badrinarayanan et al. 2015, arXiv 1511.00561, section 3)."""

from collections.abc import Callable

import tensorflow as tf


class MaxUnpool(tf.keras.layers.Layer):
    """Inverts a 2x2 max-pooling: each value goes back to the position of its window's maximum.

    Maps (values [B,h,w,C], before [B,2h,2w,C], pooled [B,h,w,C]), with `pooled` the max-pooling of
    `before`, to [B,2h,2w,C]: zero except for one pixel per window. Of equal maxima, as in windows
    of zeros after a ReLU, the first in reading order gets the value, as in
    `tf.nn.max_pool_with_argmax` and PyTorch. The gradient is that of the values; the positions have
    none.

    Positions are found by comparison, which is exact on every device. Training on CPUs uses a
    faster way to the same positions, the gradient of max-pooling; on GPUs that is cuDNN's, which
    does not document which of equal maxima it selects.
    """

    def call(
        self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor], training: bool = False
    ) -> tf.Tensor:
        values, before, pooled = inputs
        before, pooled = tf.stop_gradient(before), tf.stop_gradient(pooled)
        # A model in inference may be exported and served on another device.
        if training and not tf.config.list_logical_devices("GPU"):
            return _by_pooling_gradient(values, before, pooled)
        return _by_comparing(values, before)


def _by_comparing(values: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
    first, second, third, fourth = (
        before[:, row::2, column::2] for row in (0, 1) for column in (0, 1)
    )
    # Each window has one position whatever its values. Comparing with the maximum would find none
    # if XLA keeps one of the two in a higher precision.
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
    """Unpooling as the gradient of max-pooling, which is the same operation.

    On CPUs it is exact in every precision, and five times faster than scattering by indices. Its
    own gradient selects the same positions by unpooling ones. TensorFlow's registered gradient is
    slower, and under XLA it compares rounded values, which gets one position in a thousand wrong.
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
