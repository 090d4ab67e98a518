"""Output-space domain adaptation (Tsai et al., CVPR 2018, arXiv 1802.10349): one D per level of S.

S learns from labelled source and unlabelled target images. Each D classifies one level's
predictions as source or target, and S learns to have its target predictions classified as source.
Levels are those of `models.multi_level.MultiLevelSegmenter`; the last is S's output. Any other S
has one level.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import tensorflow as tf

from tfadvseg.config import Config, DiscriminatorConfig, GanLoss
from tfadvseg.config.methods.adaptation import RULES
from tfadvseg.losses.gan import SOURCE, TARGET, answers, compares_sides, discriminator_loss
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.adversaries import (
    adversarial_loss,
    adversarial_weight,
    balanced_gradients,
    side_mean,
    with_r1,
)
from tfadvseg.methods.gradients import Gradients, add_gradients, after, mean_gradients
from tfadvseg.methods.levels import (
    PREFIXES,
    check_levels,
    labelled_gradients_at_logits,
    level_weights,
    mean_report,
    split_turns,
    upsampled_logits,
    weighted_sum,
)
from tfadvseg.methods.method import Method, Picture, ToPixels, Training
from tfadvseg.methods.reductions import global_mean, global_share
from tfadvseg.methods.two_domain_pictures import patch_maps, source_samples
from tfadvseg.methods.watching import domain_opponent, health_scalars
from tfadvseg.models.ops.frozen_batch_norm import TARGET as TARGET_STATISTICS
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.distribution import sum_over_replicas
from tfadvseg.training.state import Builder, Learner
from tfadvseg.training.types import Batch, Opponent, Phase, Scalars, Weights

DInput = Callable[[tf.Tensor], tf.Tensor]

DISCRIMINATORS = {1: ("discriminator",), 2: ("aux_discriminator", "discriminator")}
"""Names of the D of each level in checkpoints, by number of levels."""


@dataclass(frozen=True)
class AdaptationLosses:
    """Losses of S and D, with weights per level of S.

    Attributes:
        lambda_seg: weights of the segmentation losses on source; 1 for the last level.
        lambda_adv: weights of the adversarial losses on target; numbers or scalars float32. For a
            level whose D has a balance, a gradient ratio (`training.balance`).
        gan: the adversarial loss.
        terms: terms of the segmentation loss of every level.
        d_input: function of class probabilities [B,H,W,K] float32 to D's input maps.
        d_config: settings of D's R1 penalty, which is taken at the source's maps.
    """

    lambda_seg: tuple[float, ...] = (0.1, 1.0)
    lambda_adv: tuple[float | tf.Tensor, ...] = (0.0002, 0.001)
    gan: GanLoss = "vanilla"
    terms: SegmentationTerms = CROSS_ENTROPY
    d_input: DInput = tf.identity
    d_config: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)


def adaptation_step(
    segmenter: Learner,
    discriminators: Sequence[Learner | None],
    batches: Sequence[Batch],
    losses: AdaptationLosses,
) -> Scalars:
    """Updates S and every D once, by the mean of the batches' gradients.

    S minimises sum(lambda_seg * loss_seg) on source + sum(lambda_adv * loss_adv) on target
    (eq. 5), each D half the sum of its losses on both domains' predictions (eq. 2). Source and
    target pass through S one after the other, and the target's pass waits for the source's
    gradient, so that only one graph of S is in memory at a time. All gradients are computed before
    any is applied.

    Args:
        segmenter: S and its optimizer.
        discriminators: D and its optimizer per level; None for a level without D.
        batches: at least one (`iter_size` in the published code), each with `source_image`
            [B,H,W,C] float32, normalised, `source_label` [B,H,W] int32 in [0, K) or
            `ignore_label`, and `target_image` [B',H',W',C].
        losses: the losses and their weights.

    Returns:
        Each level's `loss_seg` and, with a discriminator, `loss_adv`, `loss_d`, `fooling_rate` (the
        share of target predictions classified as source) and D's health, all before the update.
        With a balance also the last level's `lambda_adv`, with R1 each D's `r1`.

    Raises:
        ValueError: numbers of levels differ, or no level has a discriminator.
    """
    check_levels(segmenter, losses.lambda_seg, losses.lambda_adv, discriminators)
    by_level = {level: d for level, d in enumerate(discriminators) if d is not None}
    if not by_level:
        raise ValueError("no level has a discriminator; call source_step instead.")
    prefixes = PREFIXES[len(discriminators)]
    s_total: Gradients = []
    d_totals: dict[int, Gradients] = {level: [] for level in by_level}
    reports: list[Scalars] = []
    for batch in batches:
        image, label = after(s_total, batch["source_image"]), batch["source_label"]
        s_gradients, report, maps, at_logits = labelled_gradients_at_logits(
            segmenter, image, label, losses.lambda_seg, losses.terms
        )
        s_total = add_gradients(s_total, s_gradients)
        source_maps = {level: losses.d_input(after(s_total, maps[level])) for level in by_level}
        on_source: dict[int, _Answer] = {}
        if not compares_sides(losses.gan):
            on_source = {
                level: _answer(d, source_maps[level], SOURCE, losses.gan)
                for level, d in by_level.items()
            }
        held = [gradient for answer in on_source.values() for gradient in answer.gradients]
        image = after([*s_total, *held], batch["target_image"])
        on_target = _target_gradients(segmenter, by_level, image, losses, source_maps, at_logits)
        s_total = add_gradients(s_total, on_target.s_gradients)
        report |= on_target.report
        on_source |= on_target.source
        for level, d in by_level.items():
            for answer in (on_source[level], on_target.target[level]):
                d_totals[level] = add_gradients(d_totals[level], answer.gradients)
            d_totals[level], penalty = with_r1(
                d_totals[level], d, source_maps[level], losses.d_config
            )
            report |= {f"{prefixes[level]}d/{name}": value for name, value in penalty.items()}
            name = f"{segmenter.name}/{prefixes[level]}loss_adv"
            report[name] = sum_over_replicas(on_target.loss_adv[level])
            report |= _d_report(
                f"{prefixes[level]}d", on_source[level], on_target.target[level], losses.gan
            )
        reports.append(report)
    segmenter.apply(mean_gradients(s_total, len(batches)))
    for level, d in by_level.items():
        d.apply(mean_gradients(d_totals[level], len(batches)))
    return mean_report(reports)


@dataclass(frozen=True)
class _Answer:
    """D's output on one domain's predictions, with its loss.

    Attributes:
        logits: D's logits, [B,h,w,1] float32.
        loss: half of D's loss on this domain, this replica's share.
        gradients: gradients of `loss` for D's variables.
    """

    logits: tf.Tensor
    loss: tf.Tensor
    gradients: Gradients


def _answer(discriminator: Learner, maps: tf.Tensor, domain: float, gan: GanLoss) -> _Answer:
    """D's output on predictions, which are constants here."""
    with tf.GradientTape() as tape:
        logits = discriminator.model(maps, training=True)
        loss = 0.5 * global_mean(discriminator_loss(logits, domain, gan))
    return _Answer(logits, loss, discriminator.gradients(tape, loss))


