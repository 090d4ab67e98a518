"""Adversarial segmentation (Luc et al. 2016, arXiv 1611.08408): S against D.

There are three step functions. `joint_step` updates S and D from one forward pass of S; the
alternating schedule uses `segmenter_step` and `discriminator_step` in separate phases. In all of
them, each tape differentiates only its own network's variables.

Batches hold `image` [B,H,W,C] float32, normalised, and `label` [B,H,W] int32 in [0, K) or
`ignore_label`; with boundary weights also `boundary` [B,H,W] float32; if D's true maps are those of
other images, also `mask` [B,H,W] int32 in [0, K). Returned scalars are means over the global batch,
before the update.
"""

import tensorflow as tf

from tfadvseg.config import Config, DiscriminatorConfig, GanLoss
from tfadvseg.config.methods.adversarial import RULES
from tfadvseg.losses.discriminator_input import (
    discriminator_channels,
    discriminator_input,
    true_probabilities,
)
from tfadvseg.losses.gan import FAKE, REAL, answers, compares_sides, discriminator_loss
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods import supervised
from tfadvseg.methods.adversaries import (
    adversarial_loss,
    adversarial_weight,
    segmenter_gradients,
    side_mean,
    with_noise,
    with_r1,
)
from tfadvseg.methods.method import Method, Training
from tfadvseg.methods.reductions import global_mean, global_share
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.methods.watching import health_scalars, true_map_opponent
from tfadvseg.models.discriminators import has_batch_norm
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.distribution import sum_over_replicas
from tfadvseg.training.state import Builder, Learner
from tfadvseg.training.types import Batch, Opponent, Phase, Scalars, Weights


def joint_step(
    segmenter: Learner,
    discriminator: Learner,
    batch: Batch,
    lambda_adv: tf.Tensor,
    config: DiscriminatorConfig,
    terms: SegmentationTerms = CROSS_ENTROPY,
    gan: GanLoss = "vanilla",
) -> Scalars:
    """Updates S and D once, from one forward pass of S and one of D on S's maps.

    S minimises loss_seg + lambda_adv * loss_adv (eq. 1), D minimises loss_d, the mean of its
    losses on real and on fake maps. Both gradients are computed before either is applied.

    Args:
        segmenter, discriminator: the networks and their optimizers.
        batch: as above.
        lambda_adv: scalar float32; a ratio if D has a balance (`segmenter_gradients`).
        config: D's input, and its R1 penalty.
        terms: terms of the segmentation loss.
        gan: the adversarial loss.

    Returns:
        S's `loss_seg` and `loss_adv`, and with a balance `lambda_adv`; D's `fooling_rate` as in
        `segmenter_step`, `loss_d`, with a penalty `r1`, and its health
        (`watching.health_scalars`).
    """
    image, label = batch["image"], batch["label"]
    d_variables = discriminator.model.trainable_variables
    with (
        tf.GradientTape(persistent=discriminator.balance is not None) as s_tape,
        tf.GradientTape(watch_accessed_variables=False) as d_tape,
    ):
        d_tape.watch(d_variables)
        logits = segmenter.model(image, training=True)
        probabilities = class_probabilities(logits)
        loss_seg = segmentation_loss(logits, label, terms, batch.get("boundary"))
        # D's logits on S's maps serve both losses: each tape differentiates its own network's
        # variables only, and D's tape watches none of S's.
        fake_maps = discriminator_input(probabilities, image, label, config)
        updates = segmenter.updates
        fake_maps = with_noise(fake_maps, updates, FAKE, config)
        fake_logits = discriminator.model(fake_maps, training=True)
        with s_tape.stop_recording():
            real_maps = with_noise(true_maps(batch, probabilities, config), updates, REAL, config)
            real_logits = discriminator.model(real_maps, training=True)
            real_mean, fake_mean = side_mean(real_logits, gan), side_mean(fake_logits, gan)
            smoothing = config.d_label_smoothing
            loss_d = 0.5 * (
                global_mean(discriminator_loss(real_logits, REAL, gan, smoothing, fake_mean))
                + global_mean(discriminator_loss(fake_logits, FAKE, gan, other_mean=real_mean))
            )
        loss_adv = adversarial_loss(fake_logits, REAL, gan, real_logits)
        loss_s = loss_seg + lambda_adv * loss_adv
    s_gradients, weight = segmenter_gradients(
        segmenter, discriminator, s_tape, logits, (loss_seg, loss_adv, loss_s), lambda_adv
    )
    d_gradients = discriminator.gradients(d_tape, loss_d)
    d_gradients, penalty = with_r1(d_gradients, discriminator, real_maps, config)
    segmenter.apply(s_gradients)
    discriminator.apply(d_gradients)
    return {
        f"{segmenter.name}/loss_seg": sum_over_replicas(loss_seg),
        f"{segmenter.name}/loss_adv": sum_over_replicas(loss_adv),
        **weight,
        "d/loss_d": sum_over_replicas(loss_d),
        **{f"d/{name}": value for name, value in penalty.items()},
        "d/fooling_rate": global_share(answers(fake_logits, REAL, gan, real_mean)),
        **health_scalars("d", {"real": (real_logits, REAL), "fake": (fake_logits, FAKE)}, gan),
    }


