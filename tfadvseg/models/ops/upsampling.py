"""Learned upsampling, by transposed convolution or by interpolation and convolution."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfadvseg.config.segmenter import Upsampling, check_transposed_kernel


def upsample(
    x: tf.Tensor,
    filters: int,
    stride: int,
    kernel: int,
    upsampling: Upsampling,
    name: str,
    activation: str | None = None,
    initializer: Any = None,
    allow_checkerboard: bool = False,
) -> tf.Tensor:
    """Upsamples [B,h,w,C] to [B,h*stride,w*stride,filters].

    Interpolation is bilinear: XLA has no gradient for nearest-neighbour interpolation, and a 3x3
    convolution after it would first have to smooth its steps.

    Args:
        x: features.
        filters: channels of the result.
        stride: factor of height and width.
        kernel: kernel size of the convolution.
        upsampling: `resize`, bilinear interpolation and then a convolution (Odena et al. 2016);
            otherwise a transposed convolution.
        name: name of the layer that has weights.
        activation: activation of the convolution.
        initializer: initializer of its kernel; None selects one that suits the activation.
        allow_checkerboard: allow transposed kernels that are not a multiple of the stride.

    Raises:
        UserError: a transposed convolution would leave a checkerboard, and that is not allowed.
    """
    initializer = initializer or ("he_normal" if activation == "relu" else "glorot_uniform")
    if upsampling == "resize":
        x = tf.keras.layers.UpSampling2D(stride, interpolation="bilinear", name=f"{name}_resize")(x)
        return tf.keras.layers.Conv2D(
            filters,
            kernel,
            padding="same",
            activation=activation,
            kernel_initializer=initializer,
            name=name,
        )(x)
    check_transposed_kernel(kernel, stride, allow_checkerboard)
    return tf.keras.layers.Conv2DTranspose(
        filters,
        kernel,
        stride,
        padding="same",
        activation=activation,
        kernel_initializer=initializer,
        name=name,
    )(x)


def bilinear_kernel(stride: int, channels: int) -> np.ndarray:
    """Kernel of a transposed convolution that interpolates each channel bilinearly.

    Returns:
        [2*stride,2*stride,channels,channels] float32, for padding SAME; `stride` even
        (Long et al. 2015, section 3.3).
    """
    distance = np.abs(np.arange(2 * stride) - (2 * stride - 1) / 2) / stride
    taps = 1 - distance
    kernel = np.zeros((2 * stride, 2 * stride, channels, channels), np.float32)
    kernel[..., np.arange(channels), np.arange(channels)] = np.outer(taps, taps)[..., np.newaxis]
    return kernel
