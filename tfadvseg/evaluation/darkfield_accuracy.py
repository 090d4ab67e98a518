"""The accuracy of the project Darkfield_SegNet, so that its published figures can be compared.

What `check_accuracy` in github.com/vajramsrujan/Darkfield_SegNet computes. For an image and a
class, with T the pixels where the class is true, P those where it is predicted and A the image's
area, in pixels:

    |P and T| / |T| - |P xor T| / A     where T holds any pixel,
    1 - |P| / A                         where it holds none,

then the mean over images. It is from -1 to 1, and kind: an image without the class scores near 1
whatever the network finds elsewhere, and false alarms weigh by the image's area. Beside it
therefore stands the mean over only those images that contain the class.

Pixels with `ignore_label` belong to no T, no P and no A. Means are of whole images, so windows of
an image must be put together before they are measured.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfadvseg.data.descriptors import IGNORE_LABEL


def darkfield_sums(label: tf.Tensor, predicted: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Sums over images that batches and replicas add up: see `darkfield_accuracy`.

    May be called inside `tf.function` and `strategy.run`.

    Args:
        label: [B,H,W] int32, a whole image each: class ids or `IGNORE_LABEL`. An image of which
            nothing is labelled does not count.
        predicted: [B,H,W] int32, class ids.
        num_classes: K.

    Returns:
        [4,K] float64: the sum of accuracies over all images, the number of these images, the sum
        over images that contain the class, and the number of those.

    Raises:
        ValueError: the shapes are known and differ.
    """
    if not label.shape.is_compatible_with(predicted.shape):
        raise ValueError(f"label has shape {label.shape}, predicted {predicted.shape}.")
    valid = label != IGNORE_LABEL
    # A class at a time: a map of all classes would be K times as large.
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
    """The two means of each class, as shares, not percent.

    Args:
        sums: [4,K], `darkfield_sums` of all images added up.
        class_names: K names.

    Returns:
        `darkfield_accuracy_<class>` over all images and `darkfield_accuracy_present_<class>` over
        those that contain the class, in [-1,1]; NaN where there are none.

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
    """Names of `darkfield_accuracy`."""
    return list(darkfield_accuracy(np.zeros((4, len(class_names))), class_names))


def _class_areas(
    valid: tf.Tensor, is_true: tf.Tensor, is_claimed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Overlap, true and claimed area of one class in each image: three [B] float64."""
    return _area(is_true & is_claimed), _area(is_true), _area(is_claimed & valid)


def _area(pixels: tf.Tensor) -> tf.Tensor:
    # Counted as integers: float32 loses count at 2^24 pixels.
    return tf.cast(tf.math.count_nonzero(pixels, axis=[1, 2]), tf.float64)
