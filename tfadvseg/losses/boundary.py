"""Pixel weights that help a network separate adjacent objects. Imports no TensorFlow."""

import math
from typing import Literal

import numpy as np
from scipy import ndimage

from tfadvseg.data.descriptors import IGNORE_LABEL

_REACH = 6.5
"""In sigmas: beyond this second distance, weights are below 1e-9 w0 and set to 0."""


def boundary_weights(
    label: np.ndarray,
    background_class: int = 0,
    w0: float = 10.0,
    sigma: float = 5.0,
    connectivity: Literal[4, 8] = 4,
) -> np.ndarray:
    """w0 exp(-(d1 + d2)^2 / (2 sigma^2)), large on narrow background between two objects.

    U-Net (Ronneberger et al. 2015, arXiv 1505.04597), eq. 2, without its first term: add this to
    the class weights (`segmentation.pixel_weights`). d1 and d2 are the distances to the nearest and
    the second nearest object, from pixel centre to pixel centre. An object is a connected component
    of a class other than the background class.

    Compute the weights of whole images before windows are cut, so that objects outside a window
    count as well.

    Args:
        label: [H,W] integer ids or `ignore_label`, which belongs to no object.
        background_class: class id whose pixels get weights.
        w0: largest weight, at least 0.
        sigma: in pixels, greater than 0.
        connectivity: 4 separates objects that touch at corners only; 8 keeps thin diagonal objects
            connected.

    Returns:
        [H,W] float32 in [0, w0); 0 in objects and where the label is `ignore_label`; 0 everywhere
        if there are fewer than two objects.

    Raises:
        ValueError: `label` is not [H,W], or `w0` or `sigma` is out of range.
    """
    if label.ndim != 2:
        raise ValueError(f"label has shape {label.shape}; it must be [H,W].")
    if not (w0 >= 0 and sigma > 0):
        raise ValueError(f"w0={w0} must be at least 0 and sigma={sigma} greater than 0.")
    weights = np.zeros(label.shape, np.float32)
    objects, count = _objects(label, background_class, connectivity)
    if count < 2:
        return weights
    nearest_distance, at = ndimage.distance_transform_edt(objects == 0, return_indices=True)
    nearest_object = objects[tuple(at)]
    reach = _REACH * sigma
    # Pixels within reach of an object are grouped by their nearest object. The second nearest is
    # searched in a box around each group, much faster than by a transform of the whole image.
    near = (label == background_class) & (nearest_distance < reach)
    groups = np.where(near, nearest_object, 0)
    margin = math.ceil(reach)
    for index, box in enumerate(ndimage.find_objects(groups), start=1):
        if box is None:
            continue
        grown = tuple(slice(max(side.start - margin, 0), side.stop + margin) for side in box)
        others = (objects[grown] != 0) & (objects[grown] != index)
        if not others.any():
            continue
        group = groups[grown] == index
        second_distance = ndimage.distance_transform_edt(~others)[group]
        total = nearest_distance[grown][group] + second_distance
        values = w0 * np.exp(-(total**2) / (2 * sigma**2))
        weights[grown][group] = np.where(second_distance < reach, values, 0)
    return weights


def _objects(
    label: np.ndarray, background_class: int, connectivity: Literal[4, 8]
) -> tuple[np.ndarray, int]:
    """Numbers the objects from 1, class by class: [H,W] int32, 0 elsewhere; and their count."""
    structure = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    objects = np.zeros(label.shape, np.int32)
    count = 0
    for class_id in np.unique(label):
        if class_id not in (background_class, IGNORE_LABEL):
            components, found = ndimage.label(label == class_id, structure)
            objects += np.where(components > 0, components + count, 0).astype(np.int32)
            count += found
    return objects, count
