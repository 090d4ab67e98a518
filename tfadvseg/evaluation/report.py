"""All metrics on whole images, and tables of them."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tfadvseg.data.examples import Examples
from tfadvseg.evaluation.image_metrics import (
    CONFUSION,
    MeasuredTask,
    measure_image,
    metrics_of_sums,
)
from tfadvseg.evaluation.whole_images import TILE, ImagePredictor, predict_probabilities
from tfadvseg.files.metrics_text import plain_table

Keep = Callable[[int, np.ndarray, np.ndarray, np.ndarray], None]

Gather = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
"""Adds arrays of the same names over processes."""


def alone(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What one process gathers."""
    return arrays


_DETAILS = ("hd95_", "assd_", "boundary_iou_", "found_", "missed_", "invented_")
"""Beginnings of metrics per class that files hold, but tables leave out."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics on whole images.

    Attributes:
        metrics: of `image_metrics.IMAGE_METRICS`, over all images.
        image_sums: of each metric the sums of each image, [N,...].
        task: that was measured.
    """

    metrics: dict[str, float]
    image_sums: dict[str, np.ndarray]
    task: MeasuredTask

    @property
    def image_confusions(self) -> np.ndarray:
        """[N,K,K] int64: pixels of each image, rows true and columns predicted classes."""
        return self.image_sums[CONFUSION]

    @property
    def confusion(self) -> np.ndarray:
        """Sum over all images, [K,K] int64."""
        return self.image_confusions.sum(axis=0)

    def image_metrics(self, number: int) -> dict[str, float]:
        """The metrics of one image by itself."""
        sums = {name: each[number] for name, each in self.image_sums.items()}
        return metrics_of_sums(sums, self.task)


def evaluate_sections(
    predictor: ImagePredictor,
    examples: Examples,
    tile: int = TILE,
    *,
    outlines: bool = True,
    spacing: tuple[float, float] = (1.0, 1.0),
    keep: Keep | None = None,
    gather: Gather = alone,
    part: int = 0,
    parts: int = 1,
) -> Evaluation:
    """Evaluates a segmenter on whole images of any sizes, one image in memory at a time.

    Args:
        predictor: the segmenter.
        examples: images with labels.
        tile: of `whole_images.predict_probabilities`.
        outlines, spacing: of `image_metrics.MeasuredTask`.
        keep: called with each image's number, pixels, label and probabilities [H,W,K].
        gather: adds what other processes measured, each another of `parts` parts of the images.
        part, parts: every so many-th image is measured here.

    Raises:
        UserError: `tile` is too small for the network.
        ValueError: there are no labels or no examples, or a label differs in size from its image.
    """
    if examples.labels is None or not len(examples):
        raise ValueError("Nothing to evaluate: there are no examples, or they have no labels.")
    spec = predictor.spec
    task = MeasuredTask(
        spec.class_names, spec.foreground_class, spec.darkfield_accuracy, outlines, spacing
    )
    image_sums: defaultdict[str, dict[int, np.ndarray]] = defaultdict(dict)
    for number in range(part, len(examples), parts):
        image, label = examples.images[number], examples.labels[number]
        probabilities = predict_probabilities(predictor, image, tile)
        if keep is not None:
            keep(number, image, label, probabilities)
        for name, sums in measure_image(label, probabilities, task).items():
            image_sums[name][number] = sums
    stacked = gather(_stacked(image_sums, len(examples)))
    totals = {name: each.sum(axis=0) for name, each in stacked.items()}
    return Evaluation(metrics_of_sums(totals, task), stacked, task)


def _stacked(
    image_sums: Mapping[str, Mapping[int, np.ndarray]], count: int
) -> dict[str, np.ndarray]:
    """Sums of each image, [N,...]; 0 for images that were measured elsewhere."""
    stacked = {}
    for name, by_number in image_sums.items():
        first = next(iter(by_number.values()))
        stacked[name] = np.zeros((count, *np.shape(first)), np.asarray(first).dtype)
        for number, sums in by_number.items():
            stacked[name][number] = sums
    return stacked


def format_table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """A table of numbers with one column per network and one row per metric.

    Args:
        rows: metrics by network, in the order of the columns; metrics appear in the order in which
            they are first met. NaN shows as `n/a`, a metric that a network lacks as `-`. Outlines
            and objects of single classes are left out.

    Returns:
        Lines of equal length, without a newline at the end.
    """
    every = dict.fromkeys(metric for values in rows.values() for metric in values)
    metrics = [metric for metric in every if not metric.startswith(_DETAILS)]
    cells = [["", *rows]] + [
        [metric, *(_cell(values.get(metric)) for values in rows.values())] for metric in metrics
    ]
    return plain_table(cells)


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return "n/a" if math.isnan(value) else f"{value:.4f}"
