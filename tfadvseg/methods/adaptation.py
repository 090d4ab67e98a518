"""Output-space domain adaptation (Tsai et al., CVPR 2018, arXiv 1802.10349): S against a D a level.

`adaptation_step` updates S and its discriminators from labelled source and unlabelled target
images; `source_only_step` is the baseline that knows no target image at all. Levels are those of
S's `models.multi_level.MultiLevelSegmenter`, the last one being its output; any other S has one.

Both take one or several batches and update once, by the mean of the batches' gradients
(`iter_size` in the published code). A batch holds `source_image` [B,H,W,C] float32, normalised,
`source_label` [B,H,W] int32 in [0, K) or `ignore_label`, and `target_image` [B',H',W',C].

Returned scalars are means over the batches and replicas, before the update. Names of the level
before the last begin with `aux_`; a level without a discriminator reports nothing of one.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import tensorflow as tf

from tfadvseg.config import GanLoss
from tfadvseg.losses.domain import (
    SOURCE_LABEL,
    TARGET_LABEL,
    answers_target,
    domain_loss,
)
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.reductions import global_mean, global_share
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.models.multi_level import level_count, level_logits
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, TARGET, Domain
from tfadvseg.models.ops.resampling import resize_aligned
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.distribution import gather_replicas, sum_over_replicas
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Batch, Ratio, Scalars

Gradients = list[tf.Tensor | None]

PREFIXES = {1: ("",), 2: ("aux_", "")}
"""What the names of each level's scalars begin with, by the number of levels."""


@dataclass(frozen=True)
class AdaptationLosses:
    """Weights of S's losses, one a level of S, and the kind of adversarial loss.

    Attributes:
        lambda_seg: of the segmentation losses on source; 1 for the last level.
        lambda_adv: of the adversarial losses on target; numbers or scalar float32.
        gan: binary cross-entropy or least squares.
        terms: of the segmentation loss of every level.
    """

    lambda_seg: tuple[float, ...] = (0.1, 1.0)
    lambda_adv: tuple[float | tf.Tensor, ...] = (0.0002, 0.001)
    gan: GanLoss = "vanilla"
    terms: SegmentationTerms = CROSS_ENTROPY


def adaptation_step(
    segmenter: Learner,
    discriminators: Sequence[Learner | None],
    batches: Sequence[Batch],
    losses: AdaptationLosses,
) -> Scalars:
    """One update of S and of every D.

    S minimises sum(lambda_seg * loss_seg) on source + sum(lambda_adv * loss_adv) on target
    (eq. 5), each D the half-sum of its losses on both domains' predictions (eq. 2). Source and
    target pass through S one after the other, and the target's pass waits for the source's
    gradient, so that only one graph of S is held at a time. All gradients are taken before any
    is applied.

    Args:
        segmenter: S and its optimizer.
        discriminators: D and its optimizer for each level, or None where the level has none.
        batches: as above; at least one.
        losses: their weights.

    Returns:
        Of each level `loss_seg` and, with a discriminator, `loss_adv`, `loss_d` and D's health:
        `accuracy_source`, `accuracy_target` (shares answered rightly), `fooling_rate` (share of
        target predictions taken for source), `logit_min`, `logit_max`.

    Raises:
        ValueError: numbers of levels differ, or no level has a discriminator.
    """
    _check_levels(segmenter, losses, len(discriminators))
    judges = {level: judge for level, judge in enumerate(discriminators) if judge is not None}
    if not judges:
        raise ValueError("no level has a discriminator: source_only_step does that.")
    s_total: Gradients = []
    d_totals: dict[int, Gradients] = {level: [] for level in judges}
    reports: list[Scalars] = []
    for batch in batches:
        image = _after(s_total, batch["source_image"])
        s_gradients, report, probabilities = _source_gradients(
            segmenter, image, batch["source_label"], losses
        )
        s_total = _sum(s_total, s_gradients)
        on_source = {
            level: _discriminator_gradients(judge, _after(s_total, probabilities[level]), losses)
            for level, judge in judges.items()
        }
        held = [gradient for answer in on_source.values() for gradient in answer.gradients]
        image = _after([*s_total, *held], batch["target_image"])
        s_gradients, on_target, loss_adv = _target_gradients(segmenter, judges, image, losses)
        s_total = _sum(s_total, s_gradients)
        for level in judges:
            source, target = on_source[level], on_target[level]
            d_totals[level] = _sum(_sum(d_totals[level], source.gradients), target.gradients)
            report |= _adversarial_report(
                PREFIXES[len(discriminators)][level], loss_adv[level], source, target, losses.gan
            )
        reports.append(report)
    segmenter.apply(_share(s_total, len(batches)))
    for level, judge in judges.items():
        judge.apply(_share(d_totals[level], len(batches)))
    return _mean_report(reports)


