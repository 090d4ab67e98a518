import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.models.ops.resampling import resize_aligned


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
    """[size, source]: how much of each input pixel an output pixel takes, from the definition."""
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
