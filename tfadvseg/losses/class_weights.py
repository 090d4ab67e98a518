"""Class weights of the segmentation loss. Imports no TensorFlow.

Weights are computed from pixel counts of the training images, [N,K]: the number of pixels per image
and class, without pixels with `ignore_label`.
"""

import math
from collections.abc import Sequence

import numpy as np

from tfadvseg.config import ClassWeighting
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.errors import UserError


def image_class_pixels(label: np.ndarray, num_classes: int) -> np.ndarray:
    """Pixel counts of one image: [H,W] ids to int64 [K]; `ignore_label` is not counted."""
    valid = label[label != IGNORE_LABEL]
    return np.bincount(valid, minlength=num_classes).astype(np.int64)


def class_weights(
    weighting: ClassWeighting | Sequence[float],
    image_pixels: np.ndarray,
    class_names: Sequence[str],
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """The weight of every class, and warnings for the user.

    `none` gives every class the weight 1. A class that occurs in no training image gets the weight
    0 from `one_minus_frequency` and `median_frequency`; `none` and given weights are not changed.
    In all cases a warning names the class, because it cannot be learned.

    Args:
        weighting: a rule, or K weights.
        image_pixels: [N,K] pixel counts of the training images.
        class_names: K names.

    Returns:
        K finite weights of at least 0, of which at least one is greater; and warnings, one line
        each.

    Raises:
        UserError: the images have no labelled pixels; the number of given weights is wrong, or they
            are negative, not finite or all 0; or all pixels belong to one class, which
            `one_minus_frequency` would give the weight 0.
        ValueError: `image_pixels` is not [N,K].
    """
    image_pixels = np.asarray(image_pixels)
    if image_pixels.ndim != 2 or image_pixels.shape[1] != len(class_names):
        shape = image_pixels.shape
        raise ValueError(f"image_pixels has shape {shape} for {len(class_names)} classes.")
    pixels = image_pixels.sum(axis=0)
    if not pixels.any():
        raise UserError("The training images have no labelled pixels; check their labels.")
    match weighting:
        case "none":
            weights = (1.0,) * len(class_names)
        case "one_minus_frequency":
            weights = one_minus_frequency(pixels)
            if not any(weights):
                name = class_names[int(np.argmax(pixels))]
                raise UserError(
                    f"--class_weights=one_minus_frequency: all training pixels are of class "
                    f"{name!r}, whose weight would be 0; check the labels, or take "
                    "--class_weights=none."
                )
        case "median_frequency":
            weights = median_frequency(image_pixels)
        case str():
            raise ValueError(
                f"weighting={weighting!r}: must be none, one_minus_frequency, median_frequency "
                "or a list of weights."
            )
        case _:
            weights = given_weights(weighting, class_names)
    return weights, _warnings(pixels, weights, class_names)


def one_minus_frequency(pixels: np.ndarray) -> tuple[float, ...]:
    """1 - frequency, the class's share of all labelled pixels; 0 for a class that does not occur.

    The darkfield SegNet project uses these weights.

    Args:
        pixels: [K] counts, of which at least one is greater than 0.
    """
    frequency = pixels / pixels.sum()
    return tuple(float(1 - share) if share else 0.0 for share in frequency)


def median_frequency(image_pixels: np.ndarray) -> tuple[float, ...]:
    """median(frequency) / frequency, the median frequency balancing of Eigen and Fergus 2015.

    SegNet uses these weights (Badrinarayanan et al. 2015, arXiv 1511.00561, section on training). A
    class's frequency is its pixels divided by all labelled pixels of the images that contain it;
    the median is over the classes that occur. Classes rarer than the median get more than 1, absent
    classes 0.

    Args:
        image_pixels: [N,K] counts, of which at least one is greater than 0.
    """
    image_pixels = np.asarray(image_pixels, np.float64)
    in_image = image_pixels.sum(axis=1)
    pixels = image_pixels.sum(axis=0)
    around = (image_pixels > 0).T @ in_image  # [K], pixels of the images that contain the class
    occurs = pixels > 0
    frequency = pixels[occurs] / around[occurs]
    weights = np.zeros(len(pixels))
    weights[occurs] = np.median(frequency) / frequency
    return tuple(float(weight) for weight in weights)


def given_weights(weights: Sequence[float], class_names: Sequence[str]) -> tuple[float, ...]:
    """Checks the user's weights.

    Raises:
        UserError: their number is wrong, or they are negative, not finite or all 0.
    """
    given = ",".join(f"{weight:g}" for weight in weights)
    if len(weights) != len(class_names):
        raise UserError(
            f"--class_weights={given}: {len(weights)} weights for {len(class_names)} classes; "
            f"give one weight each for {', '.join(class_names)}."
        )
    for weight, name in zip(weights, class_names, strict=True):
        if not math.isfinite(weight) or weight < 0:
            raise UserError(
                f"--class_weights={given}: the weight of {name!r} must be a finite number, "
                "at least 0."
            )
    if not any(weights):
        raise UserError(f"--class_weights={given}: at least one must be greater than 0.")
    return tuple(float(weight) for weight in weights)


def _warnings(
    pixels: np.ndarray, weights: Sequence[float], class_names: Sequence[str]
) -> tuple[str, ...]:
    return tuple(
        f"Class {name!r} occurs in no training image; it will not be learned "
        f"(its weight in the loss: {weight:g})."
        for name, count, weight in zip(class_names, pixels, weights, strict=True)
        if count == 0
    )
