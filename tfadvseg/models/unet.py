"""U-Net (Ronneberger et al. 2015, arXiv 1505.04597) with batch norm, and its contracting path."""

import tensorflow as tf

from tfadvseg.models.layers import (
    LeakyReLU,
    PadToMultiple,
    UpConcatConv,
    batch_norm,
    cropped_logits,
)
from tfadvseg.models.ops.convolution import SameConv2D


def normalised_activation(x: tf.Tensor, name: str) -> tf.Tensor:
    """Batch norm, then LeakyReLU(0.2)."""
    x = batch_norm(f"{name}_norm")(x)
    return LeakyReLU(name=f"{name}_relu")(x)


def convolution_block(x: tf.Tensor, filters: int, name: str) -> tf.Tensor:
    """3x3 convolution (he_normal), batch norm, LeakyReLU(0.2): [B,h,w,C] to [B,h,w,filters].

    The convolution has no bias: batch norm would subtract it again, but an optimizer with momentum
    would still move it.
    """
    x = SameConv2D(
        filters,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return normalised_activation(x, name)


def downward_path(x: tf.Tensor, width: int, depth: int) -> list[tf.Tensor]:
    """Features of `depth + 1` levels, two convolutions each, 2x2 max-pooling between them.

    Level i has width * 2**i channels and 1 / 2**i of the resolution of `x`, whose height and
    width are multiples of 2**depth.
    """
    levels = []
    for level in range(depth + 1):
        if level:
            x = tf.keras.layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
        for index in (1, 2):
            x = convolution_block(x, width * 2**level, f"down{level}_{index}")
        levels.append(x)
    return levels


def unet(
    image_channels: int, output_channels: int, width: int = 32, depth: int = 4
) -> tf.keras.Model:
    """The U-Net of the ISBI 2012 experiment.

    Per level, two 3x3 convolutions with batch norm and LeakyReLU(0.2); `depth` 2x2 poolings;
    nearest upsampling concatenated with the level's features; a 1x1 convolution at the end.
    Upsampling, concatenation and the following convolution are one layer, `UpConcatConv`: the same
    function, faster. With biases before each batch norm, where they have no effect, (1 channel, 1
    output, 32, 4) would have 7,851,969 trainable parameters; without them it has 7,849,025.

    Args:
        image_channels: channels of the input.
        output_channels: logits per pixel.
        width: filters of the first level, doubling with each pooling.
        depth: number of poolings.

    Returns:
        A model from normalised images, [B,H,W,image_channels] of any height and width, to logits,
        [B,H,W,output_channels] float32. Sizes that are not multiples of 2**depth are padded by
        mirroring and the logits cropped.
    """
    images = tf.keras.Input((None, None, image_channels), name="image")
    padded = PadToMultiple(2**depth, name="pad")(images)
    *skips, x = downward_path(padded, width, depth)
    for level in reversed(range(depth)):
        name = f"up{level}_1"
        x = UpConcatConv(width * 2**level, name=f"{name}_conv")([x, skips[level]])
        x = normalised_activation(x, name)
        x = convolution_block(x, width * 2**level, f"up{level}_2")
    logits = tf.keras.layers.Conv2D(output_channels, 1, name="logits")(x)
    return tf.keras.Model(images, cropped_logits(logits, images), name="unet")
