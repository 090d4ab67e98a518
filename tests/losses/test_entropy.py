"""Entropy and self-information by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.losses.entropy import normalised_entropy, self_information


def maps(*probabilities: float) -> tf.Tensor:
    return tf.reshape(tf.constant(probabilities, tf.float32), [1, 1, 1, len(probabilities)])


@pytest.mark.parametrize("classes", [2, 3, 19])
def test_certainty_has_none_and_uniform_probabilities_have_most(classes):
    certain = maps(1.0, *[0.0] * (classes - 1))
    np.testing.assert_allclose(self_information(certain), 0, atol=1e-6)
    uniform = maps(*[1 / classes] * classes)
    np.testing.assert_allclose(self_information(uniform), 1 / classes, rtol=1e-6)
    assert float(normalised_entropy(uniform)[0, 0, 0]) == pytest.approx(1, rel=1e-6)


def test_a_quarter_and_three_quarters():
    expected = [0.25 * 2, 0.75 * math.log2(4 / 3)]
    np.testing.assert_allclose(self_information(maps(0.25, 0.75))[0, 0, 0], expected, rtol=1e-6)
    entropy = float(normalised_entropy(maps(0.25, 0.75))[0, 0, 0])
    assert entropy == pytest.approx(sum(expected), rel=1e-6)


def test_gradients_stay_finite_at_certainty():
    probabilities = maps(1.0, 0.0, 0.0)
    with tf.GradientTape() as tape:
        tape.watch(probabilities)
        entropy = tf.reduce_sum(normalised_entropy(probabilities))
    assert np.isfinite(tape.gradient(entropy, probabilities)).all()
