import math

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.losses.segmentation import (
    cross_entropy,
    dice_loss,
    dice_sums,
    focal_loss,
    pixel_weights,
    valid_pixels,
)
from tfadvseg.models.outputs import class_probabilities

LABEL = np.array([[[0, 1], [255, 1]], [[0, 0], [1, 255]]], np.int32)
THREE = np.array([[[0, 1], [255, 2]], [[2, 0], [1, 255]]], np.int32)


def random_logits(channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, 2, 2, channels)).astype(np.float32)


def torch_weighted_cross_entropy(logits, label, weights) -> float:
    """The formula in PyTorch's documentation of CrossEntropyLoss with weight and ignore_index."""
    total = weight = 0.0
    for scores, true in zip(logits.reshape(-1, logits.shape[-1]), label.ravel(), strict=True):
        if true != 255:
            total -= weights[true] * (scores[true] - math.log(np.exp(scores).sum()))
            weight += weights[true]
    return total / weight


def test_weighted_cross_entropy_by_hand():
    logits = tf.constant([[[[0.0], [2.0], [-1.0], [5.0]]]])
    label = tf.constant([[[1, 0, 0, 255]]])
    # Losses 0.693147, 2.126928 and 0.313262; weights 3, 0.5 and 0.5.
    loss = cross_entropy(logits, label) * pixel_weights(label, (0.5, 3.0))
    np.testing.assert_allclose(loss, [[[2.079442, 1.063464, 0.156631, 0]]], rtol=1e-5)
    np.testing.assert_array_equal(pixel_weights(label, (0.5, 3.0)), [[[3, 0.5, 0.5, 0]]])


def test_three_classes_are_normalised_as_pytorch_does():
    logits, weights = random_logits(3), (0.16642, 0.84274, 0.99084)
    loss = tf.reduce_sum(cross_entropy(logits, THREE) * pixel_weights(THREE, weights))
    mean = loss / tf.reduce_sum(pixel_weights(THREE, weights))
    expected = torch_weighted_cross_entropy(logits, THREE, weights)
    assert float(mean) == pytest.approx(expected, rel=1e-5)


def test_one_logit_is_normalised_as_pytorch_does_with_two():
    logits, weights = random_logits(1), (0.25, 2.0)
    loss = tf.reduce_sum(cross_entropy(logits, LABEL) * pixel_weights(LABEL, weights))
    mean = loss / tf.reduce_sum(pixel_weights(LABEL, weights))
    both = np.concatenate([np.zeros_like(logits), logits], axis=-1)
    expected = torch_weighted_cross_entropy(both, LABEL, weights)
    assert float(mean) == pytest.approx(expected, rel=1e-5)


def test_without_weights_pixels_weigh_one():
    np.testing.assert_array_equal(pixel_weights(THREE), valid_pixels(THREE))
    np.testing.assert_array_equal(pixel_weights(THREE, (1, 1, 1)), valid_pixels(THREE))


def test_focal_loss_by_hand():
    # p_t 0.5, sigmoid(2) = 0.880797 and 1 - sigmoid(2) = 0.119203.
    logits = tf.constant([[[[0.0], [2.0], [2.0]]]])
    label = tf.constant([[[1, 1, 0]]])
    expected = np.array([0.25 * 0.693147, 0.014209 * 0.126928, 0.775804 * 2.126928])
    np.testing.assert_allclose(focal_loss(logits, label)[0, 0], expected, rtol=1e-4)


def test_focal_loss_of_three_classes_by_hand():
    # Softmax of (0, log 2, log 5) is (1, 2, 5) / 8.
    logits = tf.math.log(tf.constant([[[[1.0, 2.0, 5.0]] * 3]]))
    loss = focal_loss(logits, tf.constant([[[0, 1, 2]]]), gamma=1.0)
    expected = [7 / 8 * math.log(8), 6 / 8 * math.log(4), 3 / 8 * math.log(8 / 5)]
    np.testing.assert_allclose(loss[0, 0], expected, rtol=1e-5)


