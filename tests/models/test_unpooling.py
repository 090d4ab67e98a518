"""Max-unpooling, compared with TensorFlow Addons' layer and with results by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.compat.addons import tfa
from tfadvseg.models.ops.unpooling import MaxUnpool


def reference_unpool(values: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
    _, places = tf.nn.max_pool_with_argmax(before, 2, 2, "SAME", include_batch_in_index=False)
    return tfa.layers.MaxUnpooling2D()(values, places)


def our_unpool(values: tf.Tensor, before: tf.Tensor, training: bool) -> tf.Tensor:
    pooled = tf.nn.max_pool2d(before, 2, 2, "VALID")
    return MaxUnpool()([values, before, pooled], training=training)


both_ways = pytest.mark.parametrize("training", [False, True], ids=["compared", "pooled"])
"""On CPUs training takes another way."""


def tied_features(seed: int, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Values, and features with few distinct numbers: two thirds of the windows have ties."""
    random = np.random.default_rng(seed)
    before = np.maximum(random.integers(-3, 3, (2, 8, 12, 5)), 0)
    values = random.normal(size=(2, 4, 6, 5))
    return tf.constant(values, dtype), tf.constant(before, dtype)


@both_ways
def test_value_goes_to_the_first_of_equal_maxima(training):
    before = tf.constant([[0.0, 0, 0, 2], [0, 0, 2, 1]])[tf.newaxis, :, :, tf.newaxis]
    values = tf.constant([[5.0, 7]])[tf.newaxis, :, :, tf.newaxis]
    unpooled = our_unpool(values, before, training)
    np.testing.assert_array_equal(unpooled[0, :, :, 0], [[5, 0, 0, 7], [0, 0, 0, 0]])


@both_ways
@pytest.mark.parametrize("compiled", [None, False, True], ids=["eager", "graph", "xla"])
def test_equals_scattering_by_indices(compiled, training):
    values, before = tied_features(0, tf.float32)
    upstream = tf.random.normal(before.shape)

    def ours(values: tf.Tensor, before: tf.Tensor):
        with tf.GradientTape() as tape:
            tape.watch(values)
            unpooled = our_unpool(values, before, training)
        return unpooled, tape.gradient(unpooled, values, output_gradients=upstream)

    if compiled is not None:
        ours = tf.function(ours, jit_compile=compiled)
    with tf.GradientTape() as tape:
        tape.watch(values)
        expected = reference_unpool(values, before)
    expected_gradient = tape.gradient(expected, values, output_gradients=upstream)
    unpooled, gradient = ours(values, before)
    np.testing.assert_array_equal(unpooled, expected)
    np.testing.assert_array_equal(gradient, expected_gradient)


@both_ways
@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16])
def test_exact_in_half_precision(dtype, training):
    values, before = tied_features(1, dtype)
    with tf.GradientTape() as tape:
        tape.watch(values)
        unpooled = our_unpool(values, before, training)
    gradient = tape.gradient(unpooled, values, output_gradients=unpooled)
    expected = reference_unpool(tf.cast(values, tf.float32), tf.cast(before, tf.float32))
    np.testing.assert_array_equal(tf.cast(unpooled, tf.float32), expected)
    # Unpooling the values themselves gives the same values again.
    np.testing.assert_array_equal(tf.cast(gradient, tf.float32), tf.cast(values, tf.float32))


@both_ways
def test_places_have_no_gradient(training):
    values, before = tied_features(2, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(before)
        total = tf.reduce_sum(our_unpool(values, before, training))
    assert tape.gradient(total, before) is None


@both_ways
def test_nearly_equal_maxima_are_distinguished(training):
    """Differing in the last bit, which rounding to half precision would drop."""
    more = np.nextafter(np.float32(1), np.float32(2))
    before = tf.reshape(tf.constant([1.0, more, 1.0, 0.5]), [1, 2, 2, 1])
    values = tf.ones([1, 1, 1, 1])

    @tf.function(jit_compile=True)
    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(values)
            unpooled = our_unpool(values, before, training)
        return tape.gradient(unpooled, values, output_gradients=upstream)

    upstream = tf.reshape(tf.constant([1.0, 2.0, 3.0, 4.0]), [1, 2, 2, 1])
    assert float(tf.squeeze(gradient(upstream))) == 2
