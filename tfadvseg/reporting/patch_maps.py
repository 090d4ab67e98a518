"""Maps of D's patch answers, with the predictions they belong to."""

import math
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import CenteredNorm, LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.reporting.canvas import write_figure
from tfadvseg.reporting.colour import Palette, colour_labels, to_rgb
from tfadvseg.reporting.sheets import (
    FONT_SIZE,
    Sheet,
    arranged,
    class_patches,
    middle,
    scaled,
    sheet_figure,
)

_ROWS = ("image", "label", "prediction")
_WIDEST = 320  # pixels of an image in the figure
_SHEET = 1240  # pixels of all columns together
_BAR = 20  # pixels, of the colour bar and of the gap before it
_BAR_ROOM = 1.05  # inches, for both and the ticks
_ANSWERS = LinearSegmentedColormap.from_list("answers", ("#009E73", "#F7F7F7", "#AA4499"), N=257)
"""From low over undecided to high answers: the colours of real and fake in `curves`."""


def patch_maps_figure(
    images: Sequence[np.ndarray],
    labels: Sequence[np.ndarray | None],
    predictions: Sequence[np.ndarray],
    patch_logits: Sequence[np.ndarray],
    domains: Sequence[str],
    palette: Palette,
    class_names: Sequence[str],
    path: str | Path,
    least_squares: bool = False,
    answers: tuple[str, str] = ("source", "target"),
) -> None:
    """Draws one column per sample, with rows for image, label, S's prediction and D's patch map.

    D's logits are enlarged to the image without interpolation. All columns share one colour scale,
    which is symmetric about D's undecided answer. This is 0 by default; the bar then shows logits
    and the corresponding probabilities of the second answer. With `least_squares` it is 1/2, and
    the bar shows D's answers, which are not logits. Neighbouring samples with one heading share it.

    Args:
        images: uint8 [H,W,1] or [H,W,3] each, of any size.
        labels: [H,W] int each, class ids or `IGNORE_LABEL`; None if a label is unknown. The row is
            omitted if all are.
        predictions: [H,W] int each, class ids.
        patch_logits: [h,w] float each, D's answers to the prediction, above 0 for the second
            answer; with `least_squares` above 1/2 (`losses.gan`).
        domains: heading of each.
        palette: one colour per class.
        class_names: one name per class.
        path: the PNG to write, atomically.
        least_squares: whether D was trained with least squares, towards 0 and 1.
        answers: the side with label 0 and the side with label 1.

    Raises:
        ValueError: sizes or numbers do not match, a logit is not finite, a class has no colour, or
            there are no samples.
    """
    if not images:
        raise ValueError("There are no samples to draw.")
    counts = [len(each) for each in (images, labels, predictions, patch_logits, domains)]
    if len(set(counts)) > 1:
        raise ValueError(
            "images, labels, predictions, patch_logits and domains number "
            f"{', '.join(map(str, counts))}."
        )
    for logits in patch_logits:
        if logits.ndim != 2 or not np.all(np.isfinite(logits)):
            raise ValueError(f"patch_logits of shape {logits.shape}: must be [h,w] and finite.")
    undecided = 0.5 if least_squares else 0.0
    reach = max(float(np.abs(logits - undecided).max()) for logits in patch_logits) or 1.0
    low, high = answers
    colours = ScalarMappable(CenteredNorm(undecided, reach), _ANSWERS)
    samples = zip(images, labels, predictions, patch_logits, strict=True)
    width = min(_WIDEST, _SHEET // len(images))
    columns = [_column(*sample, palette, colours, width) for sample in samples]
    scores = f"D: 0 {low},\n1 {high}" if least_squares else f"D: logit\n(probability\nof {high})"
    names = (*_ROWS, scores)
    rows = dict(zip(names, zip(*columns, strict=True), strict=True))
    known = [label for label in labels if label is not None]
    if not known:
        del rows["label"]
    groups = [[*group] for _, group in groupby(range(len(images)), key=lambda i: domains[i])]
    sheet = arranged(list(rows.values()), wide_gaps=[group[0] for group in groups[1:]])
    any_ignored = any(bool(np.any(label == IGNORE_LABEL)) for label in known)
    figure, axes = sheet_figure(
        sheet,
        class_patches(class_names, palette, any_ignored),
        row_names=list(rows),
        headings=[
            (domains[group[0]], middle(sheet.columns[group[0]], sheet.columns[group[-1]]))
            for group in groups
        ],
        right=_BAR_ROOM,
    )
    _draw_bar(axes, colours, answers, sheet, _plain_text if least_squares else _logit_text)
    write_figure(figure, path)


def _column(
    image: np.ndarray,
    label: np.ndarray | None,
    predicted: np.ndarray,
    logits: np.ndarray,
    palette: Palette,
    colours: ScalarMappable,
    width: int,
) -> list[np.ndarray | None]:
    """The pictures of a sample, one per row."""
    for name, ids in (("label", label), ("prediction", predicted)):
        if ids is not None and ids.shape != image.shape[:2]:
            raise ValueError(f"image is {image.shape[:2]}, {name} {ids.shape}.")
    picture = scaled(to_rgb(image), width)
    maps = [
        None if ids is None else scaled(colour_labels(ids, palette), width)
        for ids in (label, predicted)
    ]
    heat = colours.to_rgba(_enlarged(logits, picture.shape[:2]), bytes=True)[..., :3]
    return [picture, *maps, heat]


def _enlarged(logits: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """The logit nearest to each pixel: [h,w] to [height,width]."""
    rows, columns = (np.arange(n) * m // n for n, m in zip(size, logits.shape, strict=True))
    return logits[np.ix_(rows, columns)]


def _draw_bar(
    axes: Axes,
    colours: ScalarMappable,
    answers: tuple[str, str],
    sheet: Sheet,
    text: Callable[[float, float], str],
) -> None:
    """Draws the colour bar, to the right of the sheet's last row."""
    height, width = sheet.pixels.shape[:2]
    top, bottom = sheet.rows[-1]
    place = axes.inset_axes(
        (1 + _BAR / width, 1 - bottom / height, _BAR / width, (bottom - top) / height)
    )
    bar = axes.figure.colorbar(colours, cax=place)
    bar.ax.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    bar.ax.yaxis.set_major_formatter(text)
    bar.ax.tick_params(labelsize=FONT_SIZE - 1, length=2, width=0.6)
    bar.outline.set_visible(False)
    for name, side, gap in zip(reversed(answers), (1, 0), (3, -3), strict=True):
        bar.ax.annotate(
            name,
            (0, side),
            xycoords="axes fraction",
            xytext=(0, gap),
            textcoords="offset points",
            va="bottom" if side else "top",
            fontsize=FONT_SIZE - 1,
        )


def _logit_text(logit: float, _: float) -> str:
    return f"{_plain_text(logit, _)} ({(1 + math.tanh(logit / 2)) / 2:.3f})"


def _plain_text(answer: float, _: float) -> str:
    return f"{answer:g}".replace("-", "−")