@dataclass(frozen=True)
class _OnTarget:
    """Results of S's pass over target images, by level.

    Attributes:
        s_gradients: gradients of the weighted adversarial losses for S's variables.
        loss_adv: adversarial losses without weight, this replica's share.
        target: D's output on the target's maps.
        source: D's output on the source's maps, if the loss compares sides; its gradients are then
            included in those of `target`.
        report: the weight that a balance chose.
    """

    s_gradients: Gradients
    loss_adv: dict[int, tf.Tensor]
    target: dict[int, _Answer]
    source: dict[int, _Answer]
    report: Scalars


def _target_gradients(
    segmenter: Learner,
    by_level: dict[int, Learner],
    image: tf.Tensor,
    losses: AdaptationLosses,
    source_maps: dict[int, tf.Tensor],
    at_source: tf.Tensor,
) -> _OnTarget:
    """S's gradients on target, and the output of every D there.

    One pass of D serves both: D's tape watches D's variables only, so that S's predictions are
    constants to it, and S's tape is differentiated for S's variables only.

    Args:
        segmenter, image, losses: as for the step.
        by_level: D and its optimizer, by level.
        source_maps: D's inputs on source images by level, [B,H,W,K] float32, constants here.
        at_source: gradient of the segmentation loss at the last level's logits.
    """
    gan, balances = losses.gan, any(d.balance is not None for d in by_level.values())
    with ExitStack() as stack:
        s_tape = stack.enter_context(tf.GradientTape(persistent=balances))
        d_tapes, logits, loss_adv, loss_d, of_source, d_losses = {}, {}, {}, {}, {}, {}
        for level, d in by_level.items():
            tape = stack.enter_context(tf.GradientTape(watch_accessed_variables=False))
            tape.watch(d.model.trainable_variables)
            d_tapes[level] = tape
        s_logits = upsampled_logits(segmenter, image, TARGET_STATISTICS)
        for level, d in by_level.items():
            others = mean = None
            if compares_sides(gan):
                with s_tape.stop_recording():
                    others = d.model(source_maps[level], training=True)
                    mean = side_mean(others, gan)
            maps_of_level = losses.d_input(class_probabilities(s_logits[level]))
            logits[level] = d.model(maps_of_level, training=True)
            loss_adv[level] = adversarial_loss(logits[level], SOURCE, gan, others)
            with s_tape.stop_recording():
                wrong = discriminator_loss(logits[level], TARGET, gan, other_mean=mean)
                loss_d[level] = 0.5 * global_mean(wrong)
                if others is not None:
                    own = side_mean(logits[level], gan)
                    right = discriminator_loss(others, SOURCE, gan, other_mean=own)
                    of_source[level] = others, 0.5 * global_mean(right)
                d_losses[level] = loss_d[level] + (of_source[level][1] if of_source else 0.0)
        loss = weighted_sum([losses.lambda_adv[level] for level in by_level], [*loss_adv.values()])
    report: Scalars = {}
    if balances:
        weights = {level: losses.lambda_adv[level] for level in by_level}
        gradients, report = balanced_gradients(
            segmenter, by_level, s_tape, s_logits, loss_adv, weights, at_source
        )
    else:
        gradients = segmenter.gradients(s_tape, loss)
    target, source = {}, {}
    for level, d in by_level.items():
        if level in of_source:
            others, share = of_source[level]
            source[level] = _Answer(others, share, [None] * len(d.model.trainable_variables))
        found = d.gradients(d_tapes[level], d_losses[level])
        target[level] = _Answer(logits[level], loss_d[level], found)
    return _OnTarget(gradients, loss_adv, target, source, report)


