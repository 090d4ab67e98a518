"""Dilated convolutions that also train fast on CPUs.

TensorFlow has no CPU kernel for their gradients: it rearranges space into batches, padded to
multiples of the rate, which takes up to ten times as long as the convolution itself unless the rate
is small compared with the map. Both gradients are plain computations, however: that of the input is
again a dilated convolution, that of the kernel is one matrix product per tap.
"""

import tensorflow as tf


def dilated_convolution(x: tf.Tensor, kernel: tf.Tensor, rate: int) -> tf.Tensor:
    """A convolution with stride 1 and zeros around the map, so that it keeps its size.

    Args:
        x: [B,H,W,C] float.
        kernel: [k,k,C,F] of the same type, k odd.
        rate: distance between taps, in pixels.

    Returns:
        [B,H,W,F].
    """

    def forward(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return _convolved(x, kernel, rate)

    @tf.custom_gradient
    def convolution(x: tf.Tensor, kernel: tf.Tensor) -> tuple:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # Otherwise the parts without the upstream gradient would run in the forward pass and be
            # kept in memory.
            with tf.control_dependencies([upstream]):
                of_kernel = _kernel_gradient(x, upstream, kernel.shape, rate)
            # The kernel's first, because it is the last to need x.
            with tf.control_dependencies([of_kernel]):
                if rate == 1:  # TensorFlow's own operation, which needs no copy of the kernel
                    size = tf.shape(x)
                    of_x = tf.nn.conv2d_transpose(upstream, kernel, size, 1, padding="SAME")
                else:
                    of_x = forward(upstream, tf.transpose(kernel[::-1, ::-1], [0, 1, 3, 2]))
                return of_x, of_kernel

        return forward(x, kernel), gradient

    return convolution(x, kernel)


def _convolved(x: tf.Tensor, kernel: tf.Tensor, rate: int) -> tf.Tensor:
    """The convolution with explicit padding, as ONNX Runtime has no "SAME" for dilated ones."""
    around = [rate * (int(kernel.shape[0]) // 2)] * 2
    return tf.nn.conv2d(x, kernel, 1, [[0, 0], around, around, [0, 0]], dilations=rate)


def _kernel_gradient(
    x: tf.Tensor, upstream: tf.Tensor, shape: tf.TensorShape, rate: int
) -> tf.Tensor:
    """Gradient of sum(convolution * upstream), [B,H,W,F], with respect to the kernel."""
    size, _, channels, filters = shape
    margin = rate * (size // 2)
    padded = tf.pad(x, [[0, 0], [margin, margin], [margin, margin], [0, 0]])
    extent = tf.shape(x)
    flat = tf.reshape(upstream, [-1, filters])
    taps: list[tf.Tensor] = []
    for row in range(size):
        for column in range(size):
            # One after another, because shifted copies together would take k * k times the memory.
            with tf.control_dependencies(taps[-1:]):
                seen = tf.slice(padded, [0, row * rate, column * rate, 0], extent)
                taps.append(tf.matmul(tf.reshape(seen, [-1, channels]), flat, transpose_a=True))
    return tf.reshape(tf.stack(taps), shape)


class DilatedConv2D(tf.keras.layers.Conv2D):
    """Keras's `Conv2D` with stride 1, odd size and padding "same".

    On CPUs it uses `dilated_convolution`.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        # The custom gradient cannot use a replica's or a half-precision view of a variable.
        kernel, rate = tf.convert_to_tensor(kernel), self.dilation_rate[0]
        if tf.config.list_physical_devices("GPU"):
            return _convolved(inputs, kernel, rate)
        return dilated_convolution(inputs, kernel, rate)
