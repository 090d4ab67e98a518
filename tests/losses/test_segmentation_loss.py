import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.losses.segmentation import cross_entropy, valid_pixels


def test_binary_cross_entropy_is_minus_log_of_the_true_class():
    logits = tf.constant([[[[0.0], [2.0], [-1.0]]]])
    loss = cross_entropy(logits, tf.constant([[[1, 0, 0]]]))
    # -log sigmoid(0), -log(1 - sigmoid(2)), -log(1 - sigmoid(-1))
    np.testing.assert_allclose(loss, [[[0.693147, 2.126928, 0.313262]]], rtol=1e-5)


def test_multiclass_cross_entropy_is_minus_log_softmax():
    logits = tf.constant([[[[1.0, 2.0, 3.0]]]])
    # log(e + e^2 + e^3) = 3.407606
    for label, expected in ((0, 2.407606), (1, 1.407606), (2, 0.407606)):
        loss = cross_entropy(logits, tf.constant([[[label]]]))
        np.testing.assert_allclose(loss, [[[expected]]], rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_ignored_pixels_have_no_loss_and_no_gradient(channels):
    logits = tf.Variable(tf.random.normal([1, 2, 2, channels]))
    label = tf.constant([[[255, 0], [1, 255]]])
    with tf.GradientTape() as tape:
        loss = cross_entropy(logits, label)
        total = tf.reduce_sum(loss)
    gradient = tape.gradient(total, logits).numpy()
    assert loss[0, 0, 0] == 0 and loss[0, 1, 1] == 0
    assert not gradient[0, 0, 0].any() and not gradient[0, 1, 1].any()
    assert gradient[0, 0, 1].any() and gradient[0, 1, 0].any()
    np.testing.assert_array_equal(valid_pixels(label), [[[0, 1], [1, 0]]])
