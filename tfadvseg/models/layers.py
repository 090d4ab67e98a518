"""Layers shared by the networks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfadvseg.models.ops.convolution import same_convolution
from tfadvseg.models.ops.unconverted import unconverted


def batch_norm(name: str, momentum: float = 0.99, epsilon: float = 1e-3) -> tf.keras.layers.Layer:
    """Batch normalisation over the global batch (Ioffe and Szegedy 2015).

    If built under a strategy of several replicas, it normalises by the statistics over all of them,
    so that training does not depend on their number. With one replica it is Keras's fused
    operation, which is several times faster than the synchronised one. Both have the same
    variables; the moving variance differs by n / (n - 1), because only the fused one is unbiased.
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return tf.keras.layers.BatchNormalization(
        momentum=momentum, epsilon=epsilon, synchronized=replicas > 1, name=name
    )


def torch_kernel_initializer() -> tf.keras.initializers.Initializer:
    """Uniform in +-1 / sqrt(fan_in), PyTorch's default for the kernel of a convolution."""
    return tf.keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def torch_bias_initializer(fan_in: int) -> tf.keras.initializers.Initializer:
    """Uniform in +-1 / sqrt(fan_in), PyTorch's default for the bias of a convolution."""
    bound = fan_in**-0.5
    return tf.keras.initializers.RandomUniform(-bound, bound)


LEAKY_SLOPE = 0.2


class LeakyReLU(tf.keras.layers.Layer):
    """LeakyReLU(0.2) that keeps only its output for the backward pass.

    TensorFlow's keeps its input, which nothing else needs. Its bfloat16 gradient runs on one core
    of a CPU and takes a sixth of a U-Net's step; this one converts to float32 and back for that
    operation, which gives the same numbers, rounded once.
    """

    @unconverted
    def call(self, x: tf.Tensor) -> tf.Tensor:
        return _leaky_relu(x)


@tf.custom_gradient
def _leaky_relu(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    y = tf.nn.leaky_relu(x, LEAKY_SLOPE)
    slow = x.dtype == tf.bfloat16 and not tf.config.list_physical_devices("GPU")
    exact = tf.float32 if slow else x.dtype

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        # The output has the sign of the input.
        of_x = tf.raw_ops.LeakyReluGrad(
            gradients=tf.cast(upstream, exact), features=tf.cast(y, exact), alpha=LEAKY_SLOPE
        )
        return tf.cast(of_x, x.dtype)

    return y, gradient


class PadToMultiple(tf.keras.layers.Layer):
    """Mirrors the bottom and right edges until height and width are multiples of `multiple`.

    [B,H,W,C] of any size to [B,H',W',C]. For an image smaller than its padding, the remaining
    padding repeats the first row or column.
    """

    def __init__(self, multiple: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.multiple = multiple

    @unconverted
    def call(self, images: tf.Tensor) -> tf.Tensor:
        k = self.multiple
        static = images.shape
        if static[1:3].is_fully_defined() and static[1] % k == 0 and static[2] % k == 0:
            return images
        height, width = tf.shape(images)[1], tf.shape(images)[2]
        # (k - n % k) % k, not -n % k, because model converters truncate the modulo of negatives.
        rows = _mirrored(height, (k - height % k) % k)
        columns = _mirrored(width, (k - width % k) % k)
        padded = tf.gather(tf.gather(images, rows, axis=1), columns, axis=2)
        padded.set_shape([static[0], *(_round_up(n, k) for n in static[1:3]), static[3]])
        return padded

    def get_config(self) -> dict:
        return {**super().get_config(), "multiple": self.multiple}


def _mirrored(size: tf.Tensor, extra: tf.Tensor) -> tf.Tensor:
    """Indices 0 .. size - 1, then `extra` more counting down from size - 2, but not below 0."""
    beyond = tf.maximum(size - 2 - tf.range(extra), 0)
    return tf.concat([tf.range(size), beyond], axis=0)


def _round_up(size: int | None, multiple: int) -> int | None:
    return None if size is None else -(-size // multiple) * multiple


class CropLike(tf.keras.layers.Layer):
    """Crops [B,H',W',K] to the height and width of a second tensor, from the top left."""

    @unconverted
    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        maps, like = inputs
        if maps.shape[1:3].is_fully_defined() and maps.shape[1:3] == like.shape[1:3]:
            return maps
        size = tf.shape(like)
        return maps[:, : size[1], : size[2], :]


def cropped_logits(logits: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """The end of every S: logits [B,H',W',K] in any precision to float32 with the images' size."""
    logits = tf.keras.layers.Activation("linear", dtype="float32", name="logits_float32")(logits)
    return CropLike(name="crop", dtype="float32")([logits, images])


# Nearest upsampling by 2 followed by a 3-tap convolution: each output is a sum over two inputs,
# with weights that are sums of the three taps. Row j gives tap j of the equivalent transposed
# convolution with stride 2: for taps (k0, k1, k2) it is (k2, k1 + k2, k0 + k1, k0).
_FOLD = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], np.float32)
_FOLD_2D = np.kron(_FOLD, _FOLD)


class UpConcatConv(tf.keras.layers.Layer):
    """conv3x3(concat(upsample2(u), skip)) without the upsampling and the concatenation.

    Maps (u [B,h,w,Cu], skip [B,2h,2w,Cs]) to [B,2h,2w,filters]. The kernel is that of the plain
    3x3 convolution, [3,3,Cu+Cs,filters]; its part for `u` is folded into the 4x4 kernel of a
    transposed convolution with stride 2. The function and the weights are the same, with about a
    fifth fewer operations for the whole U-Net; unlike nearest upsampling, its gradient compiles
    under XLA. There is no bias, because a batch norm follows.
    """

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape: tuple[tf.TensorShape, tf.TensorShape]) -> None:
        below, skip = input_shape
        self.kernel = self.add_weight(
            "kernel",
            shape=(3, 3, below[-1] + skip[-1], self.filters),
            initializer="he_normal",
        )

    @unconverted
    def call(self, inputs: tuple[tf.Tensor, tf.Tensor], training: bool | None = None) -> tf.Tensor:
        below, skip = inputs
        kernel_below, kernel_skip = tf.split(self.kernel, [below.shape[-1], skip.shape[-1]], axis=2)
        channels = below.shape[-1]
        # One product of [16,9] and [9,channels*filters], which is faster than an einsum.
        fold = tf.cast(_FOLD_2D, kernel_below.dtype)
        folded = tf.matmul(fold, tf.reshape(kernel_below, [9, channels * self.filters]))
        folded = tf.transpose(tf.reshape(folded, [4, 4, channels, self.filters]), [0, 1, 3, 2])
        size = tf.shape(skip)
        upsampled = tf.nn.conv2d_transpose(
            below, folded, [size[0], size[1], size[2], self.filters], strides=2
        )
        upsampled.set_shape([*skip.shape[:3], self.filters])
        return upsampled + same_convolution(skip, kernel_skip, training)

    def get_config(self) -> dict:
        return {**super().get_config(), "filters": self.filters}
