"""Adversarial losses, a value a logit of D, unreduced. D answers 1 for real (true label maps).

Binary cross-entropy as in Luc et al. 2016 (arXiv 1611.08408), eq. 3 for D and the non-saturating
form of section 3.1 for S. Any shape of logits: one a window, or a map of patches.
"""

import tensorflow as tf


def discriminator_loss_real(logits: tf.Tensor, label_smoothing: float = 0.0) -> tf.Tensor:
    """D's loss on real maps: BCE against 1 - `label_smoothing` (Salimans et al. 2016, 3.4).

    Args:
        logits: float32, any shape.
        label_smoothing: one-sided, in [0, 0.5).

    Returns:
        float32 of the same shape, in nats.
    """
    target = tf.fill(tf.shape(logits), 1.0 - label_smoothing)
    return tf.nn.sigmoid_cross_entropy_with_logits(target, logits)


def discriminator_loss_fake(logits: tf.Tensor) -> tf.Tensor:
    """D's loss on S's maps: BCE against 0. Shapes as `discriminator_loss_real`."""
    return tf.nn.sigmoid_cross_entropy_with_logits(tf.zeros_like(logits), logits)


def segmenter_adversarial_loss(logits: tf.Tensor) -> tf.Tensor:
    """S's loss on D's logits for S's own maps: BCE against 1, the answer S wants to hear."""
    return tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(logits), logits)
