"""Small segmenters whose random weights make their output vary."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadvseg.config import SegmenterConfig
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.models.segmenters import build_segmenter

GREY_SPEC = ModelSpec(
    segmenter=SegmenterConfig(width=4, depth=1),
    class_names=("membrane", "cell"),
    palette=((0, 0, 0), (255, 255, 255)),
    image_channels=1,
    mean=(126.5,),
    std=(41.25,),
    foreground_class=1,
    dataset="membranes",
    crop_size=(32, 24),
)
COLOUR_SPEC = ModelSpec(
    segmenter=SegmenterConfig(width=4, depth=1),
    class_names=("road", "tree", "sky", "car"),
    palette=((128, 64, 128), (0, 128, 0), (70, 130, 180), (0, 0, 142)),
    image_channels=3,
    mean=(110.0, 120.5, 130.0),
    std=(50.0, 60.0, 70.5),
    foreground_class=None,
    dataset="folder",
    crop_size=(16, 16),
)


def randomised_segmenter(spec: ModelSpec, seed: int = 0) -> tf.keras.Model:
    """S with every variable random, including batch-norm statistics."""
    model = build_segmenter(spec.segmenter, spec.num_classes, spec.image_channels)
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        noise = rng.normal(size=variable.shape)
        scale = 0.2 if len(variable.shape) > 1 else 0.1
        offset = 1.0 if "gamma" in variable.name or "variance" in variable.name else 0.0
        variable.assign(offset + scale * (np.abs(noise) if offset else noise))
    return model


@dataclass(frozen=True)
class Exported:
    spec: ModelSpec
    segmenter: tf.keras.Model
    folder: Path

    def images(self, height: int, width: int, count: int = 1) -> np.ndarray:
        """Random images uint8 [count,height,width,C]."""
        rng = np.random.default_rng(height * 1000 + width)
        shape = (count, height, width, self.spec.image_channels)
        return rng.integers(0, 256, shape, np.uint8)

    def expected_probabilities(self, images: np.ndarray) -> np.ndarray:
        """Computed without the export: NumPy around the Keras model."""
        normalised = (images.astype(np.float32) - self.spec.mean) / self.spec.std
        logits = self.segmenter(normalised.astype(np.float32), training=False).numpy()
        if logits.shape[-1] == 1:
            positive = 1 / (1 + np.exp(-logits))
            return np.concatenate([1 - positive, positive], axis=-1)
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)
