"""Pictures in rows and columns on one page, with names and a legend of classes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from tfadvseg.reporting.canvas import DPI, new_figure
from tfadvseg.reporting.colour import IGNORED_COLOUR, Palette

FONT_SIZE = 7
MARGIN = 0.06  # inches

_GAP = 8  # pixels between pictures
_WIDE_GAP = 24
_FRAME = 150  # grey level of a picture's outline, which makes the border of white maps visible
_NAMES_WIDTH = 0.85  # inches
_HEADINGS_HEIGHT, _LEGEND_LINE = 0.16, 0.17


@dataclass(frozen=True)
class Sheet:
    """Framed pictures on white.

    Attributes:
        pixels: uint8 [H,W,3].
        rows, columns: first and last pixel of each, including frames.
    """

    pixels: np.ndarray
    rows: list[tuple[int, int]]
    columns: list[tuple[int, int]]


def arranged(rows: Sequence[Sequence[np.ndarray | None]], wide_gaps: Collection[int] = ()) -> Sheet:
    """Arranges pictures on one sheet.

    Args:
        rows: uint8 [h,w,3] each, of any size; None leaves a place empty.
        wide_gaps: columns with a wider gap before them.
    """
    heights = [max(len(cell) for cell in row if cell is not None) for row in rows]
    widths = [
        max(cell.shape[1] for cell in column if cell is not None)
        for column in zip(*rows, strict=True)
    ]
    tops = _spans(heights)
    lefts = _spans(widths, wide_gaps)
    pixels = np.full((tops[-1][1], lefts[-1][1], 3), 255, np.uint8)
    for row, (top, _) in zip(rows, tops, strict=True):
        for cell, (left, _) in zip(row, lefts, strict=True):
            if cell is not None:
                height, width, _ = cell.shape
                pixels[top : top + height + 2, left : left + width + 2] = _FRAME
                pixels[top + 1 : top + height + 1, left + 1 : left + width + 1] = cell
    return Sheet(pixels, tops, lefts)


def _spans(sizes: Sequence[int], wide_gaps: Collection[int] = ()) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for index, size in enumerate(sizes):
        gap = _WIDE_GAP if index in wide_gaps else _GAP
        start = spans[-1][1] + gap if spans else 0
        spans.append((start, start + size + 2))
    return spans


def middle(*spans: tuple[int, int]) -> float:
    """Middle of adjacent rows or columns, in pixels of the sheet."""
    return (spans[0][0] + spans[-1][1] - 1) / 2


def scaled(picture: np.ndarray, width: int) -> np.ndarray:
    """Scales a picture, uint8 [h,w,3], to a width in pixels; the aspect ratio is kept."""
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    # Hamming's filter averages when reducing and keeps edges sharp when enlarging.
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.HAMMING))


def shortened(name: str) -> str:
    """The name, shortened to at most 16 characters."""
    return name if len(name) <= 16 else f"{name[:7]}…{name[-8:]}"


def class_patches(class_names: Sequence[str], palette: Palette, any_ignored: bool) -> list[Patch]:
    """Legend entries: every class, and ignored pixels if there are any.

    Raises:
        ValueError: the numbers of classes and colours differ.
    """
    entries = list(zip(class_names, palette, strict=True))
    if any_ignored:
        entries.append(("ignored", IGNORED_COLOUR))
    return [
        Patch(
            facecolor=(red / 255, green / 255, blue / 255),
            edgecolor=str(_FRAME / 255),
            linewidth=0.6,
            label=name.replace("_", " "),
        )
        for name, (red, green, blue) in entries
    ]


def sheet_figure(
    sheet: Sheet,
    legend: Sequence[Patch],
    row_names: Sequence[str] = (),
    row_size: float = FONT_SIZE,
    headings: Sequence[tuple[str, float]] = (),
    heading_size: float = FONT_SIZE,
    right: float = MARGIN,
) -> tuple[Figure, Axes]:
    """A page that shows a sheet pixel by pixel.

    Args:
        sheet: the pictures.
        legend: entries, below the sheet.
        row_names: to the left of the rows.
        row_size: font size of the row names.
        headings: above the sheet, each with its centre in pixels of the sheet.
        heading_size: font size of the headings.
        right: free space on the right, in inches.

    Returns:
        The figure, and the axes of the sheet, in the sheet's pixels.
    """
    height, width = (size / DPI for size in sheet.pixels.shape[:2])
    names_width = _NAMES_WIDTH if row_names else MARGIN
    page_width = names_width + width + right
    # Approximate width of a legend entry.
    entry = 0.45 + 0.055 * max(len(str(patch.get_label())) for patch in legend)
    ncols = max(1, min(len(legend), int(page_width / entry)))
    legend_height = _LEGEND_LINE * -(-len(legend) // ncols) + 2 * MARGIN
    headings_height = _HEADINGS_HEIGHT if headings else 0
    page_height = legend_height + height + headings_height + MARGIN

    figure = new_figure(page_width, page_height)
    left, bottom = names_width / page_width, legend_height / page_height
    axes = figure.add_axes((left, bottom, width / page_width, height / page_height))
    axes.imshow(sheet.pixels, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    for name, span in zip(row_names, sheet.rows, strict=bool(row_names)):
        axes.annotate(
            name,
            (0, middle(span)),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=row_size,
        )
    for heading, centre in headings:
        axes.annotate(
            heading,
            (centre, 0),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=heading_size,
        )
    figure.legend(
        handles=list(legend),
        loc="lower center",
        bbox_to_anchor=(left + width / page_width / 2, 0),
        ncols=ncols,
        fontsize=FONT_SIZE,
        frameon=False,
        handlelength=1.2,
        handleheight=1.0,
        columnspacing=1.5,
        borderaxespad=0.3,
    )
    return figure, axes
