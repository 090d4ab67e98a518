"""How much each class counts in the segmentation loss. No TensorFlow here.

All weights come from pixel counts of the training images, [N,K]: how many pixels of each class
each image holds, pixels with `ignore_label` left out.
"""

import math
from collections.abc import Sequence

import numpy as np

from tfadvseg.config import ClassWeighting
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.errors import UserError


def image_class_pixels(label: np.ndarray, num_classes: int) -> np.ndarray:
    """One row of the counts: [H,W] ids to int64 [K]; `ignore_label` is not counted."""
    valid = label[label != IGNORE_LABEL]
    return np.bincount(valid, minlength=num_classes).astype(np.int64)


def class_weights(
    weighting: ClassWeighting | Sequence[float],
    image_pixels: np.ndarray,
    class_names: Sequence[str],
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """The weight of every class, and what the user should be warned of.

    `none` weighs every class 1. A class that no training image holds gets the weight 0 from
    `one_minus_frequency` and `median_frequency`, as neither has anything to go by; `none` and
    weights given by hand stand as they are. Either way a warning names it: it will not be learned.

    Args:
        weighting: a rule, or K weights.
        image_pixels: [N,K] pixel counts of the training images.
        class_names: K names.

    Returns:
        K weights, each finite and at least 0, of which one at least is greater; and warnings,
        a line each.

    Raises:
        UserError: the images hold no labelled pixels; given weights are of the wrong number,
            negative, not finite or all 0; or all of the pixels are of one class and
            `one_minus_frequency` would weigh nothing.
        ValueError: `image_pixels` is not [N,K].
    """
    image_pixels = np.asarray(image_pixels)
    if image_pixels.ndim != 2 or image_pixels.shape[1] != len(class_names):
        shape = image_pixels.shape
        raise ValueError(f"image_pixels has shape {shape} for {len(class_names)} classes.")
    pixels = image_pixels.sum(axis=0)
    if not pixels.any():
        raise UserError("The training images hold no labelled pixels; check their labels.")
    match weighting:
        case "none":
            weights = (1.0,) * len(class_names)
        case "one_minus_frequency":
            weights = one_minus_frequency(pixels)
            if not any(weights):
                name = class_names[int(np.argmax(pixels))]
                raise UserError(
                    f"--class_weights=one_minus_frequency: all training pixels are of class "
                    f"{name!r}, whose weight would be 0; check the labels or take none."
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
    """1 - frequency, with a class's share of all labelled pixels; 0 for a class without any.

    The darkfield SegNet project weighs its loss so.

    Args:
        pixels: [K] counts, of which at least one is greater than 0.
    """
    frequency = pixels / pixels.sum()
    return tuple(float(1 - share) if share else 0.0 for share in frequency)


def median_frequency(image_pixels: np.ndarray) -> tuple[float, ...]:
    """median(frequency) / frequency, the median frequency balancing of Eigen and Fergus 2015.

    SegNet weighs its loss so (Badrinarayanan et al. 2015, arXiv 1511.00561, on training). A class's
    frequency is its pixels divided by all labelled pixels of the images that contain it; the median
    is over the classes that occur. Classes rarer than the median weigh more than 1; absent ones 0.

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
    """Weights from the user, checked.

    Raises:
        UserError: they are of the wrong number, negative, not finite or all 0.
    """
    given = ",".join(f"{weight:g}" for weight in weights)
    if len(weights) != len(class_names):
        raise UserError(
            f"--class_weights={given}: {len(weights)} weights for {len(class_names)} classes; "
            f"give one each for {', '.join(class_names)}."
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