@pytest.mark.parametrize(("channels", "label"), [(1, LABEL), (3, THREE)])
def test_focal_loss_without_focus_is_cross_entropy(channels, label):
    logits = random_logits(channels)
    np.testing.assert_allclose(
        focal_loss(logits, label, gamma=0.0), cross_entropy(logits, label), rtol=1e-6
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("channels", [1, 3])
def test_focal_loss_of_a_certain_answer_has_finite_gradients(gamma, channels):
    logits = tf.Variable(tf.fill([1, 1, 2, channels], 0.0) + [200.0, -200.0, -200.0][:channels])
    label = tf.constant([[[0, 1]]])
    with tf.GradientTape() as tape:
        loss = focal_loss(logits, label, gamma)
        total = tf.reduce_sum(loss)
    gradient = tape.gradient(total, logits)
    assert np.isfinite(loss).all() and np.isfinite(gradient).all()
    wrong = 0 if channels == 1 else 1
    assert loss[0, 0, wrong] > 100 and loss[0, 0, 1 - wrong] == 0


def test_dice_by_hand():
    label = tf.constant([[[0, 1, 1, 255]]])
    ones = tf.constant([0.25, 0.5, 1.0, 0.7])
    probabilities = tf.stack([1 - ones, ones], axis=-1)[tf.newaxis, tf.newaxis]
    numerator, denominator = dice_sums(probabilities, label)
    # Class 0: 2 * 0.75 over 1.25 + 1; class 1: 2 * 1.5 over 1.75 + 2.
    np.testing.assert_allclose(numerator, [1.5, 3.0])
    np.testing.assert_allclose(denominator, [2.25, 3.75])
    expected = 1 - (2.5 / 3.25 + 4.0 / 4.75) / 2
    assert float(dice_loss(numerator, denominator)) == pytest.approx(expected)
    expected = 1 - (1.5 / 2.25 + 3.0 / 3.75) / 2
    assert float(dice_loss(numerator, denominator, 1e-9)) == pytest.approx(expected)


def test_dice_of_a_perfect_answer_is_zero_with_a_class_absent():
    probabilities = tf.one_hot(THREE, 4)
    assert float(dice_loss(*dice_sums(probabilities, THREE))) == pytest.approx(0)
    # All predictions in the absent class: coefficients 1/3 (two pixels each), and 1 / (6 + 1).
    wrong = tf.one_hot(np.full_like(THREE, 3), 4)
    expected = 1 - (3 * (1 / 3) + 1 / 7) / 4
    assert float(dice_loss(*dice_sums(wrong, THREE))) == pytest.approx(expected)


def test_dice_of_one_logit_is_that_of_two():
    logits = random_logits(1)
    both = np.concatenate([np.zeros_like(logits), logits], axis=-1)
    of_one = dice_sums(class_probabilities(tf.constant(logits)), LABEL)
    of_two = dice_sums(tf.nn.softmax(both), LABEL)
    np.testing.assert_allclose(of_one, of_two, rtol=1e-5)


def losses(logits: tf.Tensor, label: tf.Tensor) -> list[tf.Tensor]:
    """Sum of each loss."""
    classes = max(2, logits.shape[-1])
    weights = tuple(range(1, classes + 1))
    return [
        tf.reduce_sum(cross_entropy(logits, label) * pixel_weights(label, weights)),
        tf.reduce_sum(focal_loss(logits, label, 1.5)),
        dice_loss(*dice_sums(class_probabilities(logits), label)),
    ]


@pytest.mark.parametrize(("channels", "label"), [(1, LABEL), (3, THREE)])
@pytest.mark.parametrize("index", range(3))
def test_ignored_pixels_change_no_loss_and_get_no_gradient(channels, label, index):
    logits = random_logits(channels)
    elsewhere = np.where((label == 255)[..., np.newaxis], 7.0, logits).astype(np.float32)
    gradients = []
    values = []
    for each in (logits, elsewhere):
        variable = tf.Variable(each)
        with tf.GradientTape() as tape:
            loss = losses(tf.convert_to_tensor(variable), label)[index]
        values.append(float(loss))
        gradients.append(tape.gradient(loss, variable).numpy())
    assert values[0] == values[1] > 0
    np.testing.assert_array_equal(gradients[0], gradients[1])
    np.testing.assert_array_equal(gradients[0].any(axis=-1), label != 255)
