"""What a segmenter answers for an image of any size. Imports no TensorFlow."""

from typing import Protocol

import numpy as np

from tfadvseg.errors import UserError
from tfadvseg.evaluation.tiling import predict_tiled
from tfadvseg.files.model_spec import ModelSpec

TILE = 1024
"""Images larger than this, in pixels a side, go through in overlapping tiles."""


class ImagePredictor(Protocol):
    """A segmenter ready for raw images; `export.predictor.Predictor` is one."""

    @property
    def spec(self) -> ModelSpec: ...

    def predict_probabilities(self, images: np.ndarray) -> np.ndarray:
        """Images [B,H,W,C] uint8 to class probabilities [B,H,W,K] float32."""


def predict_probabilities(
    predictor: ImagePredictor, image: np.ndarray, tile: int = TILE
) -> np.ndarray:
    """The probabilities of all classes, float32 [H,W,K], of an image, uint8 [H,W,C].

    Args:
        predictor: whose answer is asked for.
        image: of any size, with the predictor's number of channels.
        tile: side of the tiles that a larger image goes through in, in pixels. A model that
            resizes takes every image whole: a part of one is not what it was trained on.

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
