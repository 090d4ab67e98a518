"""FCN-8s (Long et al. 2015, arXiv 1411.4038) on a VGG-16 body (Simonyan and Zisserman 2014)."""

import tensorflow as tf

from tfadvseg.config.segmenter import Upsampling
from tfadvseg.models.backbone_weights import load_backbone_weights
from tfadvseg.models.layers import PadToMultiple, cropped_logits
from tfadvseg.models.ops.convolution import SameConv2D
from tfadvseg.models.ops.upsampling import bilinear_kernel, upsample

VGG16_CONVOLUTIONS = (2, 2, 3, 3, 3)


def fcn8s(
    image_channels: int,
    output_channels: int,
    width: int = 64,
    upsampling: Upsampling = "transposed",
    backbone_weights: str | None = None,
) -> tf.keras.Model:
    """Scores at 1/32, 1/16 and 1/8 of the resolution, added while upsampling.

    VGG-16 with its dense layers as convolutions (7x7 and 1x1, 64 * `width` filters); class scores
    from the last one and from the third and fourth poolings. `transposed` upsampling is initialised
    as bilinear interpolation and learned; its kernels are twice the stride, 4 and 16. `resize`
    interpolates bilinearly and convolves 3x3.

    Unlike in the paper, no convolution pads by 100 pixels, because images are padded by mirroring,
    and there is no dropout.

    Args:
        image_channels: channels of the input.
        output_channels: logits per pixel.
        width: filters of VGG's first block; 64 is VGG-16.
        upsampling: `transposed` or `resize`.
        backbone_weights: HDF5 file of VGG-16's 13 convolutions, in the format of Keras and KerasCV.

    Returns:
        A model from normalised images, [B,H,W,image_channels] of any height and width, to logits,
        [B,H,W,output_channels] float32. Sizes that are not multiples of 32 are padded by
        mirroring and the logits cropped.

    Raises:
        UserError: `backbone_weights` cannot be read or does not fit.
    """
    images = tf.keras.Input((None, None, image_channels), name="image")
    body = vgg16(image_channels, width)
    if backbone_weights is not None:
        load_backbone_weights(body, backbone_weights)
    pool3, pool4, x = body(PadToMultiple(32, name="pad")(images))
    x = _convolution(x, 64 * width, 7, "fc6")
    x = _convolution(x, 64 * width, 1, "fc7")
    x = tf.keras.layers.Conv2D(output_channels, 1, name="score7")(x)
    for features, name in ((pool4, "score4"), (pool3, "score3")):
        score = tf.keras.layers.Conv2D(output_channels, 1, name=name)(features)
        x = _upsample_scores(x, 2, upsampling, f"{name}_up")
        x = tf.keras.layers.Add(name=f"{name}_sum")([x, score])
    logits = _upsample_scores(x, 8, upsampling, "logits")
    return tf.keras.Model(images, cropped_logits(logits, images), name="fcn8s")


def vgg16(image_channels: int, width: int = 64) -> tf.keras.Model:
    """VGG-16 without its dense layers.

    Returns:
        A model from [B,H,W,image_channels] to the outputs of its third, fourth and fifth
        poolings: [B,H/8,W/8,4*width], [B,H/16,W/16,8*width] and [B,H/32,W/32,8*width].
    """
    images = tf.keras.Input((None, None, image_channels), name="vgg16_image")
    x = images
    poolings = []
    for block, count in enumerate(VGG16_CONVOLUTIONS, start=1):
        for index in range(1, count + 1):
            filters = width * min(2 ** (block - 1), 8)
            x = _convolution(x, filters, 3, f"block{block}_conv{index}")
        x = tf.keras.layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
        poolings.append(x)
    return tf.keras.Model(images, poolings[2:], name="vgg16")


def _convolution(x: tf.Tensor, filters: int, kernel: int, name: str) -> tf.Tensor:
    return SameConv2D(
        filters,
        kernel,
        padding="same",
        activation="relu",
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _upsample_scores(x: tf.Tensor, stride: int, upsampling: Upsampling, name: str) -> tf.Tensor:
    classes = x.shape[-1]
    if upsampling == "resize":
        return upsample(x, classes, stride, 3, "resize", name)
    initializer = tf.keras.initializers.Constant(bilinear_kernel(stride, classes))
    return upsample(x, classes, stride, 2 * stride, "transposed", name, initializer=initializer)
