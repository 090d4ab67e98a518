"""MinEnt (Vu et al., CVPR 2019, arXiv 1811.12833): S minimises its entropy on target images."""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from tfadvseg.config.methods.minent import RULES
from tfadvseg.losses.entropy import normalised_entropy
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.gradients import Gradients, add_gradients, after, mean_gradients
from tfadvseg.methods.levels import (
    PREFIXES,
    check_levels,
    labelled_gradients,
    level_weights,
    mean_report,
    split_turns,
    upsampled_logits,
    weighted_sum,
)
from tfadvseg.methods.method import Method, Training
from tfadvseg.methods.reductions import global_mean
from tfadvseg.models.ops.frozen_batch_norm import TARGET
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.distribution import sum_over_replicas
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Batch, Phase, Scalars, Weights


@dataclass(frozen=True)
class EntropyLosses:
    """Losses of S, with weights per level of S.

    Attributes:
        lambda_seg: weights of the segmentation losses on source; 1 for the last level.
        lambda_entropy: weights of the mean entropies on target; each entropy is in [0, 1].
        terms: terms of the segmentation loss of every level.
    """

    lambda_seg: tuple[float, ...] = (0.1, 1.0)
    lambda_entropy: tuple[float, ...] = (0.0002, 0.001)
    terms: SegmentationTerms = CROSS_ENTROPY


def minent_step(segmenter: Learner, batches: Sequence[Batch], losses: EntropyLosses) -> Scalars:
    """Updates S once on sum(lambda_seg * loss_seg) + sum(lambda_entropy * loss_entropy).

    Args:
        segmenter: S and its optimizer.
        batches: at least one, each with `source_image` [B,H,W,C] float32, normalised,
            `source_label` [B,H,W] int32 in [0, K) or `ignore_label`, and `target_image`
            [B',H',W',C].
        losses: the losses and their weights.

    Returns:
        Each level's `loss_seg` and `loss_entropy` (eq. 3), before the update.

    Raises:
        ValueError: S has another number of levels.
    """
    check_levels(segmenter, losses.lambda_entropy)
    total: Gradients = []
    reports = []
    for batch in batches:
        image, label = after(total, batch["source_image"]), batch["source_label"]
        gradients, report, _ = labelled_gradients(
            segmenter, image, label, losses.lambda_seg, losses.terms
        )
        total = add_gradients(total, gradients)
        with tf.GradientTape() as tape:
            levels = upsampled_logits(segmenter, after(total, batch["target_image"]), TARGET)
            entropies = [
                global_mean(normalised_entropy(class_probabilities(logits))) for logits in levels
            ]
            loss = weighted_sum(losses.lambda_entropy, entropies)
        total = add_gradients(total, segmenter.gradients(tape, loss))
        for prefix, entropy in zip(PREFIXES[len(levels)], entropies, strict=True):
            report[f"{segmenter.name}/{prefix}loss_entropy"] = sum_over_replicas(entropy)
        reports.append(report)
    segmenter.apply(mean_gradients(total, len(batches)))
    return mean_report(reports)


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over windows of both domains."""
    config, method = training.config, training.config.method
    lambda_entropy = (method.lambda_entropy_aux, method.lambda_entropy)[-config.segmenter.levels :]
    losses = EntropyLosses(level_weights(config), lambda_entropy, training.terms)

    def step(batch: Batch, weights: Weights) -> Scalars:
        del weights
        turns = split_turns(batch, method.iter_size)
        return minent_step(training.segmenter, turns, losses) | training.beside(batch)

    return (Phase("minent", step, config.run.steps_per_epoch, training.feed.domains),)


METHOD = Method(RULES, phases)
