"""Statistics of channels of any depth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfadvseg.data.levels import ChannelLevels

RNG = np.random.default_rng(0)


def measured(*images: np.ndarray):
    levels = ChannelLevels()
    for image in images:
        levels.add(image)
    return levels.statistics()


@settings(max_examples=30, deadline=None)
@given(kind=st.sampled_from(["uint8", "uint16", "int16", "float32"]), seed=st.integers(0, 1000))
def test_statistics_are_those_of_all_pixels_together(kind, seed):
    rng = np.random.default_rng(seed)
    least = -3000 if kind in ("int16", "float32") else 0
    shapes = [(4, 5, 2), (7, 3, 2), (1, 1, 2)]
    images = [rng.integers(least, 250, shape).astype(kind) for shape in shapes]
    pixels = np.concatenate([image.reshape(-1, 2) for image in images]).astype(np.float64)
    mean, std, low, high = measured(*images)
    np.testing.assert_allclose(mean, pixels.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, pixels.std(axis=0), rtol=1e-12)
    if kind in ("int16", "float32"):
        np.testing.assert_array_equal(low, pixels.min(axis=0))
        np.testing.assert_array_equal(high, pixels.max(axis=0))


def test_the_range_of_eight_bits_is_all_of_it():
    _, _, low, high = measured(np.full((2, 2, 1), 7, np.uint8))
    assert (low.tolist(), high.tolist()) == ([0], [255])


@pytest.mark.parametrize(
    ("least", "most", "low", "high"),
    [(1, 250, 0, 255), (100, 4000, 0, 4095), (30000, 31000, 30000, 31000), (0, 20, 0, 31)],
)
def test_the_range_of_sixteen_bits_is_that_of_the_bits_in_use(least, most, low, high):
    image = np.array([least, most], np.uint16).reshape(1, 2, 1)
    _, _, measured_low, measured_high = measured(image)
    assert (measured_low.tolist(), measured_high.tolist()) == ([low], [high])


def test_eight_bits_written_as_sixteen_have_the_same_statistics_to_the_last_digit():
    image = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for one, other in zip(measured(image), measured(image.astype(np.uint16)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_large_offsets_cost_no_digits():
    image = (RNG.normal(0, 1, (100, 100, 1)) + 1e6).astype(np.float32)
    parts = np.split(image, 10)
    np.testing.assert_allclose(measured(*parts).std, image.astype(np.float64).std(), rtol=1e-9)


def test_there_must_be_images():
    with pytest.raises(ValueError, match="no images"):
        ChannelLevels().statistics()
