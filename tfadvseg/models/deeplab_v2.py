"""DeepLab-v2 on a dilated ResNet (Chen et al. 2016, arXiv 1606.00915), with one or two levels.

The network of Tsai et al. (CVPR 2018, arXiv 1802.10349): classifiers after stages 3 and 4, output
stride 8, batch norm with a fixed scale and offset.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfadvseg.config.segmenter import BatchNormMode, StridePlace
from tfadvseg.models.multi_level import ATROUS_RATES, MultiLevelSegmenter
from tfadvseg.models.ops.dilated import DilatedConv2D
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, Domain, FrozenAffineBatchNorm
from tfadvseg.models.ops.padded import PaddedConv2D

RESNET101 = (3, 4, 23, 3)
RESNET50 = (3, 4, 6, 3)
TINY = (1, 1, 1, 1)
"""Numbers of bottlenecks in the four stages."""

EXPANSION = 4

RECOMPUTED_BLOCKS = 4
"""Number of consecutive bottlenecks that are recomputed together: small enough that they hold
little in the backward pass, large enough that few inputs are kept throughout."""


def deeplab_v2(
    image_channels: int,
    output_channels: int,
    blocks: tuple[int, int, int, int] = RESNET101,
    multi_level: bool = True,
    branches: int = len(ATROUS_RATES),
    batch_norm: BatchNormMode = "published",
    stride_place: StridePlace = "1x1",
    width: int = 64,
    recompute: bool = False,
) -> MultiLevelSegmenter:
    """Builds the segmenter in the current precision policy and strategy.

    Args:
        image_channels: channels of the input.
        output_channels: K, logits per pixel.
        blocks: bottlenecks per stage (`RESNET101`, `RESNET50`, `TINY`).
        multi_level: also classify after stage 3. Without it that classifier is not built.
        branches: number of a classifier's four branches that are summed.
        batch_norm: what batch norm does in training.
        stride_place: the convolution of a bottleneck that strides.
        width: filters of the first convolution; stage i has 4 * width * 2**(i - 1) channels.
        recompute: recompute the stages' activations in the backward pass instead of keeping them
            (`recomputed`).

    Returns:
        A model whose `level_logits` are [B,h,w,K] float32, of stage 3 (if `multi_level`) and of
        stage 4, with h = ((H + 1) // 2 // 2 + 2) // 2, that is H / 8 plus at most 1, and the same
        for w.
    """
    body = ResNetBody(blocks, multi_level, batch_norm, stride_place, width, recompute, name="body")
    levels = 2 if multi_level else 1
    return MultiLevelSegmenter(
        body, levels, image_channels, output_channels, branches, name="deeplab_v2"
    )


def max_pool_ceil(x: tf.Tensor, training: bool) -> tf.Tensor:
    """3x3 max-pooling with stride 2 and padding 1, as PyTorch's `ceil_mode`.

    [B,H,W,C] without negative values to [B,H//2+1,W//2+1,C]. Two rows of padding at the end work
    for
    every height: for an even height the last window has one true row, for an odd height no window
    reaches the second. In inference the padding is explicit zeros, which do not change the maximum
    here, because TFLite has no pooling with explicit padding. In training they would need a copy.
    """
    margins = [[0, 0], [1, 2], [1, 2], [0, 0]]
    if training:
        return tf.nn.max_pool2d(x, 3, 2, padding=margins)
    return tf.nn.max_pool2d(tf.pad(x, margins), 3, 2, padding="VALID")


def _convolution(
    filters: int, size: int, stride: int = 1, dilation: int = 1, name: str = ""
) -> tf.keras.layers.Conv2D:
    options = {"use_bias": False, "kernel_initializer": "he_normal", "name": name}
    if stride > 1:
        return PaddedConv2D(filters, size, stride, margin=size // 2, **options)
    layer = DilatedConv2D if dilation > 1 else tf.keras.layers.Conv2D
    return layer(filters, size, padding="same", dilation_rate=dilation, **options)


class Bottleneck(tf.keras.layers.Layer):
    """1x1, 3x3 and 1x1 convolutions around a shortcut (He et al. 2015, arXiv 1512.03385, fig. 5).

    [B,H,W,C] to [B,ceil(H/stride),ceil(W/stride),4*width]. The shortcut is a strided 1x1
    convolution with batch norm if `project`, otherwise the input itself. Without `moves`, batch
    norm does not update its statistics.
    """

    def __init__(
        self,
        width: int,
        stride: int,
        dilation: int,
        project: bool,
        batch_norm: BatchNormMode,
        stride_place: StridePlace,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        stride1, stride2 = (stride, 1) if stride_place == "1x1" else (1, stride)
        self.conv1 = _convolution(width, 1, stride1, name="conv1")
        self.bn1 = FrozenAffineBatchNorm(batch_norm, name="bn1")
        self.conv2 = _convolution(width, 3, stride2, dilation, name="conv2")
        self.bn2 = FrozenAffineBatchNorm(batch_norm, name="bn2")
        self.conv3 = _convolution(EXPANSION * width, 1, name="conv3")
        self.bn3 = FrozenAffineBatchNorm(batch_norm, name="bn3")
        self.shortcut_conv: tf.keras.layers.Layer | None = None
        if project:
            self.shortcut_conv = _convolution(EXPANSION * width, 1, stride, name="shortcut_conv")
            self.shortcut_bn = FrozenAffineBatchNorm(batch_norm, name="shortcut_bn")

    def build(self, input_shape: tf.TensorShape) -> None:
        shape = tf.TensorShape(input_shape)
        for convolution, norm in (
            (self.conv1, self.bn1),
            (self.conv2, self.bn2),
            (self.conv3, self.bn3),
        ):
            for layer in (convolution, norm):
                with tf.name_scope(layer.name):
                    layer.build(shape)
                shape = shape[:-1].concatenate(convolution.filters)
        super().build(input_shape)

    def call(self, x: tf.Tensor, training: bool, domain: Domain, moves: bool = True) -> tf.Tensor:
        mode = {"training": training, "domain": domain, "moves": moves}
        y = _normalised(self.conv1(x), self.bn1, mode, self.conv2)
        y = _normalised(y, self.bn2, mode, self.conv3)
        y = self.bn3(y, **mode)
        if self.shortcut_conv is not None:
            x = self.shortcut_bn(self.shortcut_conv(x), **mode)
        return tf.nn.relu(x + y)


def _normalised(
    x: tf.Tensor,
    norm: FrozenAffineBatchNorm,
    mode: dict[str, Any],
    convolution: tf.keras.layers.Conv2D,
) -> tf.Tensor:
    """Batch norm, ReLU and a convolution that keep only x for the backward pass.

    Everything else that the convolution's gradient needs is recomputed from x: that is little work,
    and saves a sixth of the memory of a bottleneck. `mode` is passed to `norm`; the second run does
    not update its statistics.
    """

    def forward(x: tf.Tensor, kernel: tf.Tensor, mode: dict[str, Any]) -> tf.Tensor:
        return convolution.convolution_op(tf.nn.relu(norm(x, **mode)), kernel)

    @tf.custom_gradient
    def run(x: tf.Tensor, kernel: tf.Tensor) -> tuple:
        def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
            with tf.control_dependencies([upstream]), tf.GradientTape() as tape:
                tape.watch([x, kernel])
                y = forward(x, kernel, {**mode, "moves": False})
            return tape.gradient(y, [x, kernel], upstream)

        return forward(x, kernel, mode), gradient

    return run(x, tf.convert_to_tensor(convolution.kernel))


def recomputed(
    blocks: Sequence[Bottleneck], x: tf.Tensor, training: bool, domain: Domain
) -> tf.Tensor:
    """Consecutive bottlenecks that keep only their input for the backward pass.

    They run again in the backward pass (Chen et al. 2016, arXiv 1604.06174); only the first run
    updates batch norm's statistics.
    """
    runs = itertools.count()

    @tf.recompute_grad
    def run(x: tf.Tensor) -> tf.Tensor:
        moves = next(runs) == 0
        for block in blocks:
            x = block(x, training=training, domain=domain, moves=moves)
        return x

    return run(x)


class Stage(tf.keras.layers.Layer):
    """Consecutive bottlenecks; the first one projects its shortcut and strides."""

    def __init__(
        self,
        blocks: int,
        width: int,
        stride: int,
        dilation: int,
        batch_norm: BatchNormMode,
        stride_place: StridePlace,
        recompute: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.recompute = recompute
        self.blocks = [
            Bottleneck(
                width,
                stride if index == 0 else 1,
                dilation,
                index == 0,
                batch_norm,
                stride_place,
                name=f"block{index}",
            )
            for index in range(blocks)
        ]

    def call(self, x: tf.Tensor, training: bool, domain: Domain) -> tf.Tensor:
        if training and self.recompute:
            for start in range(0, len(self.blocks), RECOMPUTED_BLOCKS):
                x = recomputed(self.blocks[start : start + RECOMPUTED_BLOCKS], x, training, domain)
            return x
        for block in self.blocks:
            x = block(x, training=training, domain=domain)
        return x


class ResNetBody(tf.keras.layers.Layer):
    """A ResNet with output stride 8: stages 3 and 4 dilate by 2 and 4 instead of striding.

    Normalised images [B,H,W,C] float to the features of stage 4, [B,h,w,32*width], after those of
    stage 3, [B,h,w,16*width], if `multi_level`.
    """

    def __init__(
        self,
        blocks: tuple[int, int, int, int],
        multi_level: bool,
        batch_norm: BatchNormMode,
        stride_place: StridePlace,
        width: int,
        recompute: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.multi_level = multi_level
        self.stride_place = stride_place
        self.conv1 = _convolution(width, 7, 2, name="conv1")
        self.bn1 = FrozenAffineBatchNorm(batch_norm, name="bn1")
        self.stages = [
            Stage(
                count,
                width * 2**index,
                stride,
                dilation,
                batch_norm,
                stride_place,
                recompute,
                name=f"stage{index + 1}",
            )
            for index, (count, stride, dilation) in enumerate(
                zip(blocks, (1, 2, 1, 1), (1, 1, 2, 4), strict=True)
            )
        ]

    def call(
        self, images: tf.Tensor, training: bool, domain: Domain = SOURCE
    ) -> tuple[tf.Tensor, ...]:
        x = self.conv1(images)
        x = max_pool_ceil(tf.nn.relu(self.bn1(x, training=training, domain=domain)), training)
        features = []
        for stage in self.stages:
            x = stage(x, training=training, domain=domain)
            features.append(x)
        return tuple(features[-2:] if self.multi_level else features[-1:])
