"""A page of windows without labels: prediction, pseudo-label and the confidence that chose it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.reporting.canvas import write_figure
from tfadvseg.reporting.colour import Palette, colour_labels, to_rgb
from tfadvseg.reporting.sheets import arranged, class_patches, middle, scaled, sheet_figure

_WIDEST, _SHEET = 240, 1240  # pixels of an image in the figure, and of all columns together


def chosen_labels_figure(
    images: np.ndarray,
    predictions: np.ndarray,
    pseudo_labels: np.ndarray,
    confidence: np.ndarray,
    threshold: float,
    confidence_name: str,
    palette: Palette,
    class_names: Sequence[str],
    path: str | Path,
) -> None:
    """Draws windows as columns, as rows image, prediction, pseudo-label and confidence.

    Confidence is grey, from black for 0 to white for 1. Above each window stands the share of its
    pixels whose pseudo-labels are learned.

    Args:
        images: uint8 [N,H,W,1] or [N,H,W,3].
        predictions: [N,H,W] int, class ids.
        pseudo_labels: [N,H,W] int, class ids, or `IGNORE_LABEL` where none is learned.
        confidence: [N,H,W] float in [0, 1].
        threshold: the least confidence with which a pseudo-label is learned.
        confidence_name: what the confidence is, in two short lines.
        palette: one colour per class.
        class_names: one name per class.
        path: the PNG to write, atomically.

    Raises:
        ValueError: shapes do not match, or there are no windows.
    """
    if not len(images):
        raise ValueError("There are no windows to draw.")
    shapes = {images.shape[:3], predictions.shape, pseudo_labels.shape, confidence.shape}
    if len(shapes) > 1:
        raise ValueError(f"shapes differ: {', '.join(map(str, sorted(shapes)))}.")
    grey = np.rint(255 * np.clip(confidence, 0, 1)).astype(np.uint8)[..., np.newaxis]
    rows = {
        "image": to_rgb(images),
        "prediction": colour_labels(predictions, palette),
        f"pseudo-label\n(from {threshold:g})": colour_labels(pseudo_labels, palette),
        confidence_name: np.repeat(grey, 3, axis=-1),
    }
    width = min(_WIDEST, _SHEET // len(images))
    sheet = arranged([[scaled(each, width) for each in windows] for windows in rows.values()])
    shares = (pseudo_labels != IGNORE_LABEL).mean(axis=(1, 2))
    figure, _ = sheet_figure(
        sheet,
        class_patches(class_names, palette, any_ignored=bool(np.any(shares < 1))),
        row_names=list(rows),
        headings=[
            (f"{share:.0%} learned", middle(span))
            for share, span in zip(shares, sheet.columns, strict=True)
        ],
    )
    write_figure(figure, path)
