"""The discriminator of deep adversarial networks (Zhang et al., MICCAI 2017), as SSL4MIS has it."""

import tensorflow as tf

from tfadvseg.models.layers import LeakyReLU, torch_bias_initializer, torch_kernel_initializer
from tfadvseg.models.ops.channel_dropout import ChannelDropout
from tfadvseg.models.ops.padded import PaddedConv2D

HALVINGS = 4
POOL = 7


def pooled_discriminator(
    size: tuple[int, int], channels: int, width: int = 64, dropout: float = 0.5
) -> tf.keras.Model:
    """Four 4x4 convolutions of stride 2, average pooling, and one logit for the whole window.

    `width` filters, doubling three times. As published no activation follows the first
    convolution; LeakyReLU(0.2) follows the others, and dropout of whole channels the second and
    the third. Maps are pooled over 7x7 cells, or half a side where that is less, without overlap;
    the rest of a side is left out. The published network has a convolution of the map and one of
    the image and adds them, which is one convolution of both concatenated; and two logits under
    softmax, of whose difference this is the logit. Its first biases and its last layer thereby
    count twice, so that under Adam they move twice as fast as these.

    Args:
        size: (height, width) of the maps, each at least 32; it fixes the number of features.
        channels: channels of the maps.
        width: filters of the first convolution.
        dropout: probability with which a channel is dropped in training.

    Returns:
        A model from maps [B,height,width,channels] float to logits [B,1,1,1] float32.

    Raises:
        ValueError: `size` is too small.
    """
    if min(size) < 2 * 2**HALVINGS:
        raise ValueError(f"size {size}: each side must be at least {2 * 2**HALVINGS}.")
    maps = tf.keras.Input((*size, channels), name="map")
    x, fan_in = maps, 16 * channels
    for index in range(HALVINGS):
        filters = width * 2**index
        x = PaddedConv2D(
            filters,
            4,
            2,
            margin=1,
            kernel_initializer=torch_kernel_initializer(),
            bias_initializer=torch_bias_initializer(fan_in),
            name=f"conv{index + 1}",
        )(x)
        if index:
            x = LeakyReLU(name=f"relu{index + 1}")(x)
        if index in (1, 2):
            x = ChannelDropout(dropout, name=f"dropout{index + 1}")(x)
        fan_in = 16 * filters
    pool = tuple(min(POOL, length // 2) for length in x.shape[1:3])
    x = tf.keras.layers.AveragePooling2D(pool, name="pool")(x)
    x = tf.keras.layers.Flatten(name="flatten")(x)
    logits = tf.keras.layers.Dense(
        1,
        kernel_initializer=torch_kernel_initializer(),
        bias_initializer=torch_bias_initializer(x.shape[-1]),
        name="classifier",
    )(x)
    logits = tf.keras.layers.Reshape((1, 1, 1), dtype="float32", name="logits")(logits)
    return tf.keras.Model(maps, logits, name="pooled_discriminator")
