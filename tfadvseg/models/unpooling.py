"""Max-unpooling (Badrinarayanan et al. 2015, arXiv 1511.00561, section 3)."""

import tensorflow as tf


class MaxUnpool(tf.keras.layers.Layer):
    """Undoes a 2x2 max-pooling: each value goes back to where its window's maximum was.

    Takes (values [B,h,w,C], before [B,2h,2w,C], pooled [B,h,w,C]), of which `pooled` is the
    max-pooling of `before`, to [B,2h,2w,C]: zero but for one pixel a window. Of equal maxima, as
    in windows of zeros after a ReLU, the first in reading order takes the value, as
    `tf.nn.max_pool_with_argmax` and PyTorch have it.

    Unpooling is the gradient of max-pooling applied to the values, so it is that operation: exact,
    faster than scattering by indices, in every precision. What is unpooled is differentiated; the
    places are not.
    """

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        values, before, pooled = inputs
        return tf.raw_ops.MaxPoolGrad(
            orig_input=tf.stop_gradient(before),
            orig_output=tf.stop_gradient(pooled),
            grad=values,
            ksize=[1, 2, 2, 1],
            strides=[1, 2, 2, 1],
            padding="VALID",
        )
