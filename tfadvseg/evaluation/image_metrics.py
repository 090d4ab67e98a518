"""The metrics that whole images are measured by: one list, which every evaluation goes through.

Each metric takes one image at a time to an array of sums. These add up over images, and whatever
is reported is computed from the total. So images are streamed, parts of a set can be measured apart
and added, and a bootstrap over images needs no prediction again. To add a metric, write its two
functions in a file of their own and add an entry to `IMAGE_METRICS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfadvseg.evaluation.boundary_iou import boundary_metrics, boundary_sums
from tfadvseg.evaluation.calibration import calibration_sums, expected_calibration_error
from tfadvseg.evaluation.components import component_metrics, component_sums
from tfadvseg.evaluation.em_metrics import em_scores_of_sums, measure_section, section_sums
from tfadvseg.evaluation.label_metrics import CONFUSION, DARKFIELD, LABEL_METRICS
from tfadvseg.evaluation.surfaces import surface_metrics, surface_sums

CALIBRATION = "calibration"
"""Name of the sums of probabilities, which are drawn, too, as those of `CONFUSION` are."""


@dataclass(frozen=True)
class MeasuredTask:
    """What metrics need to know of a task.

    Attributes:
        class_names: one name per class id.
        foreground_class: the class inside objects that boundaries keep apart, or None.
        darkfield_accuracy: whether to measure `darkfield_accuracy`.
        outlines: whether to measure outlines and objects, which takes longest on large images.
        spacing: (height, width) of a pixel in the unit of distances.
    """

    class_names: tuple[str, ...]
    foreground_class: int | None = None
    darkfield_accuracy: bool = False
    outlines: bool = True
    spacing: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class MeasuredImage:
    """One image to be measured.

    Attributes:
        label: [H,W] int, class ids or `IGNORE_LABEL`.
        probabilities: [H,W,K] float32 of each class.
        predicted: [H,W] int, the most probable class.
    """

    label: np.ndarray
    probabilities: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class ImageMetric:
    """One metric, or several that come from the same sums.

    Attributes:
        applies: whether the task has it.
        sums: of one image.
        metrics: by name, from the sums of all images added up.
    """

    applies: Callable[[MeasuredTask], bool]
    sums: Callable[[MeasuredImage, MeasuredTask], np.ndarray]
    metrics: Callable[[np.ndarray, MeasuredTask], dict[str, float]]


def _of_labels(name: str, applies: Callable[[MeasuredTask], bool]) -> ImageMetric:
    metric = LABEL_METRICS[name]

    def sums(image: MeasuredImage, task: MeasuredTask) -> np.ndarray:
        label, predicted = _as_batch(image.label), _as_batch(image.predicted)
        return metric.sums(label, predicted, len(task.class_names)).numpy()

    return ImageMetric(applies, sums, lambda sums, task: metric.metrics(sums, task.class_names))


def _section(image: MeasuredImage, task: MeasuredTask) -> np.ndarray:
    assert task.foreground_class is not None
    foreground = image.probabilities[..., task.foreground_class]
    return section_sums(measure_section(foreground, image.label, task.foreground_class))


def _as_batch(label: np.ndarray) -> tf.Tensor:
    return tf.constant(label[np.newaxis], tf.int32)


IMAGE_METRICS: Mapping[str, ImageMetric] = {
    CONFUSION: _of_labels(CONFUSION, lambda task: True),
    DARKFIELD: _of_labels(DARKFIELD, lambda task: task.darkfield_accuracy),
    "sections": ImageMetric(
        lambda task: task.foreground_class is not None,
        _section,
        lambda sums, task: em_scores_of_sums(sums).as_metrics(),
    ),
    CALIBRATION: ImageMetric(
        lambda task: True,
        lambda image, task: calibration_sums(image.label, image.probabilities),
        lambda sums, task: {"ece": expected_calibration_error(sums)},
    ),
    "boundary": ImageMetric(
        lambda task: task.outlines,
        lambda image, task: boundary_sums(image.label, image.predicted, len(task.class_names)),
        lambda sums, task: boundary_metrics(sums, task.class_names),
    ),
    "surface": ImageMetric(
        lambda task: task.outlines,
        lambda image, task: surface_sums(
            image.label, image.predicted, len(task.class_names), task.spacing
        ),
        lambda sums, task: surface_metrics(sums, task.class_names),
    ),
    "components": ImageMetric(
        lambda task: task.outlines,
        lambda image, task: component_sums(image.label, image.predicted, len(task.class_names)),
        lambda sums, task: component_metrics(sums, task.class_names),
    ),
}
"""By the name of their sums, in the order in which they are reported."""


def measure_image(
    label: np.ndarray, probabilities: np.ndarray, task: MeasuredTask
) -> dict[str, np.ndarray]:
    """Sums of one image, by metric.

    Args:
        label: [H,W] int, class ids or `IGNORE_LABEL`.
        probabilities: [H,W,K] float32.
        task: which metrics, of which classes.

    Raises:
        ValueError: the label differs in size from the probabilities.
    """
    if label.shape != probabilities.shape[:2]:
        raise ValueError(f"label is {label.shape}, probabilities are {probabilities.shape[:2]}.")
    # Signed: sums and comparisons of class ids must not wrap around.
    image = MeasuredImage(label.astype(np.int32), probabilities, probabilities.argmax(axis=-1))
    return {
        name: metric.sums(image, task)
        for name, metric in IMAGE_METRICS.items()
        if metric.applies(task)
    }


def metrics_of_sums(totals: Mapping[str, np.ndarray], task: MeasuredTask) -> dict[str, float]:
    """Metrics by name, from each metric's sums added up over images."""
    metrics: dict[str, float] = {}
    for name, metric in IMAGE_METRICS.items():
        if name in totals:
            metrics |= metric.metrics(totals[name], task)
    return metrics
