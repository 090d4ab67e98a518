"""The critic of SegAN (Xue et al. 2018, arXiv 1706.01805): a network that returns its features."""

import tensorflow as tf

from tfadvseg.models.layers import LeakyReLU, batch_norm
from tfadvseg.models.ops.padded import PaddedConv2D

LAYERS = ((7, 3, 1), (5, 2, 2), (4, 1, 4), (4, 1, 8), (4, 1, 8), (3, 1, 8))
"""Kernel size, zeros on each side, and filters in multiples of the width, of each convolution."""


def segan_critic(channels: int, width: int = 64) -> tf.keras.Model:
    """Six convolutions of stride 2 with LeakyReLU(0.2), batch norm in all but the first.

    The published code builds global convolution blocks as well, which its forward pass never
    uses; they are left out. Initial kernels are normal with deviation 0.02, scales of batch norm
    1 with deviation 0.02.

    Args:
        channels: of the masked images.
        width: filters of the first convolution.

    Returns:
        A model from masked images [B,H,W,channels] float to a list of six features, float32,
        each half as high and wide as the one before, rounded up or down.
    """
    masked = tf.keras.Input((None, None, channels), name="masked_image")
    x, features = masked, []
    for index, (size, margin, multiple) in enumerate(LAYERS, 1):
        x = PaddedConv2D(
            width * multiple,
            size,
            2,
            margin=margin,
            use_bias=False,
            kernel_initializer=tf.keras.initializers.RandomNormal(0.0, 0.02),
            name=f"conv{index}",
        )(x)
        if index > 1:
            norm = batch_norm(f"norm{index}", momentum=0.9, epsilon=1e-5)
            norm.gamma_initializer = tf.keras.initializers.RandomNormal(1.0, 0.02)
            x = norm(x)
        x = LeakyReLU(name=f"relu{index}")(x)
        features.append(
            tf.keras.layers.Activation("linear", dtype="float32", name=f"feature{index}")(x)
        )
    return tf.keras.Model(masked, features, name="segan_critic")
