"""Distances, boundary IoU and objects of hand-made masks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.evaluation.boundary_iou import (
    boundary_distance,
    boundary_metrics,
    boundary_region,
    boundary_sums,
)
from tfadvseg.evaluation.components import component_metrics, component_sums
from tfadvseg.evaluation.surfaces import surface_distances, surface_metrics, surface_sums

NAMES = ("background", "object")


def mask(size, *boxes):
    """Class ids: 1 within boxes of (first row, first column, rows, columns), else 0."""
    made = np.zeros(size, np.int32)
    for row, column, rows, columns in boxes:
        made[row : row + rows, column : column + columns] = 1
    return made


def test_distances_of_two_points():
    label, predicted = mask((5, 9), (2, 2, 1, 1)), mask((5, 9), (2, 5, 1, 1))
    of_object = surface_sums(label, predicted, 2)[1]
    assert of_object == pytest.approx([3, 3, 1])
    assert surface_sums(label, predicted, 2, (10.0, 0.5))[1] == pytest.approx([1.5, 1.5, 1])


def test_distances_by_hand():
    """A row of three pixels and its first pixel: distances 0, 1, 2 one way and 0 the other."""
    label, predicted = mask((3, 5), (1, 1, 1, 3)), mask((3, 5), (1, 1, 1, 1))
    hd95, assd, count = surface_sums(label, predicted, 2)[1]
    assert hd95 == pytest.approx(1.9), "95 % of the way from 0 over 1 to 2"
    assert assd == pytest.approx(3 / 4)
    assert count == 1


def test_the_inside_of_an_object_has_no_distance():
    """Squares of 5 and 3 around one centre: each outline pixel is 1 away, each corner √2."""
    distances = surface_distances(mask((7, 7), (1, 1, 5, 5)) == 1, mask((7, 7), (2, 2, 3, 3)) == 1)
    assert sorted(distances[0]) == pytest.approx([1] * 12 + [math.sqrt(2)] * 4)
    assert list(distances[1]) == [1] * 8


def test_distances_as_medpy_measures_them():
    """medpy 0.5.2 on two blobs; `hd95` is MONAI's maximum of both directions' percentiles.

    max(percentile(__surface_distances(a, b), 95), percentile(__surface_distances(b, a), 95)),
    medpy.metric.binary.assd and medpy.metric.binary.hd, for two spacings.
    """
    first, second = (np.random.default_rng(seed).normal(size=(40, 56)) for seed in (1, 2))
    label = ndimage.gaussian_filter(first, 4) > 0
    predicted = ndimage.gaussian_filter(first + 0.8 * second, 4) > 0
    for spacing, hd95, assd, hd in (
        ((1.0, 1.0), 8.15860694770234, 1.6842997533114292, 9.486832980505138),
        ((2.0, 0.5), 8.829608570087764, 1.556689419131139, 12.0),
    ):
        sums = surface_sums(label.astype(int), predicted.astype(int), 2, spacing)
        assert sums[1, :2] == pytest.approx([hd95, assd])
        distances = surface_distances(label, predicted, spacing)
        assert max(each.max() for each in distances) == pytest.approx(hd)


def test_means_over_the_images_that_have_both():
    metrics = surface_metrics(np.array([[6.0, 3.0, 2.0], [0.0, 0.0, 0.0]]), NAMES)
    assert metrics["hd95"] == metrics["hd95_background"] == 3
    assert metrics["assd_background"] == 1.5
    assert math.isnan(metrics["hd95_object"])


def test_pixels_to_ignore_have_no_outline():
    label = mask((5, 5), (1, 1, 1, 1))
    predicted = mask((5, 5), (1, 1, 1, 1), (4, 4, 1, 1))
    label[4, 4] = IGNORE_LABEL
    assert surface_sums(label, predicted, 2)[1] == pytest.approx([0, 0, 1])
    assert component_sums(label, predicted, 2)[1].tolist() == [1, 0, 0]
    assert boundary_sums(label, predicted, 2)[1].tolist() == [1, 1]


def test_boundary_iou_by_hand():
    """Rings of 12 pixels around squares of 16, one column apart, share 6 of 18."""
    label, predicted = mask((10, 10), (2, 2, 4, 4)), mask((10, 10), (2, 3, 4, 4))
    sums = boundary_sums(label, predicted, 2)
    assert sums[1].tolist() == [6, 18]
    metrics = boundary_metrics(sums, NAMES)
    assert metrics["boundary_iou_object"] == pytest.approx(1 / 3)
    assert metrics["boundary_iou"] == pytest.approx(
        (1 / 3 + metrics["boundary_iou_background"]) / 2
    )


def test_the_width_of_a_boundary():
    """The end of the image counts as outside, as in the authors' code."""
    assert [boundary_distance(size) for size in ((10, 10), (300, 400), (1024, 2048))] == [1, 10, 46]
    whole = np.ones((7, 9), bool)
    assert np.count_nonzero(~boundary_region(whole, 2)) == 3 * 5


def test_a_class_that_is_nowhere_has_no_boundary():
    sums = boundary_sums(mask((4, 4)), mask((4, 4)), 2)
    assert math.isnan(boundary_metrics(sums, NAMES)["boundary_iou_object"])


def test_objects_by_hand():
    """Half of the first is found, a third of the second; the third prediction hits nothing."""
    label = mask((9, 9), (0, 0, 1, 4), (4, 0, 1, 3))
    predicted = mask((9, 9), (0, 0, 1, 2), (4, 0, 1, 1), (8, 8, 1, 1))
    sums = component_sums(label, predicted, 2)
    assert sums[1].tolist() == [1, 1, 1]
    metrics = component_metrics(sums, NAMES)
    assert [metrics[f"{kind}_object"] for kind in ("found", "missed", "invented")] == [1, 1, 1]


def test_pixels_that_touch_by_a_corner_are_one_object():
    diagonal = np.eye(4, dtype=np.int32)
    assert component_sums(diagonal, diagonal, 2)[1].tolist() == [1, 0, 0]


@given(st.integers(0, 2**32 - 1))
def test_a_perfect_prediction(seed):
    label = np.random.default_rng(seed).integers(0, 3, (6, 7)).astype(np.int32)
    surface, boundary = surface_sums(label, label, 3), boundary_sums(label, label, 3)
    assert not surface[:, :2].any()
    assert (boundary[:, 0] == boundary[:, 1]).all()
    assert not component_sums(label, label, 3)[:, 1:].any()
