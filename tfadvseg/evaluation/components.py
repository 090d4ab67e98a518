"""Objects that were found, missed and invented, for classes of separate or thin objects.

An object is a component of a class whose pixels touch by a side or a corner. A true object is
found if at least half of its pixels are predicted as its class, and missed otherwise. A predicted
object is invented if none of its pixels is truly of its class. Pixels with `ignore_label` belong to
no object.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from tfadvseg.data.descriptors import IGNORE_LABEL

LEAST_SHARE = 0.5
"""Share of a true object's pixels from which on it is found."""

_TOUCHING = np.ones((3, 3), bool)


def component_sums(label: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Objects of one image, to be added up over images.

    Args:
        label: [H,W] int, class ids or `IGNORE_LABEL`.
        predicted: [H,W] int, class ids.
        num_classes: K.

    Returns:
        [K,3] float64: how many objects of each class were found, missed and invented.
    """
    sums = np.zeros((num_classes, 3))
    valid = label != IGNORE_LABEL
    for index in np.union1d(label[valid], predicted[valid]):
        true, claimed = label == index, (predicted == index) & valid
        covered, whole = _overlaps(true, claimed)
        found = np.count_nonzero(covered >= LEAST_SHARE * whole)
        hit, _ = _overlaps(claimed, true)
        sums[index] = found, len(whole) - found, np.count_nonzero(hit == 0)
    return sums


def component_metrics(sums: np.ndarray, class_names: Sequence[str]) -> dict[str, float]:
    """`found_<class>`, `missed_<class>` and `invented_<class>`: counts over all images.

    Args:
        sums: [K,3], `component_sums` of all images added up.
        class_names: K names.
    """
    return {
        f"{kind}_{name}": float(count)
        for kind, counts in zip(("found", "missed", "invented"), sums.T, strict=True)
        for name, count in zip(class_names, counts, strict=True)
    }


def _overlaps(mask: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each component of `mask`: how many of its pixels `other` holds, and how many it has."""
    components, count = ndimage.label(mask, _TOUCHING)
    inside = np.bincount(components[other], minlength=count + 1)[1:]
    return inside, np.bincount(components.ravel(), minlength=count + 1)[1:]
