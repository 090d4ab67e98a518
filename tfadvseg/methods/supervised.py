"""Supervised training: S alone, on labelled images."""

import tensorflow as tf

from tfadvseg.config.methods.supervised import RULES
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms, loss_of, term_sums
from tfadvseg.methods.method import Method, Training
from tfadvseg.training.distribution import replicas, sum_over_replicas
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Batch, Phase, Scalars, Weights

_SHARED = ("weight", "pixels", "dice_overlap", "dice_area")
"""Sums that a replica's share of the loss needs over all replicas."""


def segmentation_loss(
    logits: tf.Tensor,
    label: tf.Tensor,
    terms: SegmentationTerms = CROSS_ENTROPY,
    boundary: tf.Tensor | None = None,
) -> tf.Tensor:
    """This replica's share of the segmentation loss of the global batch; see `losses.terms`."""
    sums = term_sums(logits, label, terms, boundary)
    totals = {name: sum_over_replicas(sums[name]) for name in _SHARED if name in sums}
    return loss_of(sums, totals, terms, replicas())


def supervised_step(
    learner: Learner, batch: Batch, terms: SegmentationTerms = CROSS_ENTROPY
) -> Scalars:
    """Updates S once on its segmentation loss.

    Args:
        learner: S and its optimizer.
        batch: `image` [B,H,W,C] float32, normalised; `label` [B,H,W] int32; optionally `boundary`
            [B,H,W] float32 (`losses.terms.term_sums`).
        terms: terms of the segmentation loss.

    Returns:
        `loss_seg` of the global batch, before the update.
    """
    with tf.GradientTape() as tape:
        logits = learner.model(batch["image"], training=True)
        loss_seg = segmentation_loss(logits, batch["label"], terms, batch.get("boundary"))
    learner.apply(learner.gradients(tape, loss_seg))
    return {f"{learner.name}/loss_seg": sum_over_replicas(loss_seg)}


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over the labelled windows."""

    def step(batch: Batch, weights: Weights) -> Scalars:
        del weights
        scalars = supervised_step(training.segmenter, batch, training.terms)
        return scalars | training.beside(batch)

    steps = training.config.run.steps_per_epoch
    return (Phase("supervised", step, steps, training.feed.windows),)


METHOD = Method(RULES, phases)
