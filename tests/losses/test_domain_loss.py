import math

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.losses.domain import SOURCE_LABEL, TARGET_LABEL, answers_target, domain_loss


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 1, 3, 1)])
def test_values_by_hand_in_any_shape(shape):
    logits = tf.reshape(tf.constant([-1.0, 0.0, 2.0]), shape)
    expected = {
        ("vanilla", SOURCE_LABEL): [softplus(-1), math.log(2), softplus(2)],
        ("vanilla", TARGET_LABEL): [softplus(1), math.log(2), softplus(-2)],
        ("ls", SOURCE_LABEL): [1, 0, 4],
        ("ls", TARGET_LABEL): [4, 1, 1],
    }
    for (gan, label), values in expected.items():
        loss = domain_loss(logits, label, gan)
        np.testing.assert_allclose(loss, np.reshape(values, shape), rtol=1e-6)


def test_huge_logits_stay_finite():
    logits = tf.constant([-1e4, 1e4])
    np.testing.assert_allclose(domain_loss(logits, TARGET_LABEL, "vanilla"), [1e4, 0])


def test_an_answer_is_the_nearer_label():
    logits = tf.constant([-3.0, 0.2, 0.7])
    np.testing.assert_array_equal(answers_target(logits, "vanilla"), [False, True, True])
    np.testing.assert_array_equal(answers_target(logits, "ls"), [False, False, True])
