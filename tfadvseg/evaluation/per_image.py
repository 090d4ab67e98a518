"""Metrics per image, as comma-separated values."""

import csv
import io
import math
from collections.abc import Sequence

import numpy as np

from tfadvseg.evaluation.confusion import segmentation_metrics


def per_image_csv(
    keys: Sequence[str], image_confusions: np.ndarray, class_names: Sequence[str]
) -> str:
    """One row per image: mIoU, accuracy and IoU per class, from `segmentation_metrics`.

    Args:
        keys: N names.
        image_confusions: [N,K,K] counts (`report.Evaluation`).
        class_names: K names.

    Returns:
        The header `image,miou,accuracy,iou_<class>,...` and one line per image; a field is empty if
        there is nothing to count, such as a class that does not occur in the image.
    """
    columns = ["miou", "accuracy", *(f"iou_{name}" for name in class_names)]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["image", *columns])
    for key, confusion in zip(keys, image_confusions, strict=True):
        metrics = segmentation_metrics(confusion, class_names)
        values = [metrics[column] for column in columns]
        writer.writerow([key, *("" if math.isnan(value) else value for value in values)])
    return table.getvalue()
