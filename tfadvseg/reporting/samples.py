"""A page of windows: image, label and what each segmenter makes of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.reporting.canvas import DPI, network_names, new_figure, write_figure
from tfadvseg.reporting.colour import (
    IGNORED_COLOUR,
    Palette,
    colour_labels,
    colour_probabilities,
    to_rgb,
)

_TARGET = 140  # pixels of a window in the figure, about
_GAP = 8  # pixels between windows
_FRAME = 150  # grey level of a window's outline, so that white maps end somewhere
_FONT_SIZE = 7
_NAMES_WIDTH = 0.85  # inches
_KEYS_HEIGHT, _LEGEND_LINE, _MARGIN = 0.16, 0.17, 0.06


def samples_figure(
    images: np.ndarray,
    labels: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    palette: Palette,
    class_names: Sequence[str],
    path: str | Path,
    keys: Sequence[str] = (),
) -> None:
    """Draws windows as columns; as rows the image, its label and each prediction.

    Args:
        images: uint8 [N,H,W,1] or [N,H,W,3].
        labels: [N,H,W] int, class ids or `IGNORE_LABEL`.
        predictions: by segmenter; class ids [N,H,W] int, or probabilities [N,H,W,K] float in [0,1],
            which mix the classes' colours.
        palette: a colour a class.
        class_names: a name a class.
        path: the PNG to write, whole or not at all.
        keys: a name a window, shown above it; none by default.

    Raises:
        ValueError: shapes or numbers do not match, or there are no windows.
    """
    names = network_names(list(predictions), against_discriminator=False)
    if len(names) == 1:
        names = dict.fromkeys(names, "prediction")
    maps = {names[name]: _coloured(values, palette) for name, values in predictions.items()}
    rows = {"image": to_rgb(images), "label": colour_labels(labels, palette), **maps}
    for name, windows in rows.items():
        if windows.shape != rows["image"].shape or not windows.size:
            raise ValueError(f"{name} has shape {windows.shape}, images {rows['image'].shape}.")
    if keys and len(keys) != len(images):
        raise ValueError(f"{len(keys)} keys for {len(images)} windows.")

    legend = [
        Patch(facecolor=_share(colour), edgecolor=_share((_FRAME,) * 3), linewidth=0.6, label=name)
        for name, colour in zip(class_names, palette, strict=True)
    ]
    if np.any(labels == IGNORE_LABEL):
        legend.append(Patch(facecolor=_share(IGNORED_COLOUR), linewidth=0.6, label="ignored"))
    sheet, centres = _arranged(list(rows.values()))
    figure = _page(sheet, list(rows), keys, centres, legend)
    write_figure(figure, path)


def _coloured(values: np.ndarray, palette: Palette) -> np.ndarray:
    paint = colour_probabilities if values.ndim == 4 else colour_labels
    return paint(values, palette)


def _share(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def _arranged(rows: list[np.ndarray]) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """All windows on one white sheet, and the centres of its rows and columns in pixels."""
    count, height, width, _ = rows[0].shape
    # Whole factors keep small windows crisp and large ones even.
    zoom = max(1, round(_TARGET / max(height, width)))
    reduction = max(1, round(max(height, width) / _TARGET))
    rows = [_reduced(row, reduction).repeat(zoom, 1).repeat(zoom, 2) for row in rows]
    height, width = rows[0].shape[1:3]
    step = np.array([height, width]) + 2 + _GAP
    sheet = np.full((*(step * [len(rows), count] - _GAP), 3), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, window in enumerate(row):
            top, left = step * [i, j]
            sheet[top : top + height + 2, left : left + width + 2] = _FRAME
            sheet[top + 1 : top + height + 1, left + 1 : left + width + 1] = window
    centres = (
        np.arange(len(rows)) * step[0] + height / 2,
        np.arange(count) * step[1] + width / 2,
    )
    return sheet, centres


def _reduced(windows: np.ndarray, factor: int) -> np.ndarray:
    """Means of blocks of `factor` x `factor` pixels; what is left over at the ends is cut off."""
    count, height, width, channels = windows.shape
    height, width = max(1, height // factor), max(1, width // factor)
    windows = windows[:, : height * factor, : width * factor]
    blocks = windows.reshape(count, height, -1, width, windows.shape[2] // width, channels)
    return np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)


def _page(
    sheet: np.ndarray,
    names: list[str],
    keys: Sequence[str],
    centres: tuple[np.ndarray, np.ndarray],
    legend: list[Patch],
) -> Figure:
    """The sheet at one pixel to a pixel, with names around it."""
    height, width = (size / DPI for size in sheet.shape[:2])
    page_width = _NAMES_WIDTH + width + _MARGIN
    # A legend entry takes about this much.
    entry = 0.45 + 0.055 * max(len(str(patch.get_label())) for patch in legend)
    ncols = max(1, min(len(legend), int(page_width / entry)))
    legend_height = _LEGEND_LINE * -(-len(legend) // ncols) + 2 * _MARGIN
    keys_height = _KEYS_HEIGHT if keys else 0
    page_height = legend_height + height + keys_height + _MARGIN

    figure = new_figure(page_width, page_height)
    left, bottom = _NAMES_WIDTH / page_width, legend_height / page_height
    axes = figure.add_axes((left, bottom, width / page_width, height / page_height))
    axes.imshow(sheet, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    for name, centre in zip(names, centres[0], strict=True):
        axes.annotate(
            name,
            (0, centre),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=_FONT_SIZE,
        )
    for key, centre in zip(keys, centres[1], strict=False):
        axes.annotate(
            key if len(key) <= 16 else f"{key[:7]}…{key[-8:]}",
            (centre, 0),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=_FONT_SIZE - 2,
        )
    figure.legend(
        handles=legend,
        loc="lower center",
        bbox_to_anchor=(left + width / page_width / 2, 0),
        ncols=ncols,
        fontsize=_FONT_SIZE,
        frameon=False,
        handlelength=1.2,
        handleheight=1.0,
        columnspacing=1.5,
        borderaxespad=0.3,
    )
    return figure
