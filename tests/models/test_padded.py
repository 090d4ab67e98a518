"""Zero padding on every side, compared with padding by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.models.ops.padded import PaddedConv2D


@pytest.mark.parametrize(("size", "margin"), [(1, 0), (4, 1), (7, 3)])
@pytest.mark.parametrize("shape", [(1, 8, 11, 2), (2, 9, 10, 2)])
def test_values_gradients_and_shapes_are_those_of_a_padded_map(size, margin, shape):
    x = tf.random.stateless_normal(shape, (1, 2))
    layer = PaddedConv2D(3, size, 2, margin=margin)
    expected_shape = layer.compute_output_shape(shape)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.function(layer)(x)
        padded = tf.pad(x, [[0, 0], [margin, margin], [margin, margin], [0, 0]])
        plain = tf.nn.conv2d(padded, layer.kernel, 2, "VALID") + layer.bias
    assert y.shape == expected_shape == plain.shape
    np.testing.assert_allclose(y, plain, atol=1e-5)
    wanted = [x, *layer.trainable_variables]
    for got, by_hand in zip(tape.gradient(y, wanted), tape.gradient(plain, wanted), strict=True):
        np.testing.assert_allclose(got, by_hand, atol=1e-4)


def test_a_map_of_unknown_size_keeps_it_unknown():
    shape = PaddedConv2D(3, 4, 2, margin=1).compute_output_shape((None, None, 33, 2))
    assert shape.as_list() == [None, None, 16, 3]
