"""Mapping between entries of a PyTorch `state_dict` and our variables, with their shapes.

The names are those of the code that published the weights: AdaptSegNet's `DeeplabMulti`,
`Res_Deeplab` (one level), `DeeplabVGG` and `FCDiscriminator`, and the darkfield project's SegNet.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfadvseg.models.deeplab_v2 import Bottleneck, ResNetBody
from tfadvseg.models.deeplab_v2_vgg import VGGBody
from tfadvseg.models.multi_level import AtrousClassifier, MultiLevelSegmenter
from tfadvseg.models.ops.frozen_batch_norm import FrozenAffineBatchNorm

COUNTER = "num_batches_tracked"
"""An entry that PyTorch's batch norm keeps but, if it has a momentum, never uses."""


@dataclass(frozen=True)
class Entry:
    """One entry of a `state_dict`.

    Attributes:
        name: in PyTorch.
        variables: our variables with this value; none for a batch norm's counter. Separate
            statistics per domain all start from it, and those of the last domain, the target, are
            written back.
        subtracted_from: for a bias before a batch norm, which our network lacks: the moving mean of
            the batch norm. Normalisation removes the bias again, so subtracting it from the mean
            gives the same network. This is done after all other assignments; it is written as 0.
    """

    name: str
    variables: tuple[tf.Variable, ...]
    subtracted_from: tf.Variable | None = None

    @property
    def is_counter(self) -> bool:
        return not self.variables and self.subtracted_from is None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape in PyTorch, where a kernel is [out,in,height,width]."""
        if self.is_counter:
            return ()
        if self.subtracted_from is not None:
            return tuple(self.subtracted_from.shape)
        shape = tuple(self.variables[0].shape)
        return (shape[3], shape[2], shape[0], shape[1]) if len(shape) == 4 else shape

    def assign(self, value: np.ndarray) -> None:
        """Fills the variables from an array in PyTorch's layout, [out,in,height,width]."""
        if self.subtracted_from is not None:
            self.subtracted_from.assign_sub(value)
        for variable in self.variables:
            variable.assign(value.transpose(2, 3, 1, 0) if value.ndim == 4 else value)

    def value(self) -> np.ndarray:
        """The variable in PyTorch's layout, float32; a counter is 0, int64."""
        if self.is_counter:
            return np.zeros((), np.int64)
        if self.subtracted_from is not None:
            return np.zeros(self.shape, np.float32)
        value = self.variables[-1].numpy()
        return np.ascontiguousarray(value.transpose(3, 2, 0, 1) if value.ndim == 4 else value)


def entries(model: tf.keras.Model) -> tuple[Entry, ...]:
    """The entries of a network, in the order of the published code.

    Raises:
        TypeError: the network is not one of those named above.
    """
    if isinstance(model, MultiLevelSegmenter):
        match model.body:
            case ResNetBody():
                return tuple(_resnet_segmenter(model))
            case VGGBody():
                return tuple(_vgg_segmenter(model))
    if model.name == "segnet" and not any(layer.name == "logits" for layer in model.layers):
        return tuple(_darkfield_segnet(model))
    if model.name == "fc_discriminator":
        convolutions = (layer for layer in model.layers if layer.weights)
        return tuple(entry for layer in convolutions for entry in _convolution(layer.name, layer))
    raise TypeError(f"{model.name}: no PyTorch names are known for this network.")


def _resnet_segmenter(model: MultiLevelSegmenter) -> Iterator[Entry]:
    body = model.body
    yield from _convolution("conv1", body.conv1)
    yield from _batch_norm("bn1", body.bn1)
    for number, stage in enumerate(body.stages, start=1):
        for index, block in enumerate(stage.blocks):
            yield from _bottleneck(f"layer{number}.{index}", block)
    for number, classifier in enumerate(model.classifiers, start=5):
        yield from _classifier(f"layer{number}", classifier)


def _vgg_segmenter(model: MultiLevelSegmenter) -> Iterator[Entry]:
    for index, layer in model.body.numbered_convolutions():
        yield from _convolution(f"features.{index}", layer)
    yield from _classifier("classifier", model.classifiers[0])


def _darkfield_segnet(model: tf.keras.Model) -> Iterator[Entry]:
    """Of the darkfield decoder; the mirrored one, which has a layer `logits`, was not published."""
    for part, beginning in (("encoder", "down"), ("decoder", "up")):
        layers = [layer for layer in model.layers if layer.name.startswith(beginning)]
        convolutions = [layer for layer in layers if layer.name.endswith("_conv")]
        norms = [layer for layer in layers if layer.name.endswith("_norm")]
        for index, (convolution, norm) in enumerate(zip(convolutions, norms, strict=True), start=1):
            yield Entry(f"{part}_conv{index}.weight", (convolution.kernel,))
            yield Entry(f"{part}_conv{index}.bias", (), subtracted_from=norm.moving_mean)
            yield Entry(f"{part}_bn{index}.weight", (norm.gamma,))
            yield Entry(f"{part}_bn{index}.bias", (norm.beta,))
            yield Entry(f"{part}_bn{index}.running_mean", (norm.moving_mean,))
            yield Entry(f"{part}_bn{index}.running_var", (norm.moving_variance,))
            yield Entry(f"{part}_bn{index}.{COUNTER}", ())


def _bottleneck(name: str, block: Bottleneck) -> Iterator[Entry]:
    yield from _convolution(f"{name}.conv1", block.conv1)
    yield from _batch_norm(f"{name}.bn1", block.bn1)
    yield from _convolution(f"{name}.conv2", block.conv2)
    yield from _batch_norm(f"{name}.bn2", block.bn2)
    yield from _convolution(f"{name}.conv3", block.conv3)
    yield from _batch_norm(f"{name}.bn3", block.bn3)
    if block.shortcut_conv is not None:
        yield from _convolution(f"{name}.downsample.0", block.shortcut_conv)
        yield from _batch_norm(f"{name}.downsample.1", block.shortcut_bn)


def _classifier(name: str, classifier: AtrousClassifier) -> Iterator[Entry]:
    for index, convolution in enumerate(classifier.convolutions):
        yield from _convolution(f"{name}.conv2d_list.{index}", convolution)


def _convolution(name: str, layer: tf.keras.layers.Conv2D) -> Iterator[Entry]:
    yield Entry(f"{name}.weight", (layer.kernel,))
    if layer.use_bias:
        yield Entry(f"{name}.bias", (layer.bias,))


def _batch_norm(name: str, layer: FrozenAffineBatchNorm) -> Iterator[Entry]:
    yield Entry(f"{name}.weight", (layer.gamma,))
    yield Entry(f"{name}.bias", (layer.beta,))
    yield Entry(f"{name}.running_mean", tuple(layer.moving_means))
    yield Entry(f"{name}.running_var", tuple(layer.moving_variances))
    yield Entry(f"{name}.{COUNTER}", ())
