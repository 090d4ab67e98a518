"""Images, labels and uncertainty as `data:` URIs of small files."""

import base64
import io

import numpy as np
from matplotlib import colormaps
from PIL import Image

from tfadvseg.reporting.colour import colour_labels

_LONGEST_SIDE = 256

Palette = tuple[tuple[int, int, int], ...]


def image_uri(image: np.ndarray) -> str:
    """An image uint8 [H,W,1 or 3] as JPEG, reduced to at most 256 pixels a side."""
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    picture = Image.fromarray(pixels)
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    return _uri(picture, "JPEG", quality=80)


def label_uri(label: np.ndarray, palette: Palette) -> str:
    """Class ids uint8 [H,W] as PNG in the colours of the classes."""
    coloured = Image.fromarray(colour_labels(_thinned(label), palette))
    return _uri(coloured.quantize(), "PNG", optimize=True)


def uncertainty_uri(confidence: np.ndarray, classes: int) -> str:
    """A map of uncertainty as JPEG, from dark where the network is sure to bright where it guesses.

    Args:
        confidence: uint8 [H,W], 255 times the probability of the predicted class.
        classes: K; to guess is to give each class 1 / K.
    """
    unsure = (1 - _thinned(confidence) / 255) / (1 - 1 / classes)
    coloured = colormaps["cividis"](np.clip(unsure, 0, 1), bytes=True)[..., :3]
    return _uri(Image.fromarray(np.ascontiguousarray(coloured)), "JPEG", quality=75)


def _thinned(label: np.ndarray) -> np.ndarray:
    """Every second, third, ... pixel, as class ids have no means."""
    step = -(-max(label.shape) // _LONGEST_SIDE)
    return label[::step, ::step]


def _uri(picture: Image.Image, kind: str, **options: int) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    coded = base64.b64encode(buffer.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{coded}"
