"""Pixel metrics from a confusion matrix, summed over batches, images and replicas.

Counts are added up first and divided once at the end, so that neither a partial last batch nor a
replica with fewer valid pixels has too much weight.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.street_classes import SYNTHIA_13_CLASSES, SYNTHIA_16_CLASSES, TRAIN_NAMES
from tfadvseg_datasets.camvid.classes import NAMES_WITH_VOID


def confusion_matrix(label: tf.Tensor, predicted: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Counts pixels by true and predicted class.

    Can be called inside `tf.function` and `strategy.run`; add the results over replicas and
    batches.

    Args:
        label: [B,H,W] int32, class ids or `IGNORE_LABEL`, whose pixels are not counted.
        predicted: [B,H,W] int32, class ids.
        num_classes: K.

    Returns:
        [K,K] int64: number of pixels of class i (row) predicted as class j (column).

    Raises:
        ValueError: both shapes are known and differ.
    """
    if not label.shape.is_compatible_with(predicted.shape):
        raise ValueError(f"label has shape {label.shape}, predicted {predicted.shape}.")
    cells = num_classes * num_classes
    # Counted on the CPU: TensorFlow has no deterministic count for GPUs and refuses the other one
    # under `enable_op_determinism`.
    with tf.device("/device:CPU:0"):
        cell = tf.where(label == IGNORE_LABEL, cells, label * num_classes + predicted)
        counts = tf.math.bincount(
            tf.reshape(cell, [-1]), minlength=cells + 1, maxlength=cells + 1, dtype=tf.int64
        )
        return tf.reshape(counts[:cells], [num_classes, num_classes])


def segmentation_metrics(confusion: np.ndarray, class_names: Sequence[str]) -> dict[str, float]:
    """Metrics of a confusion matrix, all in [0,1].

    With TP, FP and FN the true positive, false positive and false negative pixels of a class:

    - `accuracy`: share of correctly predicted pixels.
    - `class_accuracy`: mean of `recall_<class>` over the classes that occur in the truth.
    - `miou`: mean of `iou_<class>` over the classes that occur in truth or prediction.
    - `miou_16`, `miou_13`: for the 19 classes of Cityscapes, the same over the 16 and the 13
    classes
      that papers on SYNTHIA compare (`data.street_classes.SYNTHIA_16_CLASSES`).
    - `accuracy_without_void`, `miou_without_void`: for CamVid's 11 classes and void, accuracy and
      mean IoU of the 11 classes over the pixels that are not void in the truth. A prediction of
      void on these is a false negative of the true class.
    - `f1_<class>`: 2 TP / (2 TP + FP + FN), the Dice coefficient.
    - `iou_<class>`: TP / (TP + FP + FN), the Jaccard index.
    - `precision_<class>`: TP / (TP + FP); `recall_<class>`: TP / (TP + FN).

    A ratio 0 / 0 is NaN rather than 0 or 1: F1 and IoU of a class that occurs neither in truth nor
    in prediction, the precision of a class that is never predicted, the recall of a class that is
    never true, and everything if there are no pixels.

    Args:
        confusion: [K,K] counts, rows true and columns predicted classes (`confusion_matrix`).
        class_names: K names.

    Raises:
        ValueError: `confusion` is not [K,K].
    """
    classes = len(class_names)
    if confusion.shape != (classes, classes):
        raise ValueError(f"confusion has shape {confusion.shape} for {classes} classes.")
    counts = confusion.astype(np.float64)
    found = np.diag(counts)
    true, predicted = counts.sum(axis=1), counts.sum(axis=0)
    iou = _ratio(found, true + predicted - found)
    per_class = {
        "f1": _ratio(2 * found, true + predicted),
        "iou": iou,
        "precision": _ratio(found, predicted),
        "recall": _ratio(found, true),
    }
    metrics = {
        "accuracy": float(_ratio(found.sum(), counts.sum())),
        "class_accuracy": _mean_of_occurring(per_class["recall"]),
        "miou": _mean_of_occurring(iou),
    }
    if tuple(class_names) == TRAIN_NAMES:
        metrics["miou_16"] = _mean_of_occurring(iou[list(SYNTHIA_16_CLASSES)])
        metrics["miou_13"] = _mean_of_occurring(iou[list(SYNTHIA_13_CLASSES)])
    if tuple(class_names) == NAMES_WITH_VOID:
        metrics |= _metrics_without_void(counts)
    for metric, values in per_class.items():
        for name, value in zip(class_names, values, strict=True):
            metrics[f"{metric}_{name}"] = float(value)
    return metrics


def metric_names(class_names: Sequence[str]) -> list[str]:
    """Names of the metrics that `segmentation_metrics` returns."""
    classes = len(class_names)
    return list(segmentation_metrics(np.zeros((classes, classes), np.int64), class_names))


def _metrics_without_void(counts: np.ndarray) -> dict[str, float]:
    """Accuracy and mean IoU over pixels that are not void (the last class) in the truth."""
    labelled = counts[:-1]
    found = np.diag(labelled)
    true, predicted = labelled.sum(axis=1), labelled[:, :-1].sum(axis=0)
    return {
        "accuracy_without_void": float(_ratio(found.sum(), labelled.sum())),
        "miou_without_void": _mean_of_occurring(_ratio(found, true + predicted - found)),
    }


def _mean_of_occurring(values: np.ndarray) -> float:
    occurring = values[~np.isnan(values)]
    return float(occurring.mean()) if occurring.size else float("nan")


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.divide(numerator, denominator)
