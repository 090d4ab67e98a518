"""SegNet (Badrinarayanan et al. 2015, arXiv 1511.00561): decoding with pooling indices.

The paper's decoder and the published darkfield network differ little, so they are one function.
"""

import tensorflow as tf

from tfadvseg.config.segmenter import SegNetDecoder
from tfadvseg.errors import UserError
from tfadvseg.models.layers import (
    PadToMultiple,
    batch_norm,
    cropped_logits,
    torch_kernel_initializer,
)
from tfadvseg.models.ops.convolution import SameConv2D
from tfadvseg.models.ops.unpooling import MaxUnpool


def segnet(
    image_channels: int,
    output_channels: int,
    width: int = 64,
    stage_convolutions: tuple[int, ...] = (2, 2, 2),
    decoder: SegNetDecoder = "mirrored",
) -> tf.keras.Model:
    """SegNet with one stage per number in `stage_convolutions`.

    A stage of the encoder consists of 3x3 convolutions, each with batch norm and ReLU, and a 2x2
    max-pooling. A stage of the decoder unpools to the positions of the maxima and has as many
    convolutions. (2, 2, 2) is the encoder of the darkfield network, (2, 2, 3, 3, 3) that of the
    paper, with the shape of VGG-16. Batch norm has momentum 0.9 and epsilon 1e-5, as in PyTorch.

    The paper's decoder mirrors the encoder: the last convolution of a stage reduces to the filters
    of the next stage, and the very last gives the logits. In the published darkfield network the
    first convolution of a stage reduces, so that the last stage works in K channels, and batch norm
    and ReLU also follow the last convolution: its logits are never negative. Its kernels are
    initialised as in PyTorch, those of the paper after He et al. 2015 (arXiv 1502.01852). The
    published code has biases before each batch norm, where they have no effect; here there are
    none.

    Args:
        image_channels: channels of the input.
        output_channels: logits per pixel, K.
        width: filters of the first stage, doubling per stage, up to eight times as many.
        stage_convolutions: number of convolutions per stage, from the top.
        decoder: `mirrored` (the paper's) or `darkfield` (the published darkfield network's).

    Returns:
        A model from normalised images, [B,H,W,image_channels] of any height and width, to logits,
        [B,H,W,K] float32. Sizes that are not multiples of 2**stages are padded by mirroring and
        the logits cropped.

    Raises:
        UserError: with two classes, a single logit that is never negative cannot choose class 0.
    """
    if decoder == "darkfield" and output_channels == 1:
        raise UserError(
            "--segnet_decoder=darkfield: clips logits at 0, so the single logit of two classes "
            "could never choose class 0; use --segnet_decoder=mirrored."
        )
    filters = [width * min(2**stage, 8) for stage in range(len(stage_convolutions))]
    images = tf.keras.Input((None, None, image_channels), name="image")
    x = PadToMultiple(2 ** len(filters), name="pad")(images)
    poolings = []
    for stage, count in enumerate(stage_convolutions):
        for index in range(1, count + 1):
            x = _convolution_block(x, filters[stage], decoder, f"down{stage}_{index}")
        pooled = tf.keras.layers.MaxPooling2D(2, name=f"down{stage}_pool")(x)
        poolings.append((x, pooled))
        x = pooled
    for stage, count in reversed(list(enumerate(stage_convolutions))):
        narrow = filters[stage - 1] if stage else output_channels
        x = MaxUnpool(name=f"up{stage}_unpool")([x, *poolings[stage]])
        for index in range(1, count + 1):
            if stage == 0 and index == count and decoder == "mirrored":
                x = tf.keras.layers.Conv2D(output_channels, 3, padding="same", name="logits")(x)
            else:
                narrows = decoder == "darkfield" or index == count
                outputs = narrow if narrows else filters[stage]
                x = _convolution_block(x, outputs, decoder, f"up{stage}_{index}")
    return tf.keras.Model(images, cropped_logits(x, images), name="segnet")


def _convolution_block(x: tf.Tensor, filters: int, decoder: SegNetDecoder, name: str) -> tf.Tensor:
    """3x3 convolution without bias, batch norm, ReLU: [B,h,w,C] to [B,h,w,filters]."""
    initializer = torch_kernel_initializer() if decoder == "darkfield" else "he_normal"
    x = SameConv2D(
        filters,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer=initializer,
        name=f"{name}_conv",
    )(x)
    x = batch_norm(f"{name}_norm", momentum=0.9, epsilon=1e-5)(x)
    return tf.keras.layers.ReLU(name=f"{name}_relu")(x)
