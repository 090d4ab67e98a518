"""Boundary IoU, Cheng et al., CVPR 2021 (arXiv 2103.16562), as its authors' code computes it.

The IoU of the parts of a class that lie near its own outline: pixels whose chessboard distance to
the outside of the class, or to the end of the image, is at most d. There, d is 2 % of the image's
diagonal. Small errors along the outline of a large object change it, while they hardly change IoU.

Pixels with `ignore_label` belong to no class, in truth and prediction alike. Pixels are added up
over images, as for IoU.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from tfadvseg.data.descriptors import IGNORE_LABEL

DIAGONAL_SHARE = 0.02


def boundary_sums(label: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Pixels of one image, to be added up over images: see `boundary_metrics`.

    Args:
        label: [H,W] int, class ids or `IGNORE_LABEL`.
        predicted: [H,W] int, class ids.
        num_classes: K.

    Returns:
        [K,2] float64: intersection and union of the true and the predicted boundary of each class.
    """
    sums = np.zeros((num_classes, 2))
    valid = label != IGNORE_LABEL
    distance = boundary_distance(label.shape)
    for index in np.union1d(label[valid], predicted[valid]):
        true = boundary_region(label == index, distance)
        claimed = boundary_region((predicted == index) & valid, distance)
        sums[index] = np.count_nonzero(true & claimed), np.count_nonzero(true | claimed)
    return sums


def boundary_metrics(sums: np.ndarray, class_names: Sequence[str]) -> dict[str, float]:
    """`boundary_iou`, the mean over classes that occur, and `boundary_iou_<class>`.

    Args:
        sums: [K,2], `boundary_sums` of all images added up.
        class_names: K names.
    """
    with np.errstate(invalid="ignore"):
        values = sums[:, 0] / sums[:, 1]
    known = values[~np.isnan(values)]
    metrics = {"boundary_iou": float(known.mean()) if known.size else float("nan")}
    for name, value in zip(class_names, values, strict=True):
        metrics[f"boundary_iou_{name}"] = float(value)
    return metrics


def boundary_distance(size: tuple[int, ...]) -> int:
    """The width of boundaries in an image of (height, width), in pixels; at least 1."""
    return max(round(DIAGONAL_SHARE * math.hypot(*size)), 1)


def boundary_region(mask: np.ndarray, distance: int) -> np.ndarray:
    """The pixels of a mask at most `distance` from its outside: bool [H,W]."""
    padded = np.pad(mask, 1)
    inside = ndimage.distance_transform_cdt(padded, "chessboard")[1:-1, 1:-1]
    return mask & (inside <= distance)
