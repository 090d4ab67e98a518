"""Images of any depth and number of channels, scaled by percentiles. No TensorFlow here."""

import numpy as np

PERCENTILES = (0.5, 99.5)
"""Percentiles of an image's values that become black and white, so that outliers do not count."""


def percentile_scaled(image: np.ndarray) -> np.ndarray:
    """Scales each channel so that its `PERCENTILES` become 0 and 255; values are not clipped.

    Args:
        image: [H,W,C] of any type.

    Returns:
        float32 [H,W,C]; 0 where a channel is constant.
    """
    low, high = np.percentile(image, PERCENTILES, axis=(0, 1))
    spans = np.where(high > low, high - low, 1)
    return (image.astype(np.float32) - low.astype(np.float32)) * (255 / spans).astype(np.float32)


def as_picture(image: np.ndarray) -> np.ndarray:
    """An image for display: uint8 [H,W,1 or 3].

    8-bit images in grey or colour are unchanged. Others are scaled by their percentiles; of two
    channels the first is shown, of more than three the first three.

    Args:
        image: [H,W,C] of any type.
    """
    if image.dtype == np.uint8 and image.shape[-1] in (1, 3):
        return image
    shown = image[..., : 1 if image.shape[-1] < 3 else 3]
    if shown.dtype != np.uint8:
        shown = percentile_scaled(shown).round().clip(0, 255)
    return shown.astype(np.uint8)


def as_pictures(images: np.ndarray) -> np.ndarray:
    """`as_picture` of each image in [B,H,W,C]: uint8 [B,H,W,1 or 3]."""
    return np.stack([as_picture(image) for image in images])
