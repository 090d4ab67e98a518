"""Training on the source domain alone: the baseline without target images."""

from collections.abc import Sequence

from tfadvseg.config.methods.source_only import RULES
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.gradients import Gradients, add_gradients, after, mean_gradients
from tfadvseg.methods.levels import labelled_gradients, level_weights, mean_report, split_turns
from tfadvseg.methods.method import Method, Training
from tfadvseg.models.ops.frozen_batch_norm import TARGET
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Batch, Phase, Scalars, Weights


def source_only_step(
    segmenter: Learner,
    batches: Sequence[Batch],
    lambda_seg: Sequence[float] = (0.1, 1.0),
    terms: SegmentationTerms = CROSS_ENTROPY,
) -> Scalars:
    """Updates S once on its segmentation losses, by the mean of the batches' gradients.

    Args:
        segmenter: S and its optimizer.
        batches: at least one, each with `source_image` [B,H,W,C] float32, normalised, and
            `source_label` [B,H,W] int32 in [0, K) or `ignore_label`.
        lambda_seg: weights of the losses, one per level of S.
        terms: terms of the segmentation loss of every level.

    Returns:
        Each level's `loss_seg`, before the update.
    """
    total: Gradients = []
    reports = []
    for batch in batches:
        # With statistics per domain, S is evaluated with the target's. Here only source images
        # can update them.
        gradients, report, _ = labelled_gradients(
            segmenter,
            after(total, batch["source_image"]),
            batch["source_label"],
            lambda_seg,
            terms,
            TARGET,
        )
        total = add_gradients(total, gradients)
        reports.append(report)
    segmenter.apply(mean_gradients(total, len(batches)))
    return mean_report(reports)


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over windows of the source."""
    config = training.config

    def step(batch: Batch, weights: Weights) -> Scalars:
        del weights
        turns = split_turns(batch, config.method.iter_size)
        scalars = source_only_step(training.segmenter, turns, level_weights(config), training.terms)
        return scalars | training.beside(batch)

    steps = config.run.steps_per_epoch
    return (Phase("source_only", step, steps, training.feed.domains),)


METHOD = Method(RULES, phases)
