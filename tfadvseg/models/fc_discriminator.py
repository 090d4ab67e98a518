"""The fully convolutional discriminator of Tsai et al. (CVPR 2018, arXiv 1802.10349), 4.1."""

import tensorflow as tf

from tfadvseg.models.layers import LeakyReLU, torch_bias_initializer, torch_kernel_initializer
from tfadvseg.models.ops.padded import PaddedConv2D

LAYERS = 5


def fc_discriminator(channels: int, width: int = 64) -> tf.keras.Model:
    """Five 4x4 convolutions with stride 2, after DCGAN (Radford et al. 2015) without batch norm.

    `width` filters, doubling three times, then one; LeakyReLU(0.2) in between. One zero is padded
    on every side, so that each convolution halves a size and rounds down. Initial weights follow
    PyTorch's defaults.

    Args:
        channels: channels of the maps, one per class.
        width: filters of the first convolution.

    Returns:
        A model from maps [B,H,W,channels] float, H and W at least 32, to logits
        [B,H//32,W//32,1] float32.
    """
    maps = tf.keras.Input((None, None, channels), name="map")
    x, fan_in = maps, 16 * channels
    for index in range(LAYERS):
        last = index == LAYERS - 1
        filters = 1 if last else width * 2**index
        name = "classifier" if last else f"conv{index + 1}"
        x = PaddedConv2D(
            filters,
            4,
            2,
            margin=1,
            kernel_initializer=torch_kernel_initializer(),
            bias_initializer=torch_bias_initializer(fan_in),
            name=name,
        )(x)
        if not last:
            x = LeakyReLU(name=f"relu{index + 1}")(x)
        fan_in = 16 * filters
    logits = tf.keras.layers.Activation("linear", dtype="float32", name="logits")(x)
    return tf.keras.Model(maps, logits, name="fc_discriminator")
