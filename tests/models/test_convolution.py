"""Convolutions whose kernel's gradient is made of matrix products, compared with Keras's."""

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.models.layers import UpConcatConv
from tfadvseg.models.ops import convolution
from tfadvseg.models.ops.convolution import MIN_CHANNELS, SameConv2D

CHANNELS = MIN_CHANNELS


@pytest.fixture(params=[True, False], ids=["without_avx512", "with_avx512"])
def processor(monkeypatch, request) -> bool:
    """Whether the machine at hand is taken for one whose gradients are by products."""
    monkeypatch.setattr(convolution, "cpu_lacks_avx512", lambda: request.param)
    return request.param


def same_layers() -> tuple[tf.keras.layers.Layer, tf.keras.layers.Layer]:
    """Ours and Keras's, with the same weights."""
    layers = [
        kind(CHANNELS, 3, padding="same", activation="relu", bias_initializer="normal")
        for kind in (SameConv2D, tf.keras.layers.Conv2D)
    ]
    for layer in layers:
        layer.build((None, None, None, CHANNELS))
    layers[1].set_weights(layers[0].get_weights())
    return layers[0], layers[1]


def normal(*shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_values_and_gradients_are_those_of_keras(processor, jit_compile):
    x = normal(2, 9, 14, CHANNELS)

    def results(layer: tf.keras.layers.Layer, **training: bool) -> list[tf.Tensor]:
        @tf.function(autograph=False, jit_compile=jit_compile)
        def run(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, **training)
                loss = tf.reduce_sum(tf.sin(y))
            return y, *tape.gradient(loss, [x, *layer.trainable_variables])

        return run(x)

    ours, keras = same_layers()
    for mine, expected in zip(results(ours, training=True), results(keras), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-4)


def test_the_gradient_has_a_gradient(processor):
    """As a penalty on D's gradient needs it."""
    x = normal(2, 6, 5, CHANNELS)

    def penalty_gradient(layer: tf.keras.layers.Layer, **training: bool) -> tf.Tensor:
        @tf.function(autograph=False)
        def run():
            with tf.GradientTape() as outer:
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = tf.reduce_sum(tf.square(layer(x, **training)))
                penalty = tf.reduce_sum(tf.square(tape.gradient(y, x)))
            return outer.gradient(penalty, layer.kernel)

        return run()

    ours, keras = same_layers()
    mine, expected = penalty_gradient(ours, training=True), penalty_gradient(keras)
    scale = tf.reduce_max(tf.abs(expected))
    np.testing.assert_allclose(mine / scale, expected / scale, atol=1e-5)


def operations(layer: tf.keras.layers.Layer, *shapes: tuple, training: bool) -> list[str]:
    inputs = [tf.zeros(shape) for shape in shapes]

    @tf.function(autograph=False)
    def run():
        with tf.GradientTape() as tape:
            y = layer(inputs if len(inputs) > 1 else inputs[0], training=training)
        return tape.gradient(y, layer.trainable_variables)

    return [it.type for it in run.get_concrete_function().graph.get_operations()]


def test_products_are_for_training_with_many_channels_on_such_a_processor(processor):
    many, few = (1, 8, 8, CHANNELS), (1, 8, 8, CHANNELS - 1)
    for shape, training in [(many, True), (many, False), (few, True)]:
        layer = SameConv2D(CHANNELS, 3, padding="same", use_bias=False)
        of_kernel = "Conv2DBackpropFilter" not in operations(layer, shape, training=training)
        assert of_kernel == (processor and shape == many and training)


def test_the_part_of_the_skip_is_by_products(processor):
    """The other part of the kernel belongs to a strided convolution, which stays."""
    shapes = [(1, 4, 4, 2 * CHANNELS), (1, 8, 8, CHANNELS)]
    made = operations(UpConcatConv(CHANNELS), *shapes, training=True)
    assert made.count("Conv2DBackpropFilter") == (1 if processor else 2)


def test_half_precision_and_unknown_sizes(processor):
    layer = SameConv2D(CHANNELS, 3, padding="same", dtype="mixed_bfloat16")
    layer.build((None, None, None, CHANNELS))

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, CHANNELS])])
    def gradient(x):
        with tf.GradientTape() as tape:
            y = layer(x, training=True)
        return y, tape.gradient(y, layer.kernel)

    y, of_kernel = gradient(tf.ones((1, 6, 7, CHANNELS)))
    assert y.shape == (1, 6, 7, CHANNELS) and y.dtype == tf.bfloat16
    # Ones everywhere: each tap counts the pixels that it reaches.
    np.testing.assert_allclose(of_kernel[1, 1], 42, rtol=0.01)
