"""Dilated convolutions, compared with Keras's."""

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.models.ops.dilated import DilatedConv2D, dilated_convolution


@pytest.mark.parametrize("rate", [1, 2, 12])
@pytest.mark.parametrize("size", [(9, 14), (5, 5)])
def test_values_and_gradients_are_those_of_keras(rate, size):
    generator = np.random.default_rng(0)
    x = tf.Variable(generator.normal(size=(2, *size, 4)), dtype=tf.float32)
    options = {"padding": "same", "dilation_rate": rate, "activation": "relu"}
    ours = DilatedConv2D(6, 3, **options)
    keras = tf.keras.layers.Conv2D(6, 3, **options)
    for layer in (ours, keras):
        layer.build(x.shape)
    keras.set_weights(ours.get_weights())
    results = []
    for layer in (ours, keras):

        @tf.function(autograph=False)
        def run(layer=layer):
            with tf.GradientTape() as tape:
                y = layer(x)
                loss = tf.reduce_sum(tf.sin(y))
            return y, *tape.gradient(loss, [x, *layer.trainable_variables])

        results.append(run())
    for mine, expected in zip(*results, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-4)


def test_values_are_bit_for_bit_those_of_same_padding():
    """The zeros are counted for other runtimes' sake, which changes no number."""
    generator = np.random.default_rng(0)
    x = tf.constant(generator.normal(size=(2, 33, 41, 64)), tf.float32)
    kernel = tf.constant(generator.normal(size=(3, 3, 64, 64)), tf.float32)
    for rate in (2, 4, 12):
        expected = tf.nn.conv2d(x, kernel, 1, "SAME", dilations=rate)
        np.testing.assert_array_equal(dilated_convolution(x, kernel, rate), expected)


def test_it_works_on_maps_of_unknown_size_in_half_precision():
    layer = DilatedConv2D(3, 3, padding="same", dilation_rate=4, dtype="mixed_bfloat16")
    layer.build((None, None, None, 2))

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 2])])
    def gradient(x):
        with tf.GradientTape() as tape:
            y = layer(x)
        return y, tape.gradient(y, layer.kernel)

    y, of_kernel = gradient(tf.ones((1, 6, 7, 2)))
    assert y.shape == (1, 6, 7, 3) and y.dtype == tf.bfloat16
    assert of_kernel.shape == (3, 3, 2, 3)
    # Ones everywhere: each tap counts the pixels that it reaches.
    np.testing.assert_allclose(of_kernel[1, 1], 42, rtol=0.01)
    np.testing.assert_allclose(of_kernel[0, 1], 14, rtol=0.01)
