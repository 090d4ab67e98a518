import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.losses.adversarial import (
    discriminator_loss_fake,
    discriminator_loss_real,
    segmenter_adversarial_loss,
)

LOG_2 = 0.693147


@pytest.mark.parametrize(
    ("loss", "logit", "expected"),
    [
        (discriminator_loss_real, 0.0, LOG_2),
        (discriminator_loss_fake, 0.0, LOG_2),
        (segmenter_adversarial_loss, 0.0, LOG_2),
        (discriminator_loss_real, 2.0, 0.126928),
        (discriminator_loss_fake, 2.0, 2.126928),
        (segmenter_adversarial_loss, 2.0, 0.126928),
        (discriminator_loss_fake, -3.0, 0.048587),
    ],
)
@pytest.mark.parametrize("shape", [[2, 1, 1, 1], [2, 3, 5, 1]])
def test_hand_computed_values_for_one_logit_and_for_patches(loss, logit, expected, shape):
    result = loss(tf.fill(shape, logit))
    assert result.shape == shape
    np.testing.assert_allclose(result, np.full(shape, expected), rtol=1e-4)


def test_label_smoothing_is_least_where_d_answers_one_minus_it():
    # BCE against 0.9 is least at sigmoid(logit) = 0.9, where it is the entropy of (0.9, 0.1).
    logits = tf.constant([1.0, np.log(9.0), 4.0], tf.float32)
    losses = discriminator_loss_real(logits, label_smoothing=0.1).numpy()
    np.testing.assert_allclose(losses[1], 0.325083, rtol=1e-4)
    assert losses[0] > losses[1] < losses[2]
