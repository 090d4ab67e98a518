"""Discriminators: from D's input maps to real-or-fake logits.

Every D returns logits [B,h,w,1] float32; a D with one logit per window returns [B,1,1,1].
"""

import tensorflow as tf

from tfadvseg.compat.addons import tfa
from tfadvseg.config import DiscriminatorConfig
from tfadvseg.models.fc_discriminator import fc_discriminator
from tfadvseg.models.layers import LeakyReLU
from tfadvseg.models.pooled_discriminator import pooled_discriminator
from tfadvseg.models.segan_critic import segan_critic
from tfadvseg.models.unet import downward_path


def encoder_discriminator(
    size: tuple[int, int], channels: int, width: int = 32, depth: int = 4
) -> tf.keras.Model:
    """The U-Net's contracting path with batch norm, and one logit from the flattened features.

    The D of the ISBI 2012 experiment. For 128x128x1, width 32 and depth 4 it has 4,748,385
    trainable parameters with biases before each batch norm, 4,746,401 without. Flattening fixes the
    input size.

    Args:
        size: (height, width) of the maps, multiples of 2**depth.
        channels: channels of the maps.
        width: filters of the first level, doubling at each pooling.
        depth: number of 2x2 poolings.

    Returns:
        A model from [B,height,width,channels] float to logits [B,1,1,1] float32.

    Raises:
        ValueError: `size` is not a multiple of 2**depth.
    """
    if any(n % 2**depth for n in size):
        raise ValueError(f"size {size}: must be a multiple of {2**depth} for depth {depth}.")
    maps = tf.keras.Input((*size, channels), name="map")
    x = tf.keras.layers.Flatten(name="flatten")(downward_path(maps, width, depth)[-1])
    logits = tf.keras.layers.Dense(1, name="logit")(x)
    logits = tf.keras.layers.Reshape((1, 1, 1), dtype="float32", name="logits")(logits)
    return tf.keras.Model(maps, logits, name="encoder_discriminator")


def patch_discriminator(
    channels: int, width: int = 32, depth: int = 3, spectral_norm: bool = False
) -> tf.keras.Model:
    """A fully convolutional D that classifies overlapping patches (Isola et al. 2017, 1611.07004).

    `depth` 4x4 convolutions with stride 2 and LeakyReLU(0.2), starting with `width` filters and
    doubling, then one 3x3 convolution to a logit. There is no batch norm, so the images of a batch
    do not affect each other.

    Args:
        channels: channels of the maps.
        width: filters of the first convolution.
        depth: number of halvings.
        spectral_norm: divide each kernel by its largest singular value (Miyato et al. 2018,
            1802.05957), estimated by one power iteration at each call in training mode.

    Returns:
        A model from [B,H,W,channels] float to logits [B,ceil(H/2**depth),ceil(W/2**depth),1]
        float32.
    """

    def convolution(filters: int, kernel: int, strides: int, name: str) -> tf.keras.layers.Layer:
        layer = tf.keras.layers.Conv2D(
            filters, kernel, strides, "same", kernel_initializer="he_normal", name=name
        )
        if not spectral_norm:
            return layer
        # The wrapper writes the normalised kernel back: in less than float32 that would round away
        # D's updates. The convolution itself keeps the policy's precision.
        return tfa.layers.SpectralNormalization(
            layer, name=f"{name}_spectral", dtype="float32", autocast=False
        )

    maps = tf.keras.Input((None, None, channels), name="map")
    x = maps
    for level in range(depth):
        x = convolution(width * 2**level, 4, 2, f"conv{level}")(x)
        x = LeakyReLU(name=f"relu{level}")(x)
    logits = convolution(1, 3, 1, "logit")(x)
    logits = tf.keras.layers.Activation("linear", dtype="float32", name="logits")(logits)
    return tf.keras.Model(maps, logits, name="patch_discriminator")


def build_discriminator(
    config: DiscriminatorConfig, size: tuple[int, int], channels: int
) -> tf.keras.Model:
    """Builds D in the current precision policy and strategy, for maps [B,*size,channels]."""
    return DISCRIMINATORS[config.discriminator](config, size, channels)


def _encoder(config: DiscriminatorConfig, size: tuple[int, int], channels: int) -> tf.keras.Model:
    return encoder_discriminator(size, channels, config.d_width, config.d_depth)


def _patch(config: DiscriminatorConfig, size: tuple[int, int], channels: int) -> tf.keras.Model:
    del size
    return patch_discriminator(channels, config.d_width, config.d_depth, config.d_spectral_norm)


def _fc(config: DiscriminatorConfig, size: tuple[int, int], channels: int) -> tf.keras.Model:
    del size
    return fc_discriminator(channels, config.d_width)


def _pooled(config: DiscriminatorConfig, size: tuple[int, int], channels: int) -> tf.keras.Model:
    return pooled_discriminator(size, channels, config.d_width, config.d_dropout)


def _critic(config: DiscriminatorConfig, size: tuple[int, int], channels: int) -> tf.keras.Model:
    del size
    return segan_critic(channels, config.d_width)


DISCRIMINATORS = {
    "encoder": _encoder,
    "patch": _patch,
    "fc": _fc,
    "pooled": _pooled,
    "critic": _critic,
}
"""Builders, functions of (config, size, channels), by the value of `--discriminator`."""


def has_batch_norm(discriminator: tf.keras.Model) -> bool:
    """Whether D normalises by batch statistics in training mode."""
    return any(
        isinstance(layer, tf.keras.layers.BatchNormalization) for layer in discriminator.layers
    )


def fitting_window(discriminator: tf.keras.Model, maps: tf.Tensor) -> tf.Tensor | None:
    """The central window of maps that has D's own input size.

    Args:
        discriminator: takes [B,h,w,C]; h and w are None if it takes any size.
        maps: [B,H,W,C].

    Returns:
        [B,h,w,C], or `maps` itself if D takes any size; None if the maps are smaller than D's size,
        or their size is unknown when the graph is built.
    """
    height, width = discriminator.input_shape[1:3]
    if height is None:
        return maps
    rows, columns = maps.shape[1:3]
    if rows is None or columns is None or rows < height or columns < width:
        return None
    top, left = (rows - height) // 2, (columns - width) // 2
    return maps[:, top : top + height, left : left + width]
