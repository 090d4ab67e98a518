"""Training with a size prior (Kervadec et al. 2019, arXiv 1805.04628): masks without a D.

S learns from labels, which may be incomplete, and from the size of each class in masks of other
images. Batches are those of `methods.supervised`.
"""

from collections.abc import Sequence

import tensorflow as tf

from tfadvseg.config.method import SizeLoss
from tfadvseg.config.methods.size_prior import RULES
from tfadvseg.losses.size_prior import size_loss
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.method import Method, Training
from tfadvseg.methods.reductions import global_mean
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.distribution import sum_over_replicas
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Batch, Phase, Scalars, Weights


def size_prior_step(
    segmenter: Learner,
    batch: Batch,
    lambda_size: float,
    shares: Sequence[float],
    kind: SizeLoss,
    terms: SegmentationTerms = CROSS_ENTROPY,
) -> Scalars:
    """Updates S once on loss_seg + lambda_size * loss_size.

    Args:
        segmenter: S and its optimizer.
        batch: `image` [B,H,W,C] float32, normalised; `label` [B,H,W] int32 in [0, K) or
            `ignore_label`; optionally `boundary` [B,H,W] float32.
        lambda_size: weight of the prior.
        shares: share of each class in the masks.
        kind: distance to these shares.
        terms: terms of the segmentation loss.

    Returns:
        `loss_seg` and `loss_size` of the global batch, before the update.
    """
    image, label = batch["image"], batch["label"]
    with tf.GradientTape() as tape:
        logits = segmenter.model(image, training=True)
        loss_seg = segmentation_loss(logits, label, terms, batch.get("boundary"))
        loss_size = global_mean(size_loss(class_probabilities(logits), shares, kind))
        loss_s = loss_seg + lambda_size * loss_size
    segmenter.apply(segmenter.gradients(tape, loss_s))
    return {
        f"{segmenter.name}/loss_seg": sum_over_replicas(loss_seg),
        f"{segmenter.name}/loss_size": sum_over_replicas(loss_size),
    }


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over the labelled windows."""
    method, masks = training.config.method, training.feed.masks
    if masks is None:
        raise ValueError("--method=size_prior: needs masks.")

    def step(batch: Batch, weights: Weights) -> Scalars:
        del weights
        scalars = size_prior_step(
            training.segmenter,
            batch,
            method.lambda_size,
            masks.class_shares,
            method.size_loss,
            training.terms,
        )
        return scalars | training.beside(batch)

    steps = training.config.run.steps_per_epoch
    return (Phase("size_prior", step, steps, training.feed.windows),)


METHOD = Method(RULES, phases)