def source_only_step(
    segmenter: Learner, batches: Sequence[Batch], losses: AdaptationLosses
) -> Scalars:
    """One update of S on its segmentation losses alone.

    A lambda_adv of 0 is something else where batch norm moves its statistics: target images
    would still move them.

    Args:
        segmenter: S and its optimizer.
        batches: as above; `target_image` is neither needed nor looked at.
        losses: only `lambda_seg` counts.

    Returns:
        Of each level `loss_seg`.
    """
    _check_levels(segmenter, losses, len(losses.lambda_adv))
    total: Gradients = []
    reports = []
    for batch in batches:
        image = _after(total, batch["source_image"])
        # Where each domain has statistics of its own, the target's are what S is used with. Nothing
        # moves them here but source images.
        gradients, report, _ = _source_gradients(
            segmenter, image, batch["source_label"], losses, TARGET
        )
        total = _sum(total, gradients)
        reports.append(report)
    segmenter.apply(_share(total, len(batches)))
    return _mean_report(reports)


def _check_levels(segmenter: Learner, losses: AdaptationLosses, discriminators: int) -> None:
    levels = level_count(segmenter.model)
    counts = (len(losses.lambda_seg), len(losses.lambda_adv), discriminators)
    if counts != (levels,) * 3:
        raise ValueError(
            f"the segmenter has {levels} levels, but lambda_seg, lambda_adv and the "
            f"discriminators number {', '.join(map(str, counts))}."
        )


def _source_gradients(
    segmenter: Learner,
    image: tf.Tensor,
    label: tf.Tensor,
    losses: AdaptationLosses,
    domain: Domain = SOURCE,
) -> tuple[Gradients, Scalars, list[tf.Tensor]]:
    """S's gradients on source, each level's `loss_seg`, and each level's probabilities."""
    with tf.GradientTape() as tape:
        logits = _upsampled_logits(segmenter, image, domain)
        loss_seg = [segmentation_loss(level, label, losses.terms) for level in logits]
        loss = _weighted_sum(losses.lambda_seg, loss_seg)
    gradients = segmenter.gradients(tape, loss)
    report: Scalars = {
        f"{prefix}loss_seg": sum_over_replicas(value)
        for prefix, value in zip(PREFIXES[len(logits)], loss_seg, strict=True)
    }
    return gradients, report, [class_probabilities(level) for level in logits]


@dataclass(frozen=True)
class _Answer:
    """What a D said of one domain's predictions.

    Attributes:
        logits: [B,h,w,1] float32.
        loss: its half of `loss_d`, this replica's share.
        gradients: of `loss`, for D's variables.
    """

    logits: tf.Tensor
    loss: tf.Tensor
    gradients: Gradients


def _discriminator_gradients(
    discriminator: Learner, probabilities: tf.Tensor, losses: AdaptationLosses
) -> _Answer:
    """D's answer on source predictions; they are constants here."""
    with tf.GradientTape() as tape:
        logits = discriminator.model(probabilities, training=True)
        loss = 0.5 * global_mean(domain_loss(logits, SOURCE_LABEL, losses.gan))
    return _Answer(logits, loss, discriminator.gradients(tape, loss))


