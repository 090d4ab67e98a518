"""Distances between the outlines of true and predicted classes, of one image at a time.

Both follow MONAI's definitions (`monai.metrics.compute_hausdorff_distance` with `percentile=95` and
`compute_average_surface_distance` with `symmetric=True`). An outline is the pixels of a class that
have a pixel of another class, or the end of the image, among their four neighbours. Each pixel of
one outline has a distance, the Euclidean one to the nearest pixel of the other outline.

- `hd95`: the larger of the two 95th percentiles, one per direction: the Hausdorff distance
  (Huttenlocher et al. 1993), made robust to outliers.
- `assd`: the mean of the distances of both directions (average symmetric surface distance).

Pixels with `ignore_label` belong to no class. Images where the truth or the prediction lacks a
class have no distance and do not count for it; `components` counts what was missed or invented.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from tfadvseg.data.descriptors import IGNORE_LABEL


def surface_sums(
    label: np.ndarray,
    predicted: np.ndarray,
    num_classes: int,
    spacing: tuple[float, float] = (1.0, 1.0),
) -> np.ndarray:
    """Distances of one image, to be added up over images: see `surface_metrics`.

    Args:
        label: [H,W] int, class ids or `IGNORE_LABEL`.
        predicted: [H,W] int, class ids.
        num_classes: K.
        spacing: (height, width) of a pixel in the unit of the distances.

    Returns:
        [K,3] float64: `hd95`, `assd` and 1 for each class that both have; 0 for the others.
    """
    sums = np.zeros((num_classes, 3))
    valid = label != IGNORE_LABEL
    for index in np.intersect1d(label[valid], predicted[valid]):
        distances = surface_distances(label == index, (predicted == index) & valid, spacing)
        hd95 = max(float(np.percentile(each, 95)) for each in distances)
        sums[index] = hd95, float(np.concatenate(distances).mean()), 1
    return sums


def surface_metrics(sums: np.ndarray, class_names: Sequence[str]) -> dict[str, float]:
    """Means over images.

    Args:
        sums: [K,3], `surface_sums` of all images added up.
        class_names: K names.

    Returns:
        `hd95` and `assd`, means over classes, and `hd95_<class>` and `assd_<class>`; NaN for a
        class that no image has in truth and prediction.
    """
    with np.errstate(invalid="ignore"):
        means = sums[:, :2] / sums[:, 2:]
    metrics = {}
    for name, values in zip(("hd95", "assd"), means.T, strict=True):
        known = values[~np.isnan(values)]
        metrics[name] = float(known.mean()) if known.size else float("nan")
        for of_class, value in zip(class_names, values, strict=True):
            metrics[f"{name}_{of_class}"] = float(value)
    return metrics


def surface_distances(
    first: np.ndarray, second: np.ndarray, spacing: tuple[float, float] = (1.0, 1.0)
) -> tuple[np.ndarray, np.ndarray]:
    """Distances from each outline pixel of one mask to the other's outline, in both directions.

    Args:
        first, second: bool [H,W], neither empty.
        spacing: (height, width) of a pixel.

    Returns:
        Two arrays, [outline pixels of `first`] and [those of `second`].
    """
    outlines = [np.argwhere(outline(mask)) * np.asarray(spacing) for mask in (first, second)]
    trees = [KDTree(points) for points in outlines]
    return trees[1].query(outlines[0])[0], trees[0].query(outlines[1])[0]


def outline(mask: np.ndarray) -> np.ndarray:
    """The pixels of a mask with a four-neighbour outside it or outside the image: bool [H,W]."""
    return mask & ~ndimage.binary_erosion(mask)
