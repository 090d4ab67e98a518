"""Segmenters by configuration."""

from typing import cast

import tensorflow as tf

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
        logits [B,H,W,K] float32: K = num_classes, but K = 1 (the logit of class 1) for two.

    Raises:
        UserError: the network does not suit the number of classes, or its backbone's weights
            cannot be read.
    """
    own = config.resolved()
    channels = image_channels, output_channels(num_classes)
    match own.segmenter:
        case "unet":
            return unet(*channels, own.width, own.depth)
        case "segnet":
            return segnet(*channels, own.width, own.stage_convolutions, own.segnet_decoder)
        case "fcn" | "strided_unet":
            return strided(
                *channels,
                own.segmenter == "strided_unet",
                own.width,
                own.depth,
                own.upsampling,
                own.up_kernel,
                own.allow_checkerboard,
            )
        case "fcn8s":
            return fcn8s(*channels, own.width, own.upsampling, own.backbone_weights)
        case "deeplabv3plus":
            return deeplabv3plus(*channels, own.backbone, own.backbone_weights)
        case "deeplab_v2":
            first, second, third, fourth = own.blocks
            return deeplab_v2(
                *channels,
                (first, second, third, fourth),
                own.multi_level,
                own.atrous_branches,
                own.batch_norm,
                cast(StridePlace, own.stride_place),
                own.width,
                own.recompute,
            )
        case "deeplab_v2_vgg":
            return deeplab_v2_vgg(*channels, own.atrous_branches, own.width)
