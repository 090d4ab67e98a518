"""A trained segmenter ready for raw images, wherever it was loaded from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfadvseg.files.model_spec import ModelSpec


@dataclass(frozen=True)
class Predictor:
    """Raw images to class probabilities.

    Attributes:
        spec: classes, channels and normalisation.
        source: where the weights came from, for messages and reports.
        graph: uint8 or float32 images [B,H,W,C] on the 0-255 scale to probabilities
            [B,H,W,num_classes] float32.
    """

    spec: ModelSpec
    source: str
    graph: Callable[[tf.Tensor], tf.Tensor]

    def predict_probabilities(self, images: np.ndarray) -> np.ndarray:
        """Class probabilities of a batch, computed in one pass.

        Args:
            images: [B,H,W,C] uint8 or float32, both on the scale of 0 to 255, of any size.

        Returns:
            [B,H,W,num_classes] float32 in [0,1], summing to 1 over the classes.

        Raises:
            ValueError: another shape or dtype.
        """
        channels = self.spec.image_channels
        if images.ndim != 4 or images.shape[-1] != channels:
            raise ValueError(f"images: need shape [B,H,W,{channels}], got {list(images.shape)}.")
        if images.dtype not in (np.uint8, np.float32):
            raise ValueError(f"images: need uint8 or float32, got {images.dtype}.")
        return self.graph(tf.constant(images)).numpy()
