"""Statistics of a stream of examples."""

import numpy as np
import pytest

from tfadvseg.data.examples import Example, Examples, channel_statistics
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.data.statistics import format_statistics, measure
from tfadvseg.errors import UserError

CELLS = descriptor_of("cells")


def example(key: str, image, label) -> Example:
    return Example(key, np.asarray(image, np.uint8), np.asarray(label, np.uint8))


def test_by_hand():
    """Red: 0, 0, 6, 10 -> mean 4, variance 18. Class 2 is in both images, class 0 in one."""
    first = example("a", [[[0, 1, 2], [0, 1, 4]]], [[2, 255]])
    second = example("b", [[[6, 1, 6]], [[10, 1, 8]]], [[2], [0]])
    statistics = measure([first, second], 3)
    np.testing.assert_allclose(statistics.mean, [4, 1, 5])
    np.testing.assert_allclose(statistics.std, [18**0.5, 1, 5**0.5])
    assert statistics.class_pixels.tolist() == [1, 0, 2]
    assert statistics.class_images.tolist() == [1, 0, 2]
    np.testing.assert_allclose(statistics.class_frequencies, [1 / 3, 0, 2 / 3])
    assert (statistics.images, statistics.ignored_pixels) == (2, 1)
    assert (statistics.least_size, statistics.largest_size) == ((1, 1), (2, 2))
    text = format_statistics(CELLS, statistics)
    assert text.startswith("2 images of 1 x 1 to 2 x 2 pixels")
    rows = [line.split() for line in text.splitlines()]
    assert ["red", "4.000", "4.243"] in rows
    assert ["2", "spirochaete", "2", "0.666667", "2"] in rows
    assert rows[-1] == ["ignored", "1"]


def test_a_stream_is_measured_as_what_is_in_memory():
    rng = np.random.default_rng(0)
    images = tuple(rng.integers(0, 256, (5 + n, 7, 3), dtype=np.uint8) for n in range(6))
    labels = tuple(rng.integers(0, 3, image.shape[:2], dtype=np.uint8) for image in images)
    stream = (example(str(n), i, la) for n, (i, la) in enumerate(zip(images, labels, strict=True)))
    statistics = measure(stream, 3)
    mean, std, *_ = channel_statistics(Examples(tuple("abcdef"), images, labels))
    np.testing.assert_array_equal(statistics.mean, mean)
    np.testing.assert_array_equal(statistics.std, std)
    assert statistics.class_pixels.sum() == sum(label.size for label in labels)
    assert statistics.largest_size == (10, 7)


def test_ignored_pixels_are_not_mentioned_if_there_are_none():
    text = format_statistics(
        CELLS, measure([example("a", np.zeros((2, 3, 3)), np.ones((2, 3)))], 3)
    )
    assert "ignored" not in text
    assert "of 2 x 3 pixels" in text


def test_unknown_labels_have_no_frequencies():
    statistics = measure([example("a", np.zeros((1, 1, 1)), [[255]])], 2)
    assert np.isnan(statistics.class_frequencies).all()


def test_examples_that_cannot_be_measured_are_refused():
    with pytest.raises(UserError, match="There are no images"):
        measure([], 2)
    with pytest.raises(UserError, match="b: the label contains 2"):
        measure([example("b", np.zeros((1, 1, 1)), [[2]])], 2)
