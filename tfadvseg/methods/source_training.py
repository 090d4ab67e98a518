"""Updates of S by the segmentation losses on the labelled source alone, and their phase."""

from collections.abc import Sequence

from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.gradients import Gradients, add_gradients, after, mean_gradients
from tfadvseg.methods.levels import (
    labelled_gradients,
    level_weights,
    mean_report,
    split_turns,
    upsampled_logits,
)
from tfadvseg.methods.method import Training
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, TARGET
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Batch, Batches, Phase, Scalars, Weights


def source_step(
    segmenter: Learner,
    batches: Sequence[Batch],
    lambda_seg: Sequence[float] = (0.1, 1.0),
    terms: SegmentationTerms = CROSS_ENTROPY,
    *,
    adapts_statistics: bool,
) -> Scalars:
    """Updates S once on its segmentation losses, by the mean of the batches' gradients.

    Args:
        segmenter: S and its optimizer.
        batches: at least one, each with `source_image` [B,H,W,C] float32, normalised,
            `source_label` [B,H,W] int32 in [0, K) or `ignore_label`, and, to adapt statistics,
            `target_image` [B',H',W',C].
        lambda_seg: weights of the losses, one per level of S.
        terms: terms of the segmentation loss of every level.
        adapts_statistics: whether target images pass through S, too, so that they update batch
            norm's moving statistics.

    Returns:
        Each level's `loss_seg`, before the update.
    """
    # With statistics per domain, S is evaluated with the target's. If target images do not update
    # them, source images must.
    domain = SOURCE if adapts_statistics else TARGET
    total: Gradients = []
    reports = []
    for batch in batches:
        image = after(total, batch["source_image"])
        gradients, report, _ = labelled_gradients(
            segmenter, image, batch["source_label"], lambda_seg, terms, domain
        )
        total = add_gradients(total, gradients)
        if adapts_statistics:
            # The logits are not used; the forward pass updates the statistics.
            upsampled_logits(segmenter, after(total, batch["target_image"]), TARGET)
        reports.append(report)
    segmenter.apply(mean_gradients(total, len(batches)))
    return mean_report(reports)


def source_phase(
    name: str, training: Training, batches: Batches, *, adapts_statistics: bool
) -> tuple[Phase, ...]:
    """The one phase of a method whose update is `source_step`.

    Args:
        name: name of the phase.
        training: what the phase is made from.
        batches: batches with `source_image`, `source_label` and `target_image`.
        adapts_statistics: as for `source_step`.
    """
    config = training.config

    def step(batch: Batch, weights: Weights) -> Scalars:
        del weights
        scalars = source_step(
            training.segmenter,
            split_turns(batch, config.method.iter_size),
            level_weights(config),
            training.terms,
            adapts_statistics=adapts_statistics,
        )
        return scalars | training.beside(batch)

    return (Phase(name, step, config.run.steps_per_epoch, batches),)
