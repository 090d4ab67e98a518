"""Losses and gradients on each level of S (`models.multi_level`), of which there are one or two.

Scalars and discriminator of the level before the last have names that begin with `aux_`.
"""

from collections.abc import Sequence

import tensorflow as tf

from tfadvseg.config import Config
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.gradients import Gradients
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.models.multi_level import level_count, level_logits
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, TARGET, Domain
from tfadvseg.models.ops.resampling import resize_aligned
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.distribution import sum_over_replicas
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Batch, Maximum, Minimum, Ratio, Scalar, Scalars

PREFIXES = {1: ("",), 2: ("aux_", "")}
"""Prefix of each level's names, by number of levels."""


_REDUCTIONS = {Ratio: tf.add_n, Minimum: tf.reduce_min, Maximum: tf.reduce_max}


def level_weights(config: Config) -> tuple[float, ...]:
    """Weights of the segmentation losses, one per level of S; 1 for the last level."""
    return (config.method.lambda_seg_aux, 1.0)[-config.segmenter.levels :]


def split_turns(batch: Batch, turns: int) -> list[Batch]:
    """Splits the windows of one update into its batches (`--iter_size`).

    The windows of the batches are interleaved, so that each batch consists of the same windows for
    any number of replicas.
    """
    return [{name: t[turn::turns] for name, t in batch.items()} for turn in range(turns)]


def upsampled_logits(
    segmenter: Learner, image: tf.Tensor, domain: Domain, training: bool = True
) -> list[tf.Tensor]:
    """Each level's logits at the image's size, [B,H,W,K] float32."""
    size = tf.shape(image)[1:3]
    with segmenter.domain(domain):
        levels = level_logits(segmenter.model, image, training=training, domain=domain)
    return [resize_aligned(logits, size) for logits in levels]


def logits_per_domain(
    segmenter: Learner, source: tf.Tensor, target: tf.Tensor, training: bool
) -> tf.Tensor:
    """The last level's logits on images of two domains, each with its own statistics.

    Args:
        segmenter: S.
        source, target: [B,H,W,C] and [B',H,W,C] float32, normalised.
        training: whether batch norm uses the batch's statistics.

    Returns:
        [B + B',H,W,K] float32, those of the source first.
    """
    parts = [
        upsampled_logits(segmenter, image, domain, training)[-1]
        for image, domain in ((source, SOURCE), (target, TARGET))
    ]
    return tf.concat(parts, axis=0)


def labelled_gradients(
    segmenter: Learner,
    image: tf.Tensor,
    label: tf.Tensor,
    lambda_seg: Sequence[float],
    terms: SegmentationTerms = CROSS_ENTROPY,
    domain: Domain = SOURCE,
) -> tuple[Gradients, Scalars, list[tf.Tensor]]:
    """S's gradients of sum(lambda_seg * loss_seg) over its levels.

    Args:
        segmenter: S and its optimizer.
        image: [B,H,W,C] float32, normalised.
        label: [B,H,W] int32 in [0, K) or `ignore_label`.
        lambda_seg: weights of the losses, one per level.
        terms: terms of the loss.
        domain: domain whose batch-norm statistics are updated.

    Returns:
        The gradients, each level's `loss_seg`, and each level's probabilities [B,H,W,K] float32.

    Raises:
        ValueError: S has another number of levels.
    """
    gradients, report, maps, _ = labelled_gradients_at_logits(
        segmenter, image, label, lambda_seg, terms, domain
    )
    return gradients, report, maps


def labelled_gradients_at_logits(
    segmenter: Learner,
    image: tf.Tensor,
    label: tf.Tensor,
    lambda_seg: Sequence[float],
    terms: SegmentationTerms = CROSS_ENTROPY,
    domain: Domain = SOURCE,
) -> tuple[Gradients, Scalars, list[tf.Tensor], tf.Tensor]:
    """`labelled_gradients` with the gradient at the last level's logits.

    Args, Raises:
        As for `labelled_gradients`.

    Returns:
        As `labelled_gradients`, then the gradient at the logits, [B,H,W,...] float32.
    """
    check_levels(segmenter, lambda_seg)
    with tf.GradientTape() as tape:
        logits = upsampled_logits(segmenter, image, domain)
        loss_seg = [segmentation_loss(level, label, terms) for level in logits]
        loss = weighted_sum(lambda_seg, loss_seg)
    variables = segmenter.model.trainable_variables
    *gradients, at_logits = segmenter.gradients_at(tape, loss, [*variables, logits[-1]])
    report: Scalars = {
        f"{segmenter.name}/{prefix}loss_seg": sum_over_replicas(value)
        for prefix, value in zip(PREFIXES[len(logits)], loss_seg, strict=True)
    }
    return gradients, report, [class_probabilities(level) for level in logits], at_logits


def check_levels(segmenter: Learner, *per_level: Sequence) -> None:
    """Refuses sequences without exactly one item per level of S.

    Raises:
        ValueError: naming the lengths.
    """
    levels = level_count(segmenter.model)
    if any(len(items) != levels for items in per_level):
        lengths = ", ".join(str(len(items)) for items in per_level)
        raise ValueError(f"the segmenter has {levels} levels, but the arguments are for {lengths}.")


def mean_report(reports: Sequence[Scalars]) -> Scalars:
    """Combines the reports of several batches: means, sums of counts, minima and maxima."""

    def combined(values: list[Scalar]) -> Scalar:
        first = values[0]
        if isinstance(first, tuple):
            columns = zip(*values, strict=True)
            reduce = _REDUCTIONS[type(first)]
            return type(first)(*(reduce(list(column)) for column in columns))
        return tf.add_n(values) / len(values)

    return {name: combined([report[name] for report in reports]) for name in reports[0]}


def weighted_sum(weights: Sequence[float | tf.Tensor], values: Sequence[tf.Tensor]) -> tf.Tensor:
    """The sum of weight * value, scalar float32."""
    return tf.add_n([weight * value for weight, value in zip(weights, values, strict=True)])
