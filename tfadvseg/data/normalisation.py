"""From an image's own numbers to what S sees, and to pictures of it."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfadvseg.config import ChannelOrder
from tfadvseg.data.pictures import as_pictures, percentile_scaled
from tfadvseg.files.model_spec import ModelSpec

_SCALE = 255.0


@dataclass(frozen=True)
class Normalisation:
    """A channel's mean and standard deviation on the images' own scale: [C] each.

    Attributes:
        mean, std: in the order of the image's channels; with `percentile` of scaled images.
        channel_order: of what S sees.
        low, high: the range of each channel, which augmentation takes for black and white; empty
            for 0 and 255.
        percentile: whether each image is first scaled by its own percentiles
            (`pictures.percentile_scaled`).
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    channel_order: ChannelOrder = "rgb"
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    percentile: bool = False

    def prepared(self, image: np.ndarray) -> np.ndarray:
        """A whole image [H,W,C] as windows are cut from it."""
        return percentile_scaled(image) if self.percentile else image

    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        """[...,C] on the images' scale to [...,C] float32 of about zero mean, unit variance."""
        image = (tf.cast(image, tf.float32) - tf.constant(self.mean)) / tf.constant(self.std)
        return image[..., ::-1] if self.channel_order == "bgr" else image

    def to_255(self, image: tf.Tensor) -> tf.Tensor:
        """[...,C] float32 on the images' scale to that of 0 to 255, for augmentation."""
        if self._has_255:
            return image
        return (image - tf.constant(self.low, tf.float32)) * tf.constant(_SCALE / self._spans)

    def from_255(self, image: tf.Tensor) -> tf.Tensor:
        """The way back from `to_255`."""
        if self._has_255:
            return image
        return image * tf.constant(self._spans / _SCALE) + tf.constant(self.low, tf.float32)

    def to_scale(self, image: tf.Tensor) -> tf.Tensor:
        """Converts S's input back to float32 on the scale of the images."""
        image = image[..., ::-1] if self.channel_order == "bgr" else image
        return image * tf.constant(self.std) + tf.constant(self.mean)

    def inverse(self, image: tf.Tensor) -> tf.Tensor:
        """Converts S's input to pictures, uint8 [...,1 or 3]; outside of graphs only.

        Images of 8 bits become themselves; for others see `pictures.as_picture`, which needs
        [B,H,W,C].
        """
        pixels = self.to_scale(image)
        if self._has_255 and pixels.shape[-1] in (1, 3):
            return tf.cast(tf.clip_by_value(tf.round(pixels), 0, 255), tf.uint8)
        return tf.constant(as_pictures(pixels.numpy()))

    @property
    def _has_255(self) -> bool:
        return all(value == 0 for value in self.low) and all(value == 255 for value in self.high)

    @property
    def _spans(self) -> np.ndarray:
        """What lies between `low` and `high`, float32 [C]; 1 where that is nothing."""
        spans = np.array(self.high, np.float32) - np.array(self.low, np.float32)
        return np.where(spans > 0, spans, np.float32(1))


def normalisation_of(spec: ModelSpec) -> Normalisation:
    """What a model was trained with."""
    return Normalisation(
        spec.mean,
        spec.std,
        spec.channel_order,
        spec.low,
        spec.high,
        percentile=spec.normalise == "percentile",
    )
