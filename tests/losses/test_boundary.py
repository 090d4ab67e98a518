import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tfadvseg.losses.boundary import boundary_weights


def by_definition(label, background, w0, sigma, structure) -> np.ndarray:
    """Equation 2 with one distance map per object, the slow way."""
    distances = []
    for class_id in set(np.unique(label)) - {background, 255}:
        components, count = ndimage.label(label == class_id, structure)
        for index in range(1, count + 1):
            pixels = np.argwhere(components == index)
            rows, columns = np.indices(label.shape)
            at = np.stack([rows, columns], axis=-1)[..., np.newaxis, :]
            distances.append(np.sqrt(((at - pixels) ** 2).sum(axis=-1)).min(axis=-1))
    if len(distances) < 2:
        return np.zeros(label.shape)
    first, second = np.sort(distances, axis=0)[:2]
    weights = w0 * np.exp(-((first + second) ** 2) / (2 * sigma**2))
    return np.where(label == background, weights, 0)


def test_a_gap_of_three_pixels_by_hand():
    weights = boundary_weights(np.array([[1, 0, 0, 0, 1, 0]]))
    # d1 + d2 = 4 everywhere in the gap; 1 + 5 to the right of both.
    between, beside = 10 * math.exp(-16 / 50), 10 * math.exp(-36 / 50)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, [[0, between, between, between, 0, beside]], rtol=1e-6)


def test_parameters_and_background_of_another_id():
    weights = boundary_weights(np.array([[0, 3, 3, 0]]), background_class=3, w0=2.0, sigma=1.5)
    np.testing.assert_allclose(weights, [[0, *[2 * math.exp(-9 / 4.5)] * 2, 0]], rtol=1e-6)


def test_touching_objects_of_two_classes_are_two():
    weights = boundary_weights(np.array([[1, 2, 0]]))
    np.testing.assert_allclose(weights, [[0, 0, 10 * math.exp(-9 / 50)]], rtol=1e-6)


def test_ignored_pixels_are_no_object_and_get_no_weight():
    label = np.array([[1, 0, 255, 0, 1]], np.uint8)
    weights = boundary_weights(label)
    assert weights[0, 2] == 0
    expected = 10 * math.exp(-16 / 50)
    np.testing.assert_allclose(weights[0, [1, 3]], expected, rtol=1e-6)


def test_corners_part_objects_unless_asked_to_join_them():
    label = np.array([[1, 0], [0, 1]])
    # Each background pixel touches both of two objects.
    np.testing.assert_allclose(boundary_weights(label)[0, 1], 10 * math.exp(-4 / 50), rtol=1e-6)
    assert not boundary_weights(label, connectivity=8).any()


@pytest.mark.parametrize("fill", [0, 1, 255])
def test_fewer_than_two_objects_weigh_nothing(fill):
    label = np.zeros([5, 6], np.uint8)
    label[1:3, 1:3] = fill
    weights = boundary_weights(label)
    assert weights.shape == label.shape and not weights.any()


@given(
    seed=st.integers(0, 2**32 - 1),
    sigma=st.sampled_from([0.6, 1.0, 5.0]),
    objects=st.floats(0.005, 0.4),
    connectivity=st.sampled_from([4, 8]),
)
@settings(max_examples=25, deadline=None)
def test_equals_the_definition(seed, sigma, objects, connectivity):
    generator = np.random.default_rng(seed)
    # Smaller sigmas reach less than the width of the image.
    label = (generator.uniform(size=(13, 29)) < objects) * generator.integers(1, 3, (13, 29))
    label[generator.uniform(size=label.shape) < 0.05] = 255
    structure = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    expected = by_definition(label, 0, 10.0, sigma, structure)
    weights = boundary_weights(label, 0, 10.0, sigma, connectivity)
    np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"sigma": 0.0}, "sigma=0"), ({"w0": -1.0}, "w0=-1"), ({"sigma": math.nan}, "sigma=nan")],
)
def test_parameters_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        boundary_weights(np.zeros([2, 2], int), **arguments)


def test_a_batch_is_refused():
    with pytest.raises(ValueError, match=r"\(1, 2, 2\)"):
        boundary_weights(np.zeros([1, 2, 2], int))
