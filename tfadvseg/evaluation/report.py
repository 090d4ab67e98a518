"""All metrics on whole images, and tables of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfadvseg.data.examples import Examples
from tfadvseg.evaluation.confusion import confusion_matrix, segmentation_metrics
from tfadvseg.evaluation.darkfield_accuracy import darkfield_accuracy, darkfield_sums
from tfadvseg.evaluation.em_metrics import em_scores_of, measure_section
from tfadvseg.evaluation.whole_images import TILE, ImagePredictor, predict_probabilities
from tfadvseg.files.metrics_text import plain_table


@dataclass(frozen=True)
class Evaluation:
    """Metrics on whole images.

    Attributes:
        metrics: `segmentation_metrics` over the pixels of all images; `EmScores.as_metrics`, with
            each image as a section, if the model has a `foreground_class`; and
            `darkfield_accuracy` if it is enabled.
        image_confusions: [N,K,K] int64, pixels of each image, rows true and columns predicted
            classes.
    """

    metrics: dict[str, float]
    image_confusions: np.ndarray

    @property
    def confusion(self) -> np.ndarray:
        """Sum over all images, [K,K] int64."""
        return self.image_confusions.sum(axis=0)


def evaluate_sections(
    predictor: ImagePredictor, examples: Examples, tile: int = TILE
) -> Evaluation:
    """Evaluates a segmenter on whole images of any sizes, one image in memory at a time.

    Args:
        predictor: the segmenter.
        examples: images with labels.
        tile: as in `whole_images.predict_probabilities`.

    Raises:
        UserError: `tile` is too small for the network.
        ValueError: there are no labels or no examples, or a label differs in size from its image.
    """
    if examples.labels is None or not len(examples):
        raise ValueError("Nothing to evaluate: there are no examples, or they have no labels.")
    spec = predictor.spec
    num_classes = len(spec.class_names)
    confusions = []
    darkfield = np.zeros((4, num_classes))
    sections = []
    for image, label in zip(examples.images, examples.labels, strict=True):
        probabilities = predict_probabilities(predictor, image, tile)
        truth = tf.constant(label[np.newaxis], tf.int32)
        predicted = tf.constant(probabilities.argmax(axis=-1)[np.newaxis], tf.int32)
        confusions.append(confusion_matrix(truth, predicted, num_classes).numpy())
        if spec.darkfield_accuracy:
            darkfield += darkfield_sums(truth, predicted, num_classes).numpy()
        if spec.foreground_class is not None:
            foreground = probabilities[..., spec.foreground_class]
            sections.append(measure_section(foreground, label, spec.foreground_class))
    image_confusions = np.stack(confusions)
    metrics = segmentation_metrics(image_confusions.sum(axis=0), spec.class_names)
    if spec.darkfield_accuracy:
        metrics |= darkfield_accuracy(darkfield, spec.class_names)
    if sections:
        metrics |= em_scores_of(sections).as_metrics()
    return Evaluation(metrics, image_confusions)


def format_table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """A table of numbers with one column per network and one row per metric.

    Args:
        rows: metrics by network, in the order of the columns; metrics appear in the order of their
            first occurrence. NaN is printed as `n/a`, a missing metric as `-`.

    Returns:
        Lines of equal length, without a newline at the end.
    """
    metrics = list(dict.fromkeys(metric for values in rows.values() for metric in values))
    cells = [["", *rows]] + [
        [metric, *(_cell(values.get(metric)) for values in rows.values())] for metric in metrics
    ]
    return plain_table(cells)


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return "n/a" if math.isnan(value) else f"{value:.4f}"
