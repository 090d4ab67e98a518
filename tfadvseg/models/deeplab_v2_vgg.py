"""DeepLab-v2 on VGG-16, the second body of Tsai et al. (CVPR 2018, arXiv 1802.10349), sec. 4.2."""

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tfadvseg.models.multi_level import (
    ATROUS_RATES,
    MultiLevelSegmenter,
)
from tfadvseg.models.ops.dilated import DilatedConv2D
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, Domain

BLOCKS = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))
"""(Number of 3x3 convolutions, filters as a multiple of the first block's) per block of VGG-16."""

HEAD = 2
"""fc6 and fc7, converted to convolutions."""


def deeplab_v2_vgg(
    image_channels: int,
    output_channels: int,
    branches: int = len(ATROUS_RATES),
    width: int = 64,
) -> MultiLevelSegmenter:
    """Builds the single-level segmenter in the current precision policy and strategy.

    Args:
        image_channels: channels of the input.
        output_channels: K, logits per pixel.
        branches: number of the classifier's four branches that are summed.
        width: filters of the first convolution.

    Returns:
        A model whose `level_logits` are a single map, [B,H//8,W//8,K] float32.
    """
    body = VGGBody(width, name="body")
    return MultiLevelSegmenter(
        body, 1, image_channels, output_channels, branches, name="deeplab_v2_vgg"
    )


class VGGBody(tf.keras.layers.Layer):
    """VGG-16 (Simonyan and Zisserman 2015) without its last two poolings, output stride 8.

    The fifth block dilates by 2; fc6 and fc7 are 3x3 convolutions with dilation 4. Normalised
    images [B,H,W,C] float to features ([B,H//8,W//8,16*width],). There is no batch norm, so the
    arguments `training` and `domain` have no effect.
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.blocks = [
            [
                _Convolution(
                    multiple * width, 2 if block == 4 else 1, f"conv{block + 1}_{index + 1}"
                )
                for index in range(count)
            ]
            for block, (count, multiple) in enumerate(BLOCKS)
        ]
        self.head = [_Convolution(16 * width, 4, f"fc{6 + index}") for index in range(HEAD)]

    def call(
        self, images: tf.Tensor, training: bool, domain: Domain = SOURCE
    ) -> tuple[tf.Tensor, ...]:
        del training, domain
        x = images
        for index, block in enumerate(self.blocks):
            for convolution in block:
                x = convolution(x)
            if index < 3:
                x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        for convolution in self.head:
            x = convolution(x)
        return (x,)

    def numbered_convolutions(self) -> Iterator[tuple[int, tf.keras.layers.Conv2D]]:
        """Each convolution with its index in a sequence that also counts ReLUs and poolings."""
        place = 0
        for index, block in enumerate([*self.blocks, self.head]):
            for convolution in block:
                yield place, convolution
                place += 2
            if index < 3:
                place += 1


class _Convolution(DilatedConv2D):
    """3x3 convolution and ReLU."""

    def __init__(self, filters: int, dilation: int, name: str) -> None:
        super().__init__(
            filters,
            3,
            padding="same",
            dilation_rate=dilation,
            activation="relu",
            kernel_initializer="he_normal",
            name=name,
        )
