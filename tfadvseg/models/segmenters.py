"""Segmenters by configuration."""

import tensorflow as tf

from tfadvseg.config import SegmenterConfig
from tfadvseg.models.outputs import output_channels
from tfadvseg.models.unet import unet


def build_segmenter(
    config: SegmenterConfig, num_classes: int, image_channels: int
) -> tf.keras.Model:
    """Builds S in the current precision policy and strategy.

    Returns:
        A model from normalised images [B,H,W,image_channels] float, of any height and width, to
        logits [B,H,W,K] float32: K = num_classes, but K = 1 (the logit of class 1) for two.
    """
    match config.segmenter:
        case "unet":
            return unet(image_channels, output_channels(num_classes), config.width, config.depth)
