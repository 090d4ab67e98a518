"""The accuracy of the project Darkfield_SegNet, for comparison with its published figures.

This is `check_accuracy` in github.com/vajramsrujan/Darkfield_SegNet. For one image and one class,
let T be the pixels where the class is true, P the pixels where it is predicted and A the image's
area, in pixels:

    |P and T| / |T| - |P xor T| / A     if T is not empty,
    1 - |P| / A                         if T is empty.

The metric is the mean over images. It lies between -1 and 1, and is lenient: an image without the
class scores near 1 whatever the network predicts elsewhere, and false positives are divided by the
area of the image. Therefore the mean over only the images that contain the class is computed as
well.

Pixels with `ignore_label` belong to no T, P or A. Means are over whole images, so windows of an
image must be assembled first.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfadvseg.data.descriptors import IGNORE_LABEL


def darkfield_sums(label: tf.Tensor, predicted: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Sums over images, for `darkfield_accuracy`; add them over batches and replicas.

    Can be called inside `tf.function` and `strategy.run`.

    Args:
        label: [B,H,W] int32, whole images: class ids or `IGNORE_LABEL`. An image without any label
            does not count.
        predicted: [B,H,W] int32, class ids.
        num_classes: K.

    Returns:
        [4,K] float64: the sum of accuracies over all images, the number of these images, the sum
        over images that contain the class, and their number.

    Raises:
        ValueError: both shapes are known and differ.
    """
    if not label.shape.is_compatible_with(predicted.shape):
        raise ValueError(f"label has shape {label.shape}, predicted {predicted.shape}.")
    valid = label != IGNORE_LABEL
    # One class at a time, because a map of all classes would be K times as large.
    columns = [
        _class_areas(valid, label == index, predicted == index) for index in range(num_classes)
    ]
    overlap, true, claimed = (tf.stack(areas, axis=-1) for areas in zip(*columns, strict=True))
    area = _area(valid)[:, tf.newaxis]
    wrong = tf.math.divide_no_nan(true + claimed - 2 * overlap, area)
    contains = true > 0
    accuracy = tf.where(contains, tf.math.divide_no_nan(overlap, true), 1) - wrong
    counts = tf.cast(tf.broadcast_to(area > 0, tf.shape(accuracy)), tf.float64)
    present = tf.cast(contains, tf.float64)
    rows = [accuracy * counts, counts, accuracy * present, present]
    return tf.stack([tf.reduce_sum(row, axis=0) for row in rows])


def darkfield_accuracy(sums: np.ndarray, class_names: Sequence[str]) -> dict[str, float]:
    """The two means of each class, as fractions, not percent.

    Args:
        sums: [4,K], `darkfield_sums` added over all images.
        class_names: K names.

    Returns:
        `darkfield_accuracy_<class>` over all images and `darkfield_accuracy_present_<class>` over
        the images that contain the class, in [-1,1]; NaN if there are none.

    Raises:
        ValueError: `sums` is not [4,K].
    """
    sums = np.asarray(sums, np.float64)
    if sums.shape != (4, len(class_names)):
        raise ValueError(f"sums has shape {sums.shape} for {len(class_names)} classes.")
    with np.errstate(invalid="ignore"):
        of_all, of_present = sums[0] / sums[1], sums[2] / sums[3]
    metrics = {}
    for name, over_all, over_present in zip(class_names, of_all, of_present, strict=True):
        metrics[f"darkfield_accuracy_{name}"] = float(over_all)
        metrics[f"darkfield_accuracy_present_{name}"] = float(over_present)
    return metrics


def darkfield_names(class_names: Sequence[str]) -> list[str]:
    """Names of the metrics that `darkfield_accuracy` returns."""
    return list(darkfield_accuracy(np.zeros((4, len(class_names))), class_names))


def _class_areas(
    valid: tf.Tensor, is_true: tf.Tensor, is_claimed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Overlap, true area and predicted area of one class per image: three [B] float64."""
    return _area(is_true & is_claimed), _area(is_true), _area(is_claimed & valid)


def _area(pixels: tf.Tensor) -> tf.Tensor:
    # Counted as integers, because float32 is exact only up to 2^24 pixels.
    return tf.cast(tf.math.count_nonzero(pixels, axis=[1, 2]), tf.float64)
