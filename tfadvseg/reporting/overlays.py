"""A page of whole images overlaid with their predictions and their labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.reporting.canvas import write_figure
from tfadvseg.reporting.colour import IGNORED_COLOUR, Palette, overlay, overlay_palette
from tfadvseg.reporting.sheets import (
    FONT_SIZE,
    arranged,
    class_patches,
    middle,
    scaled,
    sheet_figure,
    shortened,
)

MAX_ROWS = 6

_WIDEST = 640  # pixels of an image in the figure
_TALLEST = 1800  # pixels of all rows together, about one page
_EMPTY = (255, 255, 255)
_ALPHA, _VEIL = 0.45, 0.75  # opacity of classes and of ignored pixels


def overlays_figure(
    images: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    predictions: Sequence[np.ndarray],
    palette: Palette,
    class_names: Sequence[str],
    path: str | Path,
    keys: Sequence[str] = (),
) -> None:
    """Draws one row per image: overlaid with the prediction, and overlaid with the label.

    All images are scaled to one width, as large as a page allows. Black classes leave the image
    unchanged. Pixels with an ignored label are veiled in grey on both sides, because they do not
    count.

    Args:
        images: uint8 [H,W,1] or [H,W,3] each, of any size; 1 to 6.
        labels: [H,W] int each, class ids or `IGNORE_LABEL`.
        predictions: [H,W] int each, class ids.
        palette: one colour per class; greys are replaced (`colour.overlay_palette`).
        class_names: one name per class.
        path: the PNG to write, atomically.
        keys: one name per image, to its left; none by default.

    Raises:
        ValueError: sizes or numbers do not match, a class has no colour, or there are no images or
            more than 6.
    """
    if not 1 <= len(images) <= MAX_ROWS:
        raise ValueError(f"{len(images)} images; a page takes 1 to {MAX_ROWS}.")
    if not len(images) == len(labels) == len(predictions):
        raise ValueError(
            f"{len(labels)} labels and {len(predictions)} predictions for {len(images)} images."
        )
    if keys and len(keys) != len(images):
        raise ValueError(f"{len(keys)} keys for {len(images)} images.")
    height_of_all = sum(image.shape[0] / image.shape[1] for image in images)
    width = min(_WIDEST, max(1, int(_TALLEST / height_of_all)))
    rows = [
        [scaled(_laid_over(image, ids, label, palette), width) for ids in (predicted, label)]
        for image, label, predicted in zip(images, labels, predictions, strict=True)
    ]
    sheet = arranged(rows)
    # Classes that leave the image unchanged have an empty patch in the legend.
    visible_palette = tuple(
        colour if any(colour) else _EMPTY for colour in overlay_palette(palette)
    )
    any_ignored = any(bool(np.any(label == IGNORE_LABEL)) for label in labels)
    figure, _ = sheet_figure(
        sheet,
        class_patches(class_names, visible_palette, any_ignored),
        row_names=[shortened(key) for key in keys],
        row_size=FONT_SIZE - 2,
        headings=[
            (name, middle(span))
            for name, span in zip(("prediction", "label"), sheet.columns, strict=True)
        ],
    )
    write_figure(figure, path)


def _laid_over(
    image: np.ndarray, ids: np.ndarray, label: np.ndarray, palette: Palette
) -> np.ndarray:
    """The image overlaid with class ids, or with the veil where the label is ignored."""
    ignored = label == IGNORE_LABEL
    picture = overlay(image, np.where(ignored, IGNORE_LABEL, ids), palette, _ALPHA)
    veil = _VEIL * ignored[..., np.newaxis]
    return np.rint(picture * (1 - veil) + IGNORED_COLOUR * veil).astype(np.uint8)
