"""Conversion of images to S's input, and of S's input to pictures."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfadvseg.config import ChannelOrder
from tfadvseg.data.pictures import as_pictures, percentile_scaled
from tfadvseg.files.model_spec import ModelSpec

_SCALE = 255.0


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation per channel on the images' own scale: [C] each.

    Attributes:
        mean, std: in the order of the image's channels; with `percentile`, those of scaled images.
        channel_order: channel order of S's input.
        low, high: range per channel, which augmentation takes as black and white; empty stands for
            0 and 255.
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
        """A whole image [H,W,C] in the form from which windows are cut."""
        return percentile_scaled(image) if self.percentile else image

    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        """Converts [...,C] on the images' scale to S's input: float32, about zero mean, unit "
        "variance."""
        image = (tf.cast(image, tf.float32) - tf.constant(self.mean)) / tf.constant(self.std)
        return image[..., ::-1] if self.channel_order == "bgr" else image

    def to_255(self, image: tf.Tensor) -> tf.Tensor:
        """Converts [...,C] float32 from the images' scale to 0 to 255, for augmentation."""
        if self._has_255:
            return image
        return (image - tf.constant(self.low, tf.float32)) * tf.constant(_SCALE / self._spans)

    def from_255(self, image: tf.Tensor) -> tf.Tensor:
        """Inverse of `to_255`."""
        if self._has_255:
            return image
        return image * tf.constant(self._spans / _SCALE) + tf.constant(self.low, tf.float32)

    def to_scale(self, image: tf.Tensor) -> tf.Tensor:
        """Converts S's input back to float32 on the scale of the images."""
        image = image[..., ::-1] if self.channel_order == "bgr" else image
        return image * tf.constant(self.std) + tf.constant(self.mean)

    def inverse(self, image: tf.Tensor) -> tf.Tensor:
        """Converts S's input to pictures, uint8 [...,1 or 3]; outside of graphs only.

        8-bit images become the originals; for others see `pictures.as_picture`, which needs
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
        """`high` - `low`, float32 [C]; 1 where it is 0."""
        spans = np.array(self.high, np.float32) - np.array(self.low, np.float32)
        return np.where(spans > 0, spans, np.float32(1))


def normalisation_of(spec: ModelSpec) -> Normalisation:
    """The normalisation that a model was trained with."""
    return Normalisation(
        spec.mean,
        spec.std,
        spec.channel_order,
        spec.low,
        spec.high,
        percentile=spec.normalise == "percentile",
    )
