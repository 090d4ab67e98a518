import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfadvseg.models.ops.resampling import (
    bicubic_weights,
    resize_aligned,
    resize_bicubic,
    resize_bilinear,
)


def resized_row(row, size):
    maps = tf.constant(np.asarray(row, np.float32)[None, None, :, None])
    return resize_aligned(maps, (1, size))[0, 0, :, 0].numpy()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0, 1], [0, 0.5, 1]),
        ([0, 3], [0, 1, 2, 3]),
        ([0, 4, 2], [0, 2, 4, 3, 2]),
        ([5], [5, 5, 5]),
        ([7, 9, 8], [7]),
        ([1, 2, 3, 4, 5], [1, 3, 5]),
        ([0, 1, 0], [0, 2 / 3, 2 / 3, 0]),
    ],
)
def test_rows_by_hand(row, expected):
    np.testing.assert_allclose(resized_row(row, len(expected)), expected, atol=1e-6)


def test_a_square_by_hand():
    maps = tf.constant([[[[0.0], [2.0]], [[4.0], [8.0]]]])
    expected = [[0, 1, 2], [2, 3.5, 5], [4, 6, 8]]
    np.testing.assert_allclose(resize_aligned(maps, (3, 3))[0, :, :, 0], expected, atol=1e-6)


def weights(source: int, size: int) -> np.ndarray:
    """[size, source]: weight of each input pixel in an output pixel, from the definition."""
    positions = np.arange(size) * (source - 1) / (size - 1)
    return np.maximum(1 - np.abs(positions[:, None] - np.arange(source)), 0)


def test_values_and_gradients_follow_the_definition():
    generator = np.random.default_rng(0)
    maps = tf.constant(generator.normal(size=(2, 10, 18, 3)), tf.float32)
    upstream = generator.normal(size=(2, 72, 136, 3)).astype(np.float32)
    rows, columns = weights(10, 72), weights(18, 136)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        resized = resize_aligned(maps, (72, 136))
        total = tf.reduce_sum(resized * upstream)
    expected = np.einsum("hi,wj,bijc->bhwc", rows, columns, maps)
    np.testing.assert_allclose(resized, expected, atol=1e-4)
    expected = np.einsum("hi,wj,bhwc->bijc", rows, columns, upstream)
    np.testing.assert_allclose(tape.gradient(total, maps), expected, atol=1e-2)


@settings(max_examples=30)
@given(
    source=st.tuples(st.integers(1, 300), st.integers(1, 40)),
    target=st.tuples(st.integers(1, 300), st.integers(1, 40)),
)
def test_bilinear_resizing_is_exact_where_tensorflow_s_is_nearly(source, target):
    maps = np.random.default_rng(0).normal(size=(1, *source, 2)).astype(np.float32)
    resized = resize_bilinear(tf.constant(maps), tf.constant(target)).numpy()
    rows, columns = (centre_weights(m, n) for m, n in zip(source, target, strict=True))
    expected = np.einsum("hi,wj,bijc->bhwc", rows, columns, maps)
    np.testing.assert_allclose(resized, expected, atol=1e-6)
    np.testing.assert_allclose(resized, tf.image.resize(maps, target), atol=2e-4)


def centre_weights(source: int, size: int) -> np.ndarray:
    """[size, source] from the definition: pixels have their outer edges in common."""
    positions = ((np.arange(size) + 0.5) * source / size - 0.5).clip(0, source - 1)
    return np.maximum(1 - np.abs(positions[:, None] - np.arange(source)), 0)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (3, 3, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        (1, 2, [[1], [1]]),
        # Distances -0.25, 0.75 and -1.25 of the kernel: 0.8671875, 0.2265625 and -0.0703125.
        (3, 6, None),
    ],
)
def test_bicubic_weights_by_hand(source, target, expected):
    weights = bicubic_weights(source, target).numpy()
    shares = weights / weights.sum(axis=1, keepdims=True)
    if expected is not None:
        np.testing.assert_array_equal(shares, expected)
        return
    # Output pixel 2 of 6 lies 0.25 of an input pixel before input pixel 1.
    near, left, right = 0.8671875, 0.2265625, -0.0703125
    np.testing.assert_array_equal(weights[2], np.array([left, near, right]) * 2**20)


@pytest.mark.parametrize(("source", "target"), [(7, 20), (20, 7), (100, 33), (4, 1), (129, 64)])
def test_bicubic_weights_are_those_of_tensorflow(source, target):
    weights = bicubic_weights(source, target).numpy()
    shares = weights / weights.sum(axis=1, keepdims=True)
    # Resizing a picture of the identity shows the weights.
    picture = tf.eye(source)[tf.newaxis, :, :, tf.newaxis]
    size = (source, target)
    theirs = tf.image.resize(picture, size, tf.image.ResizeMethod.BICUBIC, antialias=True)
    np.testing.assert_allclose(shares.T, theirs[0, :, :, 0], atol=2e-6)


@settings(max_examples=30)
@given(
    source=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    target=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    grey=st.integers(0, 255),
)
def test_resizing_keeps_a_flat_image_and_the_range(source, target, grey):
    flat = tf.fill([1, *source, 1], float(grey))
    assert np.unique(resize_bicubic(flat, target)).tolist() == [grey]
    random = np.random.default_rng(grey).integers(0, 256, (1, *source, 3)).astype(np.float32)
    resized = resize_bicubic(tf.constant(random), tf.constant(target)).numpy()
    assert resized.shape == (1, *target, 3)
    assert resized.min() >= 0 and resized.max() <= 255
    np.testing.assert_array_equal(resized, np.round(resized))


def test_an_image_of_its_own_size_stays_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (2, 17, 23, 3)).astype(np.float32)
    np.testing.assert_array_equal(resize_bicubic(tf.constant(image), (17, 23)), image)
