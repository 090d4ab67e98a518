"""A segmenter with one classifier per level of its body (Tsai et al. 2018, sec. 3.3)."""

from typing import Any

import tensorflow as tf

from tfadvseg.models.layers import torch_bias_initializer
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, TARGET, Domain
from tfadvseg.models.ops.resampling import resize_aligned

ATROUS_RATES = (6, 12, 18, 24)
PUBLISHED_BRANCHES = 2
"""Branches that the published AdaptSegNet code sums: its loop returns in the first round."""


class AtrousClassifier(tf.keras.layers.Layer):
    """Atrous spatial pyramid pooling of DeepLab-v2 (Chen et al. 2016, arXiv 1606.00915, sec. 3.2).

    The sum of 3x3 convolutions with dilation 6, 12, 18 and 24, each directly to logits:
    [B,h,w,C] float to [B,h,w,K] float32. All four have weights; only the first `branches` are
    used and trained.
    """

    def __init__(self, output_channels: int, branches: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 1 <= branches <= len(ATROUS_RATES):
            raise ValueError(f"branches={branches}: must be 1 to {len(ATROUS_RATES)}.")
        self.output_channels = output_channels
        self.branches = branches

    def build(self, input_shape: tf.TensorShape) -> None:
        self.convolutions = []
        for index, rate in enumerate(ATROUS_RATES):
            convolution = tf.keras.layers.Conv2D(
                self.output_channels,
                3,
                padding="same",
                dilation_rate=rate,
                kernel_initializer=tf.keras.initializers.RandomNormal(stddev=0.01),
                bias_initializer=torch_bias_initializer(9 * input_shape[-1]),
                trainable=index < self.branches,
                name=f"rate{rate}",
            )
            # Unused ones are built as well, because published checkpoints contain their weights.
            # The scope gives the branches' variables different names, also in TensorBoard.
            with tf.name_scope(convolution.name):
                convolution.build(input_shape)
            self.convolutions.append(convolution)
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        used = self.convolutions[: self.branches]
        # A convolution is a sum of shifted 1x1 convolutions, one per tap of its kernel. All taps of
        # all branches together are one matrix product, which is faster on CPUs than dilated
        # convolutions whose rates exceed maps as small as these.
        taps = [tf.reshape(conv.kernel, [9, -1, self.output_channels]) for conv in used]
        kernel = tf.concat([tf.transpose(tap, [1, 0, 2]) for tap in taps], axis=1)
        kernel = tf.reshape(kernel, [1, 1, -1, 9 * len(used) * self.output_channels])
        maps = tf.nn.conv2d(features, tf.cast(kernel, features.dtype), 1, "VALID")
        parts = tf.split(tf.cast(maps, tf.float32), 9 * len(used), axis=-1)
        logits = tf.add_n([tf.cast(conv.bias, tf.float32) for conv in used])
        size = tf.shape(parts[0])
        for index, rate in enumerate(ATROUS_RATES[: self.branches]):
            for row in range(3):
                shifted = [
                    _shifted(parts[9 * index + 3 * row + column], 0, (column - 1) * rate, size)
                    for column in range(3)
                ]
                logits += _shifted(tf.add_n(shifted), (row - 1) * rate, 0, size)
        return logits

    def get_config(self) -> dict:
        arguments = {"output_channels": self.output_channels, "branches": self.branches}
        return {**super().get_config(), **arguments}


def _shifted(maps: tf.Tensor, down: int, right: int, size: tf.Tensor) -> tf.Tensor:
    """maps[:, y + down, x + right], with zeros outside; `size` is [B,h,w,K] of the maps."""
    margins = [[0, 0], [max(-down, 0), max(down, 0)], [max(-right, 0), max(right, 0)], [0, 0]]
    if not (down or right):
        return maps
    return tf.slice(tf.pad(maps, margins), [0, max(down, 0), max(right, 0), 0], size)


def level_count(model: tf.keras.Model) -> int:
    """Number of levels of a segmenter; 1 unless it is a `MultiLevelSegmenter`."""
    return len(model.classifiers) if isinstance(model, MultiLevelSegmenter) else 1


def level_logits(
    model: tf.keras.Model, images: tf.Tensor, training: bool, domain: Domain = SOURCE
) -> tuple[tf.Tensor, ...]:
    """`MultiLevelSegmenter.level_logits`; for other segmenters, their output as the only level."""
    if isinstance(model, MultiLevelSegmenter):
        return model.level_logits(images, training=training, domain=domain)
    return (model(images, training=training),)


class MultiLevelSegmenter(tf.keras.Model):
    """A body, one classifier per level, and aligned upsampling of the last level's logits.

    Called like any segmenter, it maps normalised images [B,H,W,C] float of any size to logits
    [B,H,W,K] float32. Training gets every level's logits from `level_logits`.

    Attributes:
        body: a layer, called with (images, training=, domain=), that returns a tuple of features
            [B,h,w,C] float, one per level; the last level is the network's output.
        classifiers: one `AtrousClassifier` per level.
    """

    def __init__(
        self,
        body: tf.keras.layers.Layer,
        levels: int,
        image_channels: int,
        output_channels: int,
        branches: int = len(ATROUS_RATES),
        **kwargs: Any,
    ) -> None:
        """Builds every variable, so that a checkpoint can be restored before the first image.

        Args:
            body: as above.
            levels: number of levels it returns.
            image_channels: channels of the images.
            output_channels: K, logits per pixel.
            branches: number of a classifier's four branches that are summed; the published
                AdaptSegNet weights were trained with `PUBLISHED_BRANCHES`.
        """
        super().__init__(**kwargs)
        self.body = body
        self.classifiers = [
            AtrousClassifier(output_channels, branches, name=f"classifier{level + 1}")
            for level in range(levels)
        ]
        self.build((None, None, None, image_channels))

    def level_logits(
        self, images: tf.Tensor, training: bool, domain: Domain = SOURCE
    ) -> tuple[tf.Tensor, ...]:
        """Logits of every level, [B,h,w,K] float32 each, at the network's own resolution.

        Args:
            images: normalised, [B,H,W,C] float.
            training: whether batch norm uses the batch's statistics (see `BatchNormMode`).
            domain: the domain whose moving statistics are used, if each has its own.
        """
        features = self.body(images, training=training, domain=domain)
        return tuple(
            classifier(maps) for classifier, maps in zip(self.classifiers, features, strict=True)
        )

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        # Trained segmenters are used on the target domain.
        logits = self.level_logits(images, training=training, domain=TARGET)[-1]
        upsampled = resize_aligned(logits, tf.shape(images)[1:3])
        upsampled.set_shape([*images.shape[:3], logits.shape[-1]])
        return upsampled

    def classifier_variables(self) -> list[tf.Variable]:
        """The classifiers' trainable variables; their learning rate is ten times the body's."""
        return [
            variable
            for classifier in self.classifiers
            for variable in classifier.trainable_variables
        ]
