"""Two small networks for CamVid: an encoder of strided convolutions, and two decoders.

After the CamVid demonstration in LambdaColdStorage's lambda-deep-learning-demo. Neither has batch
norm: both consist of 4x4 convolutions with stride 2 and ReLU, down and up.
"""

from functools import partial

import tensorflow as tf

from tfadvseg.config.segmenter import Upsampling
from tfadvseg.models.layers import PadToMultiple, cropped_logits
from tfadvseg.models.ops.upsampling import upsample

ENCODER_KERNEL = 4


def strided(
    image_channels: int,
    output_channels: int,
    skips: bool,
    width: int = 32,
    depth: int = 4,
    upsampling: Upsampling = "transposed",
    up_kernel: int = 4,
    allow_checkerboard: bool = False,
) -> tf.keras.Model:
    """`depth` halvings, then `depth` doublings: the FCN, or the strided U-Net if `skips`.

    Args:
        image_channels: channels of the input.
        output_channels: logits per pixel.
        skips: whether the encoder's features of the same resolution are concatenated after each
            doubling. The last doubling reaches the image's resolution, where the encoder has no
            features, and gives the logits.
        width: filters of the first convolution, doubling with each.
        depth: number of 4x4 convolutions of stride 2.
        upsampling: `transposed` convolutions of stride 2, or `resize`: interpolate and convolve.
        up_kernel: kernel size of these convolutions.
        allow_checkerboard: allow transposed convolutions that cover pixels unevenly.

    Returns:
        A model from normalised images, [B,H,W,image_channels] of any height and width, to logits,
        [B,H,W,output_channels] float32. Sizes that are not multiples of 2**depth are padded by
        mirroring and the logits cropped.

    Raises:
        UserError: a transposed convolution would leave a checkerboard, and that is not allowed.
    """
    up = partial(
        upsample,
        stride=2,
        kernel=up_kernel,
        upsampling=upsampling,
        allow_checkerboard=allow_checkerboard,
    )
    images = tf.keras.Input((None, None, image_channels), name="image")
    x = PadToMultiple(2**depth, name="pad")(images)
    levels = []
    for level in range(depth):
        x = tf.keras.layers.Conv2D(
            width * 2**level,
            ENCODER_KERNEL,
            2,
            "same",
            activation="relu",
            kernel_initializer="he_normal",
            name=f"down{level}",
        )(x)
        levels.append(x)
    for level in reversed(range(depth - 1)):
        x = up(x, width * 2**level, name=f"up{level}", activation="relu")
        if skips:
            x = tf.keras.layers.Concatenate(name=f"join{level}")([x, levels[level]])
    logits = up(x, output_channels, name="logits")
    name = "strided_unet" if skips else "fcn"
    return tf.keras.Model(images, cropped_logits(logits, images), name=name)
