"""Metrics of predicted labels, from sums that add up over images, batches and replicas.

`LABEL_METRICS` is what both validation (`training.validation`) and the measurement of whole images
(`evaluation.image_metrics`) go through.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfadvseg.evaluation.confusion import confusion_matrix, metric_names, segmentation_metrics
from tfadvseg.evaluation.darkfield_accuracy import (
    darkfield_accuracy,
    darkfield_names,
    darkfield_sums,
)


@dataclass(frozen=True)
class LabelMetric:
    """One metric of labels, or several that are computed from the same sums.

    Attributes:
        sums: function of labels and predictions, both [B,H,W] int32, and the number of classes, to
            the batch's sums; runs within a graph.
        metrics: function of these sums, added up over batches, and the classes' names to the
            metrics by name.
        names: function of the classes' names to the metrics' names.
        of_whole_images: whether the sums are over images, so that each must be whole.
    """

    sums: Callable[[tf.Tensor, tf.Tensor, int], tf.Tensor]
    metrics: Callable[[np.ndarray, Sequence[str]], dict[str, float]]
    names: Callable[[Sequence[str]], list[str]]
    of_whole_images: bool = False


CONFUSION, DARKFIELD = "confusion", "darkfield_accuracy"

LABEL_METRICS: Mapping[str, LabelMetric] = {
    CONFUSION: LabelMetric(confusion_matrix, segmentation_metrics, metric_names),
    DARKFIELD: LabelMetric(
        darkfield_sums, darkfield_accuracy, darkfield_names, of_whole_images=True
    ),
}
"""All metrics, by the name of their sums."""


def label_metrics(darkfield: bool, whole: bool = True) -> dict[str, LabelMetric]:
    """The metrics of a dataset.

    Args:
        darkfield: whether the dataset has the darkfield project's accuracy.
        whole: whether images are whole; otherwise, metrics of whole images are left out.
    """
    return {
        name: metric
        for name, metric in LABEL_METRICS.items()
        if (darkfield or name != DARKFIELD) and (whole or not metric.of_whole_images)
    }
