"""Convolutions that also train fast on processors without AVX-512.

There oneDNN computes the gradient of a kernel at half the rate of the convolution itself, and at a
sixth if a row of the map does not fit the processor's first cache. One matrix product per tap is
faster from some 32 channels on; with fewer, oneDNN is (docs/speed.md).
"""

import tensorflow as tf

from tfadvseg.compat.processor import cpu_lacks_avx512
from tfadvseg.models.ops.dilated import dilated_convolution
from tfadvseg.models.ops.unconverted import unconverted

MIN_CHANNELS = 32
"""Channels of both input and output from which matrix products give the gradient."""


def same_convolution(x: tf.Tensor, kernel: tf.Tensor, training: bool | None) -> tf.Tensor:
    """A convolution with stride 1 and zeros around the map, so that it keeps its size.

    Args:
        x: [B,H,W,C] float.
        kernel: [k,k,C,F] of the same type, k odd.
        training: whether a backward pass follows; else the plain operation is all there is in the
            graph, which other runtimes and TensorFlow's optimiser know best.

    Returns:
        [B,H,W,F].
    """
    by_products = training is True and min(kernel.shape[2:]) >= MIN_CHANNELS
    if by_products and x.dtype == tf.float32 and _products_are_faster():
        return dilated_convolution(x, kernel, rate=1)
    return tf.nn.conv2d(x, kernel, strides=1, padding="SAME")


def _products_are_faster() -> bool:
    return cpu_lacks_avx512() and not tf.config.list_physical_devices("GPU")


class SameConv2D(tf.keras.layers.Conv2D):
    """Keras's `Conv2D` with stride 1, odd size and padding "same", by `same_convolution`."""

    @unconverted
    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        # The custom gradient cannot use a replica's or a half-precision view of a variable.
        outputs = same_convolution(inputs, tf.convert_to_tensor(self.kernel), training)
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, self.bias)
        return self.activation(outputs)
