"""Examples in memory and their checks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfadvseg.data.examples import (
    Examples,
    channel_statistics,
    check_labels,
    check_window,
    fingerprint,
    fitting,
    spread,
    values_of,
)
from tfadvseg.errors import UserError


def examples_of(images, labels=None) -> Examples:
    images = tuple(np.asarray(image, np.uint8) for image in images)
    keys = tuple(f"key-{number}" for number in range(len(images)))
    if labels is not None:
        labels = tuple(np.asarray(label, np.uint8) for label in labels)
    return Examples(keys, images, labels)


def test_subset_keeps_keys_images_and_labels_together():
    examples = examples_of(np.arange(12).reshape(3, 2, 2, 1), np.arange(12).reshape(3, 2, 2) % 2)
    part = examples.subset([2, 0])
    assert part.keys == ("key-2", "key-0")
    assert part.images[0].ravel().tolist() == [8, 9, 10, 11]
    assert part.labels is not None
    assert part.labels[1].ravel().tolist() == [0, 1, 0, 1]
    assert examples_of(np.zeros((3, 2, 2, 1))).subset([1]).labels is None


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2 keys for 1 images"):
        Examples(("a", "b"), (np.zeros((1, 1, 1), np.uint8),), None)


def test_statistics_by_hand():
    """Channel 0: 0, 0, 6 -> mean 2, variance 8. Channel 1: 10, 20, 30 -> 20, 200/3."""
    examples = examples_of([[[[0, 10], [0, 20]]], [[[6, 30]]]])
    mean, std, *_ = channel_statistics(examples)
    np.testing.assert_allclose(mean, [2, 20])
    np.testing.assert_allclose(std, [8**0.5, (200 / 3) ** 0.5])
    assert mean.dtype == std.dtype == np.float64


def test_a_constant_channel_can_be_divided_by():
    mean, std, *_ = channel_statistics(examples_of(np.full((2, 3, 3, 1), 7)))
    assert (mean.tolist(), std.tolist()) == ([7], [1])


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5),
    seed=st.integers(0, 999),
)
def test_statistics_equal_numpy_over_all_pixels(sizes, seed):
    rng = np.random.default_rng(seed)
    examples = examples_of([rng.integers(0, 256, (*size, 3)) for size in sizes])
    pixels = np.concatenate([image.reshape(-1, 3) for image in examples.images]).astype(float)
    mean, std, *_ = channel_statistics(examples)
    np.testing.assert_allclose(mean, pixels.mean(axis=0))
    expected = pixels.std(axis=0)
    np.testing.assert_allclose(std, np.where(expected > 0, expected, 1))


@pytest.mark.parametrize(
    ("count", "keys"), [(1, "0"), (2, "04"), (3, "024"), (5, "01234"), (9, "01234")]
)
def test_a_few_examples_are_spread_over_all(count, keys):
    chosen = spread(examples_of(np.zeros((5, 1, 1, 1))), count).keys
    assert chosen == tuple(f"key-{number}" for number in keys)


def test_values_of_any_integer_label():
    assert values_of(np.array([[3, 0, 3]], np.uint8)).tolist() == [0, 3]
    assert values_of(np.array([[70000, -1, -1]], np.int32)).tolist() == [-1, 70000]


def test_labels_with_unknown_ids_are_named():
    examples = examples_of(np.zeros((2, 1, 3, 1)), [[[0, 1, 255]], [[0, 2, 9]]])
    check_labels(examples, 10)
    with pytest.raises(
        UserError, match="key-1: the label contains 2, 9; valid are 0 to 1, and 255"
    ):
        check_labels(examples, 2)


def test_labels_must_exist_and_lie_upon_their_images():
    with pytest.raises(UserError, match="no labels"):
        check_labels(examples_of(np.zeros((1, 2, 2, 1))), 2)
    with pytest.raises(UserError, match="key-0: the label is 2 x 1"):
        check_labels(examples_of(np.zeros((1, 2, 2, 1)), np.zeros((1, 2, 1))), 2)


def test_windows_must_fit_into_every_image():
    examples = examples_of([np.zeros((9, 30, 1)), np.zeros((20, 8, 1))])
    check_window(examples, (9, 8))
    with pytest.raises(UserError, match=r"--crop_size=9,9: .* key-1, .* 20 x 8 .* at most 9,8"):
        check_window(examples, (9, 9))


def test_examples_that_a_window_fits_into():
    examples = examples_of([np.zeros((9, 30, 1)), np.zeros((20, 8, 1)), np.zeros((20, 9, 1))])
    assert fitting(examples, (9, 9)).keys == ("key-0", "key-2")
    assert fitting(examples, (21, 1)) is None


def test_fingerprint_changes_with_every_key_image_and_label():
    def examples(key="a", pixel=0, label=0) -> Examples:
        return Examples(
            (key,), (np.full((2, 3, 1), pixel, np.uint8),), (np.full((2, 3), label, np.uint8),)
        )

    variants = [examples(), examples(key="b"), examples(pixel=1), examples(label=1)]
    assert len({fingerprint(variant) for variant in variants}) == 4
    assert fingerprint(examples()) == fingerprint(examples())
    assert fingerprint(*variants[:2]) != fingerprint(*variants[1::-1])
