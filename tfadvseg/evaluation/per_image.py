"""What was measured on each image by itself: as a table, and as sums that a bootstrap can use."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfadvseg.evaluation.confusion import metric_names
from tfadvseg.evaluation.report import Evaluation
from tfadvseg.files import atomic
from tfadvseg.files.image_sums import KEYS


def per_image_csv(keys: Sequence[str], evaluation: Evaluation) -> str:
    """A row per image: its mIoU, accuracy and each class's IoU, then what else was measured.

    Args:
        keys: N names.
        evaluation: of N images.

    Returns:
        The header `image,miou,accuracy,iou_<class>,...` and a line per image; empty where there is
        nothing to count, such as a class that is nowhere in the image.

    Raises:
        ValueError: the number of names is another.
    """
    images = len(evaluation.image_confusions)
    if len(keys) != images:
        raise ValueError(f"{len(keys)} names for {images} images.")
    names = evaluation.task.class_names
    columns = ["miou", "accuracy", *(f"iou_{name}" for name in names)]
    columns += [name for name in evaluation.metrics if name not in metric_names(names)]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["image", *columns])
    for number, key in enumerate(keys):
        metrics = evaluation.image_metrics(number)
        values = [metrics[column] for column in columns]
        writer.writerow([key, *("" if math.isnan(value) else value for value in values)])
    return table.getvalue()


def write_image_sums(path: Path, keys: Sequence[str], evaluation: Evaluation) -> None:
    """Writes each image's sums as NumPy's .npz: an array [N,...] per metric, and the keys."""
    file = io.BytesIO()
    np.savez_compressed(file, **{KEYS: np.array(keys, str)}, **evaluation.image_sums)
    atomic.write_bytes(path, file.getvalue())
