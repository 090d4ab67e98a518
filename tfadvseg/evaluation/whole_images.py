"""Predictions of a segmenter for an image of any size. Imports no TensorFlow."""

from typing import Protocol

import numpy as np

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
        """Class probabilities [B,H,W,K] float32 for images [B,H,W,C] uint8."""


def predict_probabilities(
    predictor: ImagePredictor, image: np.ndarray, tile: int = TILE
) -> np.ndarray:
    """Probabilities of all classes, float32 [H,W,K], for an image, uint8 [H,W,C].

    Args:
        predictor: the segmenter.
        image: of any size, with the predictor's number of channels.
        tile: side of the tiles for larger images, in pixels. A model that resizes always takes the
            whole image, because it was not trained on parts of images.

    Raises:
        UserError: `tile` is too small for the network.
    """
    stride = predictor.spec.stride
    if predictor.spec.resize:
        tile = max(image.shape[:2])
    elif tile < 4 * stride:
        raise UserError(f"--tile={tile}: this network needs tiles of at least {4 * stride}.")
    return predict_tiled(
        predictor.predict_probabilities, image, (tile, tile), batch=1, multiple=stride
    )


def predict_label(predictor: ImagePredictor, image: np.ndarray, tile: int = TILE) -> np.ndarray:
    """The most probable classes, uint8 [H,W].

    Args, Raises:
        As `predict_probabilities`.
    """
    return predict_probabilities(predictor, image, tile).argmax(axis=-1).astype(np.uint8)
