"""A page of windows: image, label and each segmenter's prediction."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.reporting.canvas import network_titles, write_figure
from tfadvseg.reporting.colour import Palette, colour_labels, colour_probabilities, to_rgb
from tfadvseg.reporting.sheets import (
    FONT_SIZE,
    arranged,
    class_patches,
    middle,
    sheet_figure,
    shortened,
)

_TARGET = 140  # pixels of a window in the figure, about


def samples_figure(
    images: np.ndarray,
    labels: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    palette: Palette,
    class_names: Sequence[str],
    path: str | Path,
    keys: Sequence[str] = (),
    methods: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Draws windows as columns; as rows the image, its label and each prediction.

    Args:
        images: uint8 [N,H,W,1] or [N,H,W,3].
        labels: [N,H,W] int, class ids or `IGNORE_LABEL`.
        predictions: by segmenter; class ids [N,H,W] int, or probabilities [N,H,W,K] float in [0,1],
            which mix the classes' colours.
        palette: one colour per class.
        class_names: one name per class.
        path: the PNG to write, atomically.
        keys: one name per window, above it; none by default.
        methods: the method that trains each segmenter, for the rows' names.

    Raises:
        ValueError: shapes or numbers do not match, or there are no windows.
    """
    titles = network_titles(predictions, methods)
    if len(titles) == 1:
        titles = dict.fromkeys(titles, "prediction")
    maps = {titles[name]: _coloured(values, palette) for name, values in predictions.items()}
    rows = {"image": to_rgb(images), "label": colour_labels(labels, palette), **maps}
    for name, windows in rows.items():
        if windows.shape != rows["image"].shape or not windows.size:
            raise ValueError(f"{name} has shape {windows.shape}, images {rows['image'].shape}.")
    if keys and len(keys) != len(images):
        raise ValueError(f"{len(keys)} keys for {len(images)} windows.")

    sheet = arranged([_resized(windows) for windows in rows.values()])
    figure, _ = sheet_figure(
        sheet,
        class_patches(class_names, palette, any_ignored=bool(np.any(labels == IGNORE_LABEL))),
        row_names=list(rows),
        headings=[
            (shortened(key), middle(span))
            for key, span in zip(keys, sheet.columns, strict=bool(keys))
        ],
        heading_size=FONT_SIZE - 2,
    )
    write_figure(figure, path)


def _coloured(values: np.ndarray, palette: Palette) -> np.ndarray:
    paint = colour_probabilities if values.ndim == 4 else colour_labels
    return paint(values, palette)


def _resized(windows: np.ndarray) -> list[np.ndarray]:
    """Windows of about `_TARGET` pixels, by integer factors: sharp if small, smooth if large."""
    size = max(windows.shape[1:3])
    reduced = _reduced(windows, max(1, round(size / _TARGET)))
    zoom = max(1, round(_TARGET / size))
    return list(reduced.repeat(zoom, 1).repeat(zoom, 2))


def _reduced(windows: np.ndarray, factor: int) -> np.ndarray:
    """Means of blocks of `factor` x `factor` pixels; incomplete blocks at the ends are cut off."""
    count, height, width, channels = windows.shape
    height, width = max(1, height // factor), max(1, width // factor)
    windows = windows[:, : height * factor, : width * factor]
    blocks = windows.reshape(count, height, -1, width, windows.shape[2] // width, channels)
    return np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)
