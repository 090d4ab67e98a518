"""A page of unlabelled windows with a teacher's pseudo-labels, and of what S learns from them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.reporting.canvas import write_figure
from tfadvseg.reporting.colour import Palette, colour_labels, to_rgb
from tfadvseg.reporting.sheets import arranged, class_patches, scaled, sheet_figure

_WIDEST = 320  # pixels of an image in the figure
_SHEET = 1240  # pixels of all columns together

ROWS = (
    "image",
    "teacher's label",
    "confidence\n(black 0,\nwhite 1)",
    "S's view",
    "label of\nthis view",
    "its weight\n(black 0,\nwhite 1)",
)


def pseudo_labels_figure(
    images: np.ndarray,
    labels: np.ndarray,
    confidences: np.ndarray,
    views: np.ndarray,
    lessons: np.ndarray,
    weights: np.ndarray,
    palette: Palette,
    class_names: Sequence[str],
    path: str | Path,
) -> None:
    """Draws one column per window, with the rows of `ROWS`.

    Args:
        images: what the teacher sees, uint8 [N,H,W,1 or 3].
        labels: its pseudo-labels, [N,H,W] int.
        confidences: the probabilities of these, [N,H,W] float32 in [0, 1].
        views: what S sees, uint8 [N,H,W,1 or 3].
        lessons: the label of each view, [N,H,W] int.
        weights: of each pixel's loss, [N,H,W] float32 in [0, 1].
        palette: one colour per class.
        class_names: one name per class.
        path: the PNG to write, atomically.

    Raises:
        ValueError: sizes or numbers do not match, a class has no colour, or there are no windows.
    """
    if not len(images):
        raise ValueError("There are no windows to draw.")
    size = images.shape[:3]
    for name, each in (
        ("labels", labels),
        ("confidences", confidences),
        ("views", views[..., 0]),
        ("lessons", lessons),
        ("weights", weights),
    ):
        if each.shape != size:
            raise ValueError(f"images are {size}, {name} {each.shape}.")
    width = min(_WIDEST, _SHEET // len(images))
    pictures = (
        [to_rgb(image) for image in images],
        [colour_labels(label, palette) for label in labels],
        [_grey(confidence) for confidence in confidences],
        [to_rgb(view) for view in views],
        [colour_labels(lesson, palette) for lesson in lessons],
        [_grey(weight) for weight in weights],
    )
    sheet = arranged([[scaled(picture, width) for picture in row] for row in pictures])
    any_ignored = bool(np.any(lessons == IGNORE_LABEL))
    legend = class_patches(class_names, palette, any_ignored)
    figure, _ = sheet_figure(sheet, legend, row_names=ROWS)
    write_figure(figure, path)


def _grey(values: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1], [H,W], as grey levels, uint8 [H,W,3]."""
    levels = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return np.repeat(levels[..., np.newaxis], 3, axis=-1)
