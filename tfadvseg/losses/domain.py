"""Adversarial losses between two domains (Tsai et al. 2018, arXiv 1802.10349), unreduced.

D tells predictions on the source domain (label 0) from predictions on the target domain (label
1). The labels are those of the published code, so that its discriminators fit.
"""

import tensorflow as tf

from tfadvseg.config import GanLoss

SOURCE_LABEL = 0.0
TARGET_LABEL = 1.0


def domain_loss(logits: tf.Tensor, domain_label: float, gan: GanLoss) -> tf.Tensor:
    """How far D's answers are from a domain's label.

    D is trained with each domain's own label (eq. 2), S with the source's on target predictions
    (eq. 4).

    Args:
        logits: D's, float32, any shape.
        domain_label: `SOURCE_LABEL` or `TARGET_LABEL`.
        gan: `vanilla` is binary cross-entropy, in nats; `ls` the squared difference between logit
            and label (LSGAN, Mao et al. 2017, arXiv 1611.04076).

    Returns:
        float32 of the same shape.
    """
    label = tf.fill(tf.shape(logits), domain_label)
    match gan:
        case "vanilla":
            return tf.nn.sigmoid_cross_entropy_with_logits(label, logits)
        case "ls":
            return tf.math.squared_difference(logits, label)


def answers_target(logits: tf.Tensor, gan: GanLoss) -> tf.Tensor:
    """Whether D takes a prediction for one on the target domain; bool of the logits' shape."""
    return logits > (0.0 if gan == "vanilla" else (SOURCE_LABEL + TARGET_LABEL) / 2)