def segmenter_step(
    segmenter: Learner,
    discriminator: Learner,
    batch: Batch,
    lambda_adv: tf.Tensor,
    config: DiscriminatorConfig,
    terms: SegmentationTerms = CROSS_ENTROPY,
    gan: GanLoss = "vanilla",
) -> Scalars:
    """Updates S once against a frozen D, which still normalises by batch statistics.

    Args:
        segmenter: S and its optimizer.
        discriminator: D; its trained weights do not change, but batch norm's moving statistics do.
        batch: as above.
        lambda_adv: scalar float32; a ratio if D has a balance (`segmenter_gradients`).
        config: D's input, and its R1 penalty.
        terms: terms of the segmentation loss.
        gan: the adversarial loss.

    Returns:
        S's `loss_seg` and `loss_adv`, and with a balance `lambda_adv`; D's `fooling_rate`: the
        share of its logits on S's maps that classify them as real.
    """
    image, label = batch["image"], batch["label"]
    # Training mode is for batch norm; without it, training mode would only change spectral norms.
    d_mode = has_batch_norm(discriminator.model)
    with tf.GradientTape(persistent=discriminator.balance is not None) as tape:
        logits = segmenter.model(image, training=True)
        loss_seg = segmentation_loss(logits, label, terms, batch.get("boundary"))
        probabilities = class_probabilities(logits)
        updates = segmenter.updates
        maps = discriminator_input(probabilities, image, label, config)
        fake_logits = discriminator.model(with_noise(maps, updates, FAKE, config), training=d_mode)
        real_logits = None
        if compares_sides(gan):
            with tape.stop_recording():
                real_maps = true_maps(batch, probabilities, config)
                real_logits = discriminator.model(
                    with_noise(real_maps, updates, REAL, config), training=d_mode
                )
        loss_adv = adversarial_loss(fake_logits, REAL, gan, real_logits)
        loss_s = loss_seg + lambda_adv * loss_adv
    gradients, weight = segmenter_gradients(
        segmenter, discriminator, tape, logits, (loss_seg, loss_adv, loss_s), lambda_adv
    )
    segmenter.apply(gradients)
    real_mean = None if real_logits is None else side_mean(real_logits, gan)
    return {
        f"{segmenter.name}/loss_seg": sum_over_replicas(loss_seg),
        f"{segmenter.name}/loss_adv": sum_over_replicas(loss_adv),
        **weight,
        "d/fooling_rate": global_share(answers(fake_logits, REAL, gan, real_mean)),
    }


def discriminator_step(
    segmenter: Learner,
    discriminator: Learner,
    batch: Batch,
    config: DiscriminatorConfig,
    gan: GanLoss = "vanilla",
) -> Scalars:
    """Updates D once on a batch that mixes true maps with S's.

    Args:
        segmenter: S, run in inference mode and not changed.
        discriminator: D and its optimizer.
        batch: as above, and `is_real` [B] bool: whether D's input is the label or S's map.
        config: D's input.
        gan: the adversarial loss.

    Returns:
        D's `loss_d`, with R1 also `r1`, and health (`watching.health_scalars`). The penalty is
        computed at the true maps of the whole batch.
    """
    image, label, is_real = batch["image"], batch["label"], batch["is_real"]
    probabilities = class_probabilities(segmenter.model(image, training=False))
    of_image = is_real[:, tf.newaxis, tf.newaxis, tf.newaxis]
    updates = discriminator.updates
    real_maps = with_noise(true_maps(batch, probabilities, config), updates, REAL, config)
    fake_maps = discriminator_input(probabilities, image, label, config)
    fake_maps = with_noise(fake_maps, updates, FAKE, config)
    shown = tf.where(of_image, real_maps, fake_maps)
    with tf.GradientTape() as tape:
        logits = discriminator.model(shown, training=True)
        real_logits = tf.boolean_mask(logits, is_real)
        fake_logits = tf.boolean_mask(logits, ~is_real)
        real_mean, fake_mean = side_mean(real_logits, gan), side_mean(fake_logits, gan)
        smoothing = config.d_label_smoothing
        loss_d = global_mean(
            tf.where(
                of_image,
                discriminator_loss(logits, REAL, gan, smoothing, fake_mean),
                discriminator_loss(logits, FAKE, gan, other_mean=real_mean),
            )
        )
    gradients, penalty = with_r1(
        discriminator.gradients(tape, loss_d), discriminator, real_maps, config
    )
    discriminator.apply(gradients)
    sides = {"real": (real_logits, REAL), "fake": (fake_logits, FAKE)}
    return {
        "d/loss_d": sum_over_replicas(loss_d),
        **{f"d/{name}": value for name, value in penalty.items()},
        **health_scalars("d", sides, gan),
    }


