"""Predictions of a segmenter for an image of any size. Imports no TensorFlow."""

from typing import Protocol

import numpy as np

from tfadvseg.data.pictures import percentile_scaled
from tfadvseg.errors import UserError
from tfadvseg.evaluation.tiling import predict_tiled
from tfadvseg.files.model_spec import ModelSpec

TILE = 1024
"""Images with a side longer than this, in pixels, are processed in overlapping tiles."""


class ImagePredictor(Protocol):
    """A segmenter that takes raw images; `export.predictor.Predictor` is one."""

    @property
    def spec(self) -> ModelSpec: ...

    def predict_probabilities(self, images: np.ndarray) -> np.ndarray:
        """Class probabilities [B,H,W,K] float32 for images [B,H,W,C] of `spec.image_dtype`."""

    def predict_scaled(self, images: np.ndarray) -> np.ndarray:
        """The same for images already scaled by percentiles, if the model scales any."""


def predict_probabilities(
    predictor: ImagePredictor, image: np.ndarray, tile: int = TILE
) -> np.ndarray:
    """Probabilities of all classes, float32 [H,W,K], for an image [H,W,C].

    Args:
        predictor: the segmenter.
        image: of any size, with the predictor's number of channels; [H,W] where that is 1.
        tile: side of the tiles for larger images, in pixels. A model that resizes always takes the
            whole image, because it was not trained on parts of images.

    Raises:
        UserError: the image is no such array, or `tile` is too small for the network.
    """
    image = _checked(image, predictor.spec)
    predict = predictor.predict_probabilities
    if predictor.spec.normalise == "percentile":  # of the whole image, not of each tile
        image, predict = percentile_scaled(image), predictor.predict_scaled
    stride = predictor.spec.stride
    if predictor.spec.resize:
        tile = max(image.shape[:2])
    elif tile < 4 * stride:
        raise UserError(f"--tile={tile}: this network needs tiles of at least {4 * stride}.")
    return predict_tiled(predict, image, (tile, tile), batch=1, multiple=stride)


def predict_label(predictor: ImagePredictor, image: np.ndarray, tile: int = TILE) -> np.ndarray:
    """The most probable classes, uint8 [H,W].

    Args, Raises:
        As `predict_probabilities`.
    """
    return predict_probabilities(predictor, image, tile).argmax(axis=-1).astype(np.uint8)


def _checked(image: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """The image as [H,W,C].

    Raises:
        UserError: it has another shape, no pixels, or another depth than the model's images.
    """
    channels = spec.image_channels
    image = np.asarray(image)
    shown = image[:, :, np.newaxis] if image.ndim == 2 and channels == 1 else image
    if shown.ndim != 3 or shown.shape[-1] != channels or not shown.size:
        also = " or [height, width]" if channels == 1 else ""
        raise UserError(
            f"image: shape {list(image.shape)}; give one image [height, width, {channels}]{also}."
        )
    if image.dtype != spec.image_dtype:
        scale = ", 0 to 255" if spec.image_dtype == "uint8" else ""
        raise UserError(
            f"image: {image.dtype}; give {spec.image_dtype}{scale}. The model normalises it."
        )
    return shown