def _d_report(prefix: str, source: _Answer, target: _Answer, gan: GanLoss) -> Scalars:
    """Loss and health of one level's D, over all replicas."""
    sides = {"source": (source.logits, SOURCE), "target": (target.logits, TARGET)}
    health = health_scalars(prefix, sides, gan)
    source_mean = side_mean(source.logits, gan)
    low, high = health.pop(f"{prefix}/logit_min"), health.pop(f"{prefix}/logit_max")
    return {
        f"{prefix}/loss_d": sum_over_replicas(source.loss + target.loss),
        **health,
        f"{prefix}/fooling_rate": global_share(answers(target.logits, SOURCE, gan, source_mean)),
        f"{prefix}/logit_min": low,
        f"{prefix}/logit_max": high,
    }


def build_learners(build: Builder) -> dict[str, Learner]:
    """A D for each level whose adversarial loss ever has a weight; the last level's first."""
    method, names = build.config.method, DISCRIMINATORS[build.config.segmenter.levels]
    weighed = {
        "discriminator": method.weighs_adversarial,
        "aux_discriminator": method.lambda_adv_aux > 0,
    }
    return {
        name: build.discriminator(name, build.descriptor.num_classes, balanced=name == names[-1])
        for name in reversed(names)
        if weighed[name]
    }


def phases(training: Training, d_input: DInput = tf.identity) -> tuple[Phase, ...]:
    """One phase over windows of both domains."""
    config, method = training.config, training.config.method
    discriminators = [
        training.learners.get(name) for name in DISCRIMINATORS[config.segmenter.levels]
    ]

    def step(batch: Batch, weights: Weights) -> Scalars:
        turns = split_turns(batch, method.iter_size)
        lambda_adv = (method.lambda_adv_aux, adversarial_weight(weights))[-len(discriminators) :]
        losses = AdaptationLosses(
            level_weights(config),
            lambda_adv,
            method.gan,
            training.terms,
            d_input,
            config.discriminator,
        )
        scalars = adaptation_step(training.segmenter, discriminators, turns, losses)
        return scalars | training.beside(batch)

    def weights(progress: float) -> dict[str, float]:
        return method.adversarial_weight(progress)

    steps = config.run.steps_per_epoch
    return (Phase(method.method, step, steps, training.feed.domains, weights),)


def opponents(config: Config) -> tuple[Opponent, ...]:
    """The D of each level."""
    del config
    return (domain_opponent(), domain_opponent("aux_d", "The auxiliary level's D"))


def pictures(
    training: Training, to_pixels: ToPixels, d_input: DInput = tf.identity
) -> Sequence[Picture]:
    """The first source windows, and D's patch logits on the first windows of both domains."""
    return (
        source_samples(training, to_pixels),
        patch_maps(training, to_pixels, DISCRIMINATORS[training.config.segmenter.levels], d_input),
    )


METHOD = Method(RULES, phases, build_learners, opponents=opponents, pictures=pictures)