def true_maps(batch: Batch, probabilities: tf.Tensor, config: DiscriminatorConfig) -> tf.Tensor:
    """D's input of the true side: the batch's labels, or the masks of other images.

    Args:
        batch: as above.
        probabilities: S's on the batch's images, [B,H,W,K] float32.
        config: what D is shown.

    Returns:
        [B,H,W,C] float32 (`losses.discriminator_input`).
    """
    label, mask = batch["label"], batch.get("mask")
    truth = true_probabilities(label, mask, probabilities, config)
    return discriminator_input(truth, batch["image"], label if mask is None else mask, config)


def build_learners(build: Builder) -> dict[str, Learner]:
    """D; none if the adversarial loss has no weight in any epoch."""
    config, descriptor = build.config, build.descriptor
    if not config.method.weighs_adversarial:
        return {}
    channels = discriminator_channels(
        descriptor.num_classes, descriptor.image_channels, config.discriminator
    )
    steps = config.run.steps_per_epoch
    # With the alternating schedule, D sees each window twice per epoch.
    updates = 2 * steps if config.method.schedule == "alternating" else steps
    return {"discriminator": build.discriminator("discriminator", channels, updates)}


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase (`joint`), or three (`alternating`): networks of --compare, S, then D."""
    if "discriminator" not in training.learners:
        return supervised.phases(training)
    config, feed, terms = training.config, training.feed, training.terms
    segmenter, discriminator = training.segmenter, training.learners["discriminator"]
    gan, steps = config.method.gan, config.run.steps_per_epoch

    def weights(progress: float) -> dict[str, float]:
        return config.method.adversarial_weight(progress)

    def joint(batch: Batch, weights: Weights) -> Scalars:
        scalars = joint_step(
            segmenter,
            discriminator,
            batch,
            adversarial_weight(weights),
            config.discriminator,
            terms,
            gan,
        )
        return scalars | training.beside(batch)

    def standard(batch: Batch, weights: Weights) -> Scalars:
        del weights  # not adversarial
        return training.beside(batch)

    def adversarial(batch: Batch, weights: Weights) -> Scalars:
        return segmenter_step(
            segmenter,
            discriminator,
            batch,
            adversarial_weight(weights),
            config.discriminator,
            terms,
            gan,
        )

    def mixed(batch: Batch, weights: Weights) -> Scalars:
        del weights  # S is not trained in D's phase
        return discriminator_step(segmenter, discriminator, batch, config.discriminator, gan)

    match config.method.schedule:
        case "joint":
            return (Phase("joint", joint, steps, feed.windows, weights),)
        case "alternating":
            alone = (Phase("standard", standard, steps, feed.windows),)
            return (
                *(alone if training.compares else ()),
                Phase("adversarial", adversarial, steps, feed.windows, weights),
                Phase("discriminator", mixed, 2 * steps, feed.mixed),
            )


def validation_maps(config: Config, batch: Batch, probabilities: tf.Tensor) -> dict[str, tf.Tensor]:
    """D's inputs for the label and for S's map, as in the steps."""
    image, label = batch["image"], batch["label"]
    return {
        "real": true_maps(batch, probabilities, config.discriminator),
        "fake": discriminator_input(probabilities, image, label, config.discriminator),
    }


def opponents(config: Config) -> tuple[Opponent, ...]:
    """The discriminator to watch."""
    del config
    return (true_map_opponent(),)


METHOD = Method(RULES, phases, build_learners, validation_maps, opponents)
