"""AdaBN (Li et al. 2016, arXiv 1603.04779): the baseline of the adaptation methods.

S learns from the labelled source. Target images pass through S in training mode, as in
`methods.adaptation`, so that they update batch norm's moving statistics, but they contribute no
gradient. An adaptation method's gain over AdaBN is therefore due to its loss on target images.
"""

from collections.abc import Sequence

from tfadvseg.config.methods.adabn import RULES
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.gradients import Gradients, add_gradients, after, mean_gradients
from tfadvseg.methods.levels import (
    labelled_gradients,
    level_weights,
    mean_report,
    split_turns,
    upsampled_logits,
)
from tfadvseg.methods.method import Method, Training
from tfadvseg.models.ops.frozen_batch_norm import TARGET
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Batch, Phase, Scalars, Weights


def adabn_step(
    segmenter: Learner,
    batches: Sequence[Batch],
    lambda_seg: Sequence[float] = (0.1, 1.0),
    terms: SegmentationTerms = CROSS_ENTROPY,
) -> Scalars:
    """Updates S once on its segmentation losses; target images update statistics only.

    Args:
        segmenter: S and its optimizer.
        batches: at least one, each with `source_image` [B,H,W,C] float32, normalised,
            `source_label` [B,H,W] int32 in [0, K) or `ignore_label`, and `target_image`
            [B',H',W',C].
        lambda_seg: weights of the losses, one per level of S.
        terms: terms of the segmentation loss of every level.

    Returns:
        Each level's `loss_seg`, before the update.
    """
    total: Gradients = []
    reports = []
    for batch in batches:
        image = after(total, batch["source_image"])
        gradients, report, _ = labelled_gradients(
            segmenter, image, batch["source_label"], lambda_seg, terms
        )
        total = add_gradients(total, gradients)
        # The logits are not used; the forward pass updates batch norm's statistics.
        upsampled_logits(segmenter, after(total, batch["target_image"]), TARGET)
        reports.append(report)
    segmenter.apply(mean_gradients(total, len(batches)))
    return mean_report(reports)


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over windows of both domains."""
    config = training.config

    def step(batch: Batch, weights: Weights) -> Scalars:
        del weights
        turns = split_turns(batch, config.method.iter_size)
        scalars = adabn_step(training.segmenter, turns, level_weights(config), training.terms)
        return scalars | training.beside(batch)

    steps = config.run.steps_per_epoch
    return (Phase("adabn", step, steps, training.feed.domains),)


METHOD = Method(RULES, phases)
