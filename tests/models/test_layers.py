import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.models.layers import CropLike, LeakyReLU, PadToMultiple, UpConcatConv


def test_up_concat_conv_equals_upsampling_joining_and_convolving():
    below = tf.Variable(tf.random.normal([2, 5, 7, 6]))
    skip = tf.Variable(tf.random.normal([2, 10, 14, 3]))
    layer = UpConcatConv(4)
    with tf.GradientTape() as tape:
        ours = layer([below, skip])
        total = tf.reduce_sum(ours**2)
    variables = [below, skip, layer.kernel]
    gradients = tape.gradient(total, variables)
    with tf.GradientTape() as tape:
        joined = tf.concat([tf.repeat(tf.repeat(below, 2, 1), 2, 2), skip], axis=-1)
        plain = tf.nn.conv2d(joined, layer.kernel, 1, "SAME")
        total = tf.reduce_sum(plain**2)
    np.testing.assert_allclose(ours, plain, atol=2e-5)
    for got, expected in zip(gradients, tape.gradient(total, variables), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("size", [(8, 8), (9, 15), (3, 1), (16, 5)])
def test_padding_mirrors_and_cropping_undoes_it(size):
    image = tf.random.normal([1, *size, 2])
    padded = PadToMultiple(8)(image)
    assert padded.shape[1] % 8 == 0 and padded.shape[2] % 8 == 0
    assert padded.shape[1] - size[0] < 8 and padded.shape[2] - size[1] < 8
    np.testing.assert_array_equal(CropLike()([padded, image]), image)
    if size == (9, 15):
        np.testing.assert_array_equal(padded[0, 9, :15], image[0, 7])
        np.testing.assert_array_equal(padded[0, :9, 15], image[0, :, 13])


def test_padding_within_a_graph_of_unknown_sizes():
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1])])
    def pad(image):
        return PadToMultiple(4)(image)

    for height, width in ((4, 4), (5, 6), (1, 3)):
        image = tf.random.normal([2, height, width, 1])
        assert pad(image).shape == [2, -(-height // 4) * 4, -(-width // 4) * 4, 1]


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_leaky_relu_and_its_gradient(dtype):
    x = tf.constant([-2.0, -0.5, 0.0, 0.5, 3.0], dtype)
    upstream = tf.constant([1.0, 2.0, 1.0, 3.0, -1.0], dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = LeakyReLU(dtype=dtype)(x)
    gradient = tape.gradient(y, x, output_gradients=upstream)
    assert y.dtype == gradient.dtype == dtype
    np.testing.assert_allclose(tf.cast(y, tf.float32), [-0.4, -0.1, 0, 0.5, 3], rtol=1e-2)
    np.testing.assert_allclose(tf.cast(gradient, tf.float32), [0.2, 0.4, 0.2, 3, -1], rtol=1e-2)
