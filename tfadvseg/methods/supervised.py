"""Supervised training: S alone, on labelled images."""

import tensorflow as tf

from tfadvseg.losses.segmentation import cross_entropy, valid_pixels
from tfadvseg.training.distribution import sum_over_replicas
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Batch, Scalars


def segmentation_loss(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """This replica's share of the mean cross-entropy over the global batch's valid pixels."""
    count = sum_over_replicas(tf.reduce_sum(valid_pixels(label)))
    return tf.math.divide_no_nan(tf.reduce_sum(cross_entropy(logits, label)), count)


def supervised_step(learner: Learner, batch: Batch) -> Scalars:
    """One update of S on its segmentation loss.

    Args:
        learner: S and its optimizer.
        batch: `image` [B,H,W,C] float32, normalised; `label` [B,H,W] int32.

    Returns:
        `loss_seg`: its mean over the global batch, before the update.
    """
    with tf.GradientTape() as tape:
        logits = learner.model(batch["image"], training=True)
        loss_seg = segmentation_loss(logits, batch["label"])
    learner.apply(learner.gradients(tape, loss_seg))
    return {"loss_seg": sum_over_replicas(loss_seg)}
