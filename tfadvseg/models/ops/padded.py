"""Convolutions with equal zero padding on every side, as PyTorch's `padding`.

TensorFlow's "same" pads an even size by less in front if a convolution strides. A separate padding
layer would keep a second copy of its input for the backward pass.
"""

from typing import Any

import tensorflow as tf


class PaddedConv2D(tf.keras.layers.Conv2D):
    """Keras's `Conv2D` with `margin` rows and columns of zeros around the map.

    [B,H,W,C] to [B,(H + 2 * margin - size) // stride + 1,...,filters].
    """

    def __init__(
        self, filters: int, kernel_size: int, strides: int, margin: int, **kwargs: Any
    ) -> None:
        super().__init__(filters, kernel_size, strides, **kwargs)
        self.margin = margin

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        around = [self.margin, self.margin]
        return tf.nn.conv2d(inputs, kernel, self.strides, [[0, 0], around, around, [0, 0]])

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        batch, *size, channels = tf.TensorShape(input_shape)
        padded = [None if length is None else length + 2 * self.margin for length in size]
        return super().compute_output_shape(tf.TensorShape([batch, *padded, channels]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin}
