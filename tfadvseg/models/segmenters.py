"""Segmenters built from their configuration."""

from typing import cast

import tensorflow as tf

from tfadvseg.config.resolve import used_segmenter
from tfadvseg.config.segmenter import SegmenterConfig, StridePlace
from tfadvseg.models.deeplab_v2 import deeplab_v2
from tfadvseg.models.deeplab_v2_vgg import deeplab_v2_vgg
from tfadvseg.models.deeplabv3plus import deeplabv3plus
from tfadvseg.models.fcn8s import fcn8s
from tfadvseg.models.outputs import output_channels
from tfadvseg.models.segnet import segnet
from tfadvseg.models.strided import strided
from tfadvseg.models.unet import unet


def build_segmenter(
    config: SegmenterConfig, num_classes: int, image_channels: int
) -> tf.keras.Model:
    """Builds S in the current precision policy and strategy.

    Returns:
        A model from normalised images [B,H,W,image_channels] float, of any height and width, to
        logits [B,H,W,K] float32: K = num_classes, but K = 1 (the logit of class 1) for two classes.

    Raises:
        UserError: the network does not suit the number of classes, or the weights of its backbone
            cannot be read.
    """
    resolved = used_segmenter(config)
    channels = image_channels, output_channels(num_classes)
    match resolved.segmenter:
        case "unet":
            return unet(*channels, resolved.width, resolved.depth)
        case "segnet":
            return segnet(
                *channels, resolved.width, resolved.stage_convolutions, resolved.segnet_decoder
            )
        case "fcn" | "strided_unet":
            return strided(
                *channels,
                resolved.segmenter == "strided_unet",
                resolved.width,
                resolved.depth,
                resolved.upsampling,
                resolved.up_kernel,
                resolved.allow_checkerboard,
            )
        case "fcn8s":
            return fcn8s(*channels, resolved.width, resolved.upsampling, resolved.backbone_weights)
        case "deeplabv3plus":
            return deeplabv3plus(*channels, resolved.backbone, resolved.backbone_weights)
        case "deeplab_v2":
            first, second, third, fourth = resolved.blocks
            return deeplab_v2(
                *channels,
                (first, second, third, fourth),
                resolved.multi_level,
                resolved.atrous_branches,
                resolved.batch_norm,
                cast(StridePlace, resolved.stride_place),
                resolved.width,
                resolved.recompute,
            )
        case "deeplab_v2_vgg":
            return deeplab_v2_vgg(*channels, resolved.atrous_branches, resolved.width)
