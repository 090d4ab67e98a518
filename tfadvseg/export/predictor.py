"""A trained segmenter ready for raw images, wherever it was loaded from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfadvseg.data.pictures import percentile_scaled
from tfadvseg.files.model_spec import ModelSpec


@dataclass(frozen=True)
class Predictor:
    """Raw images to class probabilities.

    Attributes:
        spec: classes, channels and normalisation.
        source: where the weights came from, for messages and reports.
        graph: images [B,H,W,C] of `spec.image_dtype` or float32, on the same scale, to
            probabilities [B,H,W,num_classes] float32. Of a model that scales each image by its
            percentiles: images that are scaled already, float32.
    """

    spec: ModelSpec
    source: str
    graph: Callable[[tf.Tensor], tf.Tensor]

    def predict_probabilities(self, images: np.ndarray) -> np.ndarray:
        """Class probabilities of a batch, computed in one pass.

        Args:
            images: [B,H,W,C] of `spec.image_dtype` or float32 on the same scale, of any size.

        Returns:
            [B,H,W,num_classes] float32 in [0,1], summing to 1 over the classes.

        Raises:
            ValueError: another shape or dtype.
        """
        channels, dtype = self.spec.image_channels, self.spec.image_dtype
        if images.ndim != 4 or images.shape[-1] != channels:
            raise ValueError(f"images: need shape [B,H,W,{channels}], got {list(images.shape)}.")
        if images.dtype not in (dtype, np.float32):
            raise ValueError(f"images: need {dtype} or float32, got {images.dtype}.")
        if self.spec.normalise == "percentile":
            images = np.stack([percentile_scaled(image) for image in images])
        return self.predict_scaled(images)

    def predict_scaled(self, images: np.ndarray) -> np.ndarray:
        """`predict_probabilities` of images that are scaled already, where the model scales any."""
        return self.graph(tf.constant(images)).numpy()