def _target_gradients(
    segmenter: Learner, judges: dict[int, Learner], image: tf.Tensor, losses: AdaptationLosses
) -> tuple[Gradients, dict[int, _Answer], dict[int, tf.Tensor]]:
    """S's gradients on target, each D's answer there, and `loss_adv`, by level.

    One pass of D serves both: its own tape watches its variables only, so that S's predictions
    are constants to it, and S's tape is asked for S's variables only.
    """
    with ExitStack() as stack:
        s_tape = stack.enter_context(tf.GradientTape())
        d_tapes, logits, loss_adv, loss_d = {}, {}, {}, {}
        for level, judge in judges.items():
            tape = stack.enter_context(tf.GradientTape(watch_accessed_variables=False))
            tape.watch(judge.model.trainable_variables)
            d_tapes[level] = tape
        maps = _upsampled_logits(segmenter, image, TARGET)
        for level, judge in judges.items():
            logits[level] = judge.model(class_probabilities(maps[level]), training=True)
            loss_adv[level] = global_mean(domain_loss(logits[level], SOURCE_LABEL, losses.gan))
            with s_tape.stop_recording():
                wrong = domain_loss(logits[level], TARGET_LABEL, losses.gan)
                loss_d[level] = 0.5 * global_mean(wrong)
        loss = _weighted_sum([losses.lambda_adv[level] for level in judges], [*loss_adv.values()])
    gradients = segmenter.gradients(s_tape, loss)
    answers = {
        level: _Answer(logits[level], loss_d[level], judge.gradients(d_tapes[level], loss_d[level]))
        for level, judge in judges.items()
    }
    return gradients, answers, loss_adv


def _upsampled_logits(segmenter: Learner, image: tf.Tensor, domain: Domain) -> list[tf.Tensor]:
    """Each level's logits at the image's size, [B,H,W,K] float32."""
    size = tf.shape(image)[1:3]
    levels = level_logits(segmenter.model, image, training=True, domain=domain)
    return [resize_aligned(logits, size) for logits in levels]


def _adversarial_report(
    prefix: str, loss_adv: tf.Tensor, source: _Answer, target: _Answer, gan: GanLoss
) -> Scalars:
    """`loss_adv`, `loss_d` and D's health on one level, over all replicas."""
    source_as_target = answers_target(source.logits, gan)
    target_as_target = answers_target(target.logits, gan)
    lowest = tf.minimum(tf.reduce_min(source.logits), tf.reduce_min(target.logits))
    highest = tf.maximum(tf.reduce_max(source.logits), tf.reduce_max(target.logits))
    return {
        f"{prefix}loss_adv": sum_over_replicas(loss_adv),
        f"{prefix}loss_d": sum_over_replicas(source.loss + target.loss),
        f"{prefix}accuracy_source": global_share(~source_as_target),
        f"{prefix}accuracy_target": global_share(target_as_target),
        f"{prefix}fooling_rate": global_share(~target_as_target),
        f"{prefix}logit_min": tf.reduce_min(gather_replicas(lowest)),
        f"{prefix}logit_max": tf.reduce_max(gather_replicas(highest)),
    }


def _mean_report(reports: Sequence[Scalars]) -> Scalars:
    """One report of several batches': means, sums of counts, extremes of extremes."""

    def combined(name: str) -> tf.Tensor | Ratio:
        values = [report[name] for report in reports]
        if isinstance(values[0], Ratio):
            return Ratio(*(tf.add_n(parts) for parts in zip(*values, strict=True)))
        if name.endswith("_min"):
            return tf.reduce_min(values)
        if name.endswith("_max"):
            return tf.reduce_max(values)
        return tf.add_n(values) / len(values)

    return {name: combined(name) for name in reports[0]}


def _after(tensors: Sequence[tf.Tensor | None], value: tf.Tensor) -> tf.Tensor:
    """`value`, which within a graph is not there before `tensors` are."""
    with tf.control_dependencies([tensor for tensor in tensors if tensor is not None]):
        return tf.identity(value)


def _sum(total: Gradients, new: Gradients) -> Gradients:
    """Sums of gradients, variable by variable; None is a zero, and an empty list all zeros."""
    if not total:
        return new
    return [b if a is None else a if b is None else a + b for a, b in zip(total, new, strict=True)]


def _share(gradients: Gradients, batches: int) -> Gradients:
    return [gradient if gradient is None else gradient / batches for gradient in gradients]


def _weighted_sum(weights: Sequence[float | tf.Tensor], values: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([weight * value for weight, value in zip(weights, values, strict=True)])
