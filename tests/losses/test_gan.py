"""Adversarial losses by hand, for one logit and for maps of patches."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.losses.gan import (
    FAKE,
    REAL,
    SOURCE,
    TARGET,
    answers,
    discriminator_loss,
    segmenter_loss,
)

LOG_2 = math.log(2)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


@pytest.mark.parametrize(
    ("label", "logit", "expected"),
    [
        (REAL, 0.0, LOG_2),
        (FAKE, 0.0, LOG_2),
        (REAL, 2.0, 0.126928),
        (FAKE, 2.0, 2.126928),
        (FAKE, -3.0, 0.048587),
    ],
)
@pytest.mark.parametrize("shape", [[2, 1, 1, 1], [2, 3, 5, 1]])
def test_cross_entropy_of_one_logit_and_of_patches(label, logit, expected, shape):
    for loss in (discriminator_loss, segmenter_loss):
        result = loss(tf.fill(shape, logit), label)
        assert result.shape == shape
        np.testing.assert_allclose(result, np.full(shape, expected), rtol=1e-4)


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 1, 3, 1)])
def test_values_by_hand_in_any_shape(shape):
    logits = tf.reshape(tf.constant([-1.0, 0.0, 2.0]), shape)
    expected = {
        ("vanilla", SOURCE): [softplus(-1), LOG_2, softplus(2)],
        ("vanilla", TARGET): [softplus(1), LOG_2, softplus(-2)],
        ("ls", SOURCE): [1, 0, 4],
        ("ls", TARGET): [4, 1, 1],
    }
    for (gan, label), values in expected.items():
        loss = discriminator_loss(logits, label, gan)
        np.testing.assert_allclose(loss, np.reshape(values, shape), rtol=1e-6)


def test_label_smoothing_is_least_where_d_answers_one_minus_it():
    # BCE against 0.9 is least at sigmoid(logit) = 0.9, where it is the entropy of (0.9, 0.1).
    logits = tf.constant([1.0, np.log(9.0), 4.0], tf.float32)
    losses = discriminator_loss(logits, REAL, smoothing=0.1).numpy()
    np.testing.assert_allclose(losses[1], 0.325083, rtol=1e-4)
    assert losses[0] > losses[1] < losses[2]


def test_huge_logits_stay_finite():
    np.testing.assert_allclose(discriminator_loss(tf.constant([-1e4, 1e4]), TARGET), [1e4, 0])


def test_an_answer_is_the_nearer_label():
    logits = tf.constant([-3.0, 0.2, 0.7])
    np.testing.assert_array_equal(answers(logits, TARGET), [False, True, True])
    np.testing.assert_array_equal(answers(logits, SOURCE), [True, False, False])
    np.testing.assert_array_equal(answers(logits, TARGET, "ls"), [False, False, True])
    np.testing.assert_array_equal(answers(logits, SOURCE, "ls"), [True, True, False])
