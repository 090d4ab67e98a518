"""Class ids and probabilities as colours, alone and overlaid on images."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.files import atomic

Palette = tuple[tuple[int, int, int], ...]
"""One (red, green, blue) per class, 0-255."""

IGNORED_COLOUR = (170, 170, 170)
"""Colour of pixels whose label is `IGNORE_LABEL`."""

# Okabe and Ito's colours, which all readers can distinguish, for overlays of classes whose own
# colours are only shades of grey.
_TINTS = ((213, 94, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167))


def colour_labels(label: np.ndarray, palette: Palette) -> np.ndarray:
    """Colours class ids.

    Args:
        label: [...] int, class ids below the palette's length or `IGNORE_LABEL`.
        palette: one colour per class.

    Returns:
        uint8 [...,3].

    Raises:
        ValueError: a class has no colour.
    """
    known = (label >= 0) & (label < len(palette))
    if not np.all(known | (label == IGNORE_LABEL)):
        raise ValueError(f"label contains {label[~known].max()}; the palette has {len(palette)}.")
    colours = np.array((*palette, IGNORED_COLOUR), np.uint8)
    return colours[np.where(known, label, len(palette))]


def colour_probabilities(probabilities: np.ndarray, palette: Palette) -> np.ndarray:
    """Mixes the classes' colours by their probabilities.

    Args:
        probabilities: [...,K] float in [0,1], summing to 1 over the classes.
        palette: K colours.

    Returns:
        uint8 [...,3].

    Raises:
        ValueError: the numbers of classes and colours differ.
    """
    if probabilities.shape[-1] != len(palette):
        raise ValueError(f"{probabilities.shape[-1]} classes, but {len(palette)} colours.")
    return np.rint(probabilities @ np.array(palette, np.float64)).clip(0, 255).astype(np.uint8)


_BAND = 256


def to_rgb(image: np.ndarray) -> np.ndarray:
    """Converts uint8 [...,1] or [...,3] to uint8 [...,3].

    Raises:
        ValueError: another dtype or number of channels.
    """
    if image.dtype != np.uint8 or image.shape[-1] not in (1, 3):
        raise ValueError(f"image is {image.dtype} {image.shape}; needs uint8 with 1 or 3 channels.")
    return np.broadcast_to(image, (*image.shape[:-1], 3)).copy()


def overlay_palette(palette: Palette) -> Palette:
    """The colours of an overlay, in which black means transparent.

    This is the palette itself, unless it is all grey and would not show on a grey image: then its
    lightest class stays transparent and the others get distinct colours.
    """
    if any(red != green or green != blue for red, green, blue in palette):
        return palette
    lightest = palette.index(max(palette))
    tints = [_TINTS[index % len(_TINTS)] for index in range(len(palette))]
    return tuple((0, 0, 0) if i == lightest else tint for i, tint in enumerate(tints))


def overlay(
    image: np.ndarray, label: np.ndarray, palette: Palette, alpha: float = 0.4
) -> np.ndarray:
    """Overlays class colours on an image.

    Black classes, usually the background, and ignored pixels leave the image unchanged. A grey
    palette is replaced by `overlay_palette`.

    Args:
        image: uint8 [H,W,1] or [H,W,3].
        label: [H,W] int, class ids or `IGNORE_LABEL`.
        palette: one colour per class.
        alpha: opacity of the colours, from 0 to 1.

    Returns:
        uint8 [H,W,3].

    Raises:
        ValueError: `image` and `label` differ in size, a class has no colour, or `alpha` is
            outside [0,1].
    """
    if image.shape[:2] != label.shape:
        raise ValueError(f"image is {image.shape[:2]}, label {label.shape}.")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha={alpha}: must lie between 0 and 1.")
    visible_palette = overlay_palette(palette)
    made = to_rgb(image)
    # Row after row: floats of a whole large image would be most of what a prediction takes.
    for top in range(0, len(made), _BAND):
        rgb, ids = made[top : top + _BAND], label[top : top + _BAND]
        colours = colour_labels(ids, visible_palette).astype(np.float32)
        visible = (ids != IGNORE_LABEL) & colours.any(axis=-1)
        opacity = (alpha * visible)[..., np.newaxis]
        rgb[...] = np.rint(rgb * (1 - opacity) + colours * opacity).astype(np.uint8)
    return made


def write_overlay(
    path: str | Path, image: np.ndarray, label: np.ndarray, palette: Palette, alpha: float = 0.4
) -> None:
    """Writes `overlay` as a PNG, atomically."""
    buffer = io.BytesIO()
    Image.fromarray(overlay(image, label, palette, alpha)).save(buffer, "PNG")
    atomic.write_bytes(path, buffer.getvalue())
