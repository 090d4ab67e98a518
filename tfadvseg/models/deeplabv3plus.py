"""DeepLabV3+ (Chen et al. 2018, arXiv 1802.02611) on ResNet-V2 encoders from KerasCV.

KerasCV's own DeepLabV3Plus ends in softmax, needs sizes divisible by its fixed factors, and keeps
batch norm local to each replica. So only its encoders are used, with batch norm over all replicas.
"""

import tensorflow as tf

from tfadvseg.compat.addons import import_keras_cv
from tfadvseg.config.segmenter import BackboneName
from tfadvseg.models.backbone_weights import load_backbone_weights
from tfadvseg.models.layers import PadToMultiple, batch_norm, cropped_logits
from tfadvseg.models.ops.convolution import SameConv2D
from tfadvseg.models.ops.dilated import DilatedConv2D

ATROUS_RATES = (6, 12, 18)
FILTERS = 256
LOW_LEVEL_FILTERS = 48

_BLOCKS: dict[BackboneName, tuple[str, list[int]]] = {
    "resnet18_v2": ("basic_block", [2, 2, 2, 2]),
    "resnet34_v2": ("basic_block", [3, 4, 6, 3]),
    "resnet50_v2": ("block", [3, 4, 6, 3]),
    "resnet101_v2": ("block", [3, 4, 23, 3]),
}


def deeplabv3plus(
    image_channels: int,
    output_channels: int,
    backbone: BackboneName = "resnet50_v2",
    backbone_weights: str | None = None,
) -> tf.keras.Model:
    """Atrous spatial pyramid pooling at 1/16 of the resolution, refined by features at 1/4.

    The pyramid (1x1, three dilated 3x3 and the image's mean, 256 filters each) and the decoder
    (48 filters of low-level features, two 3x3 convolutions) are those of the paper for output
    stride 16; upsampling is bilinear.

    Args:
        image_channels: channels of the input.
        output_channels: logits per pixel.
        backbone: the encoder.
        backbone_weights: HDF5 file of the encoder's weights, in the format of the KerasCV backbone
            of that name; None means random initial weights.

    Returns:
        A model from normalised images, [B,H,W,image_channels] of any height and width, to logits,
        [B,H,W,output_channels] float32. Sizes that are not multiples of 32 are padded by
        mirroring and the logits cropped.

    Raises:
        UserError: `backbone_weights` cannot be read or does not fit.
    """
    images = tf.keras.Input((None, None, image_channels), name="image")
    encoder = resnet_encoder(image_channels, backbone, backbone_weights)
    low_level, x = encoder(PadToMultiple(32, name="pad")(images))
    x = _pyramid_pooling(x)
    x = tf.keras.layers.UpSampling2D(4, interpolation="bilinear", name="pyramid_resize")(x)
    low_level = _convolution_block(low_level, LOW_LEVEL_FILTERS, 1, "low_level")
    x = tf.keras.layers.Concatenate(name="join")([x, low_level])
    for index in (1, 2):
        x = _convolution_block(x, FILTERS, 3, f"decoder{index}")
    logits = tf.keras.layers.Conv2D(output_channels, 1, name="logits")(x)
    logits = tf.keras.layers.UpSampling2D(
        4, interpolation="bilinear", dtype="float32", name="logits_resize"
    )(logits)
    return tf.keras.Model(images, cropped_logits(logits, images), name="deeplabv3plus")


def resnet_encoder(
    image_channels: int, backbone: BackboneName, weights: str | None = None
) -> tf.keras.Model:
    """KerasCV's ResNet-V2 at output stride 16.

    Its stages halve the resolution in their last block. The last stage does not, and because
    nothing follows that block, no convolution needs dilation in return.

    Returns:
        A model from [B,H,W,image_channels] to the output of the first stage, [B,H/4,W/4,C], and
        that of the last stage after batch norm and ReLU, [B,H/16,W/16,C']: C and C' are 64 and 512
        with basic blocks, 256 and 2048 with bottlenecks.

    Raises:
        UserError: `weights` cannot be read or does not fit.
    """
    block_type, blocks = _BLOCKS[backbone]
    model = import_keras_cv().models.ResNetV2Backbone(
        stackwise_filters=[64, 128, 256, 512],
        stackwise_blocks=blocks,
        stackwise_strides=[1, 2, 2, 1],
        include_rescaling=False,
        input_shape=(None, None, image_channels),
        block_type=block_type,
        name=backbone,
    )
    low_level = model.pyramid_level_inputs["P2"]
    if weights is not None:
        load_backbone_weights(model, weights)
    if tf.distribute.get_strategy().num_replicas_in_sync > 1:
        model = _with_batch_norm_over_replicas(model)
    return tf.keras.Model(
        model.input, [model.get_layer(low_level).output, model.output], name=backbone
    )


def _with_batch_norm_over_replicas(model: tf.keras.Model) -> tf.keras.Model:
    def copy(layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            return batch_norm(layer.name, layer.momentum, layer.epsilon)
        return layer.__class__.from_config(layer.get_config())

    synchronised = tf.keras.models.clone_model(model, clone_function=copy)
    synchronised.set_weights(model.get_weights())
    return synchronised


def _pyramid_pooling(x: tf.Tensor) -> tf.Tensor:
    """[B,h,w,C] to [B,h,w,256]."""
    branches = [_convolution_block(x, FILTERS, 1, "pyramid1")]
    for rate in ATROUS_RATES:
        branches.append(_convolution_block(x, FILTERS, 3, f"pyramid{rate}", rate))
    mean = tf.keras.layers.GlobalAveragePooling2D(keepdims=True, name="pyramid_mean")(x)
    mean = _convolution_block(mean, FILTERS, 1, "pyramid_image")
    # Concatenating the mean, spread over all pixels, before a 1x1 convolution is equal to a sum.
    x = _convolution(
        tf.keras.layers.Concatenate(name="pyramid_join")(branches), FILTERS, 1, "pyramid_project"
    )
    x = tf.keras.layers.Add(name="pyramid_sum")(
        [x, _convolution(mean, FILTERS, 1, "pyramid_project_image")]
    )
    return _norm_relu(x, "pyramid_project")


def _convolution_block(
    x: tf.Tensor, filters: int, kernel: int, name: str, rate: int = 1
) -> tf.Tensor:
    return _norm_relu(_convolution(x, filters, kernel, name, rate), name)


def _convolution(x: tf.Tensor, filters: int, kernel: int, name: str, rate: int = 1) -> tf.Tensor:
    layer = DilatedConv2D if rate > 1 else SameConv2D
    return layer(
        filters,
        kernel,
        padding="same",
        dilation_rate=rate,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)


def _norm_relu(x: tf.Tensor, name: str) -> tf.Tensor:
    return tf.keras.layers.ReLU(name=f"{name}_relu")(batch_norm(f"{name}_norm")(x))
