import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.config import DiscriminatorConfig
from tfadvseg.losses.discriminator_input import (
    discriminator_channels,
    discriminator_input,
    truth_probabilities,
)

SCALING = DiscriminatorConfig(d_truth="scaling", d_truth_tau=0.9)
ONE_HOT = DiscriminatorConfig(d_truth="one_hot")


def test_scaling_shares_the_rest_in_proportion_to_s():
    probabilities = tf.constant([[[[0.5, 0.3, 0.2]]]])
    truth = truth_probabilities(tf.constant([[[0]]]), probabilities, SCALING)
    # 0.9 for the truth; 0.1 split 3 : 2.
    np.testing.assert_allclose(truth, [[[[0.9, 0.06, 0.04]]]], rtol=1e-5)


def test_scaling_keeps_s_where_it_is_surer_than_tau():
    probabilities = tf.constant([[[[0.01, 0.97, 0.02]]]])
    truth = truth_probabilities(tf.constant([[[1]]]), probabilities, SCALING)
    np.testing.assert_allclose(truth, probabilities, rtol=1e-4)


def test_scaling_of_a_certain_s_is_finite():
    probabilities = tf.constant([[[[0.0, 1.0], [1.0, 0.0]]]])
    truth = truth_probabilities(tf.constant([[[1, 1]]]), probabilities, SCALING).numpy()
    np.testing.assert_allclose(truth[0, 0, 0], [0, 1])
    np.testing.assert_allclose(truth[0, 0, 1], [0.1, 0.9], rtol=1e-5)


@pytest.mark.parametrize("config", [SCALING, ONE_HOT])
def test_truth_sums_to_one_and_to_zero_where_ignored(config):
    probabilities = tf.nn.softmax(tf.random.normal([2, 3, 3, 4]))
    label = np.random.default_rng(0).integers(0, 4, (2, 3, 3))
    label[0, 0, 0] = 255
    truth = truth_probabilities(tf.constant(label, tf.int32), probabilities, config).numpy()
    expected = np.where(label == 255, 0, 1)
    np.testing.assert_allclose(truth.sum(axis=-1), expected, atol=1e-6)
    valid = label != 255
    np.testing.assert_array_equal(truth.argmax(axis=-1)[valid], label[valid])


def test_no_gradient_reaches_s_through_the_truth():
    probabilities = tf.Variable([[[[0.5, 0.5]]]])
    with tf.GradientTape() as tape:
        truth = truth_probabilities(tf.constant([[[0]]]), probabilities, SCALING)
    assert tape.gradient(truth, probabilities) is None


@pytest.mark.parametrize("image_input", ["none", "product", "concat"])
@pytest.mark.parametrize(("classes", "image_channels"), [(2, 1), (3, 3)])
def test_channels_are_as_announced(image_input, classes, image_channels):
    config = dataclasses.replace(ONE_HOT, d_image=image_input)
    probabilities = tf.nn.softmax(tf.random.normal([2, 4, 4, classes]))
    image = tf.random.normal([2, 4, 4, image_channels])
    shown = discriminator_input(probabilities, image, tf.zeros([2, 4, 4], tf.int32), config)
    expected = discriminator_channels(classes, image_channels, config)
    assert shown.shape == [2, 4, 4, expected]


def test_product_multiplies_each_map_by_each_channel():
    config = dataclasses.replace(ONE_HOT, d_image="product")
    probabilities = tf.constant([[[[0.25, 0.75]]]])
    image = tf.constant([[[[2.0, 4.0]]]])
    shown = discriminator_input(probabilities, image, tf.zeros([1, 1, 1], tf.int32), config)
    np.testing.assert_allclose(shown, [[[[0.5, 1.0, 1.5, 3.0]]]])


def test_ignored_pixels_look_the_same_for_real_and_fake():
    config = dataclasses.replace(SCALING, d_image="none")
    label = tf.constant([[[255, 1]]])
    fake = tf.constant([[[[0.4, 0.6], [0.4, 0.6]]]])
    real = truth_probabilities(label, fake, config)
    image = tf.zeros([1, 1, 2, 1])
    shown_fake = discriminator_input(fake, image, label, config).numpy()
    shown_real = discriminator_input(real, image, label, config).numpy()
    assert shown_fake[0, 0, 0] == shown_real[0, 0, 0] == 0
    np.testing.assert_allclose([shown_fake[0, 0, 1, 0], shown_real[0, 0, 1, 0]], [0.6, 0.9])
