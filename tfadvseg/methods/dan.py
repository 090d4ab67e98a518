"""Deep adversarial networks (Zhang et al., MICCAI 2017), for datasets with few labels.

D classifies predictions as those of labelled or of unlabelled images, and S learns to have its
predictions on unlabelled images classified as labelled. D never sees true labels. The authors
published no code; the order of updates and the modes of the networks follow SSL4MIS
(`train_adversarial_network_2D.py`).
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from tfadvseg.config import Config, DiscriminatorConfig, GanLoss
from tfadvseg.config.methods.dan import RULES
from tfadvseg.losses.discriminator_input import discriminator_channels, discriminator_input
from tfadvseg.losses.gan import LABELLED, UNLABELLED, answers, compares_sides, discriminator_loss
from tfadvseg.methods.adversaries import (
    adversarial_loss,
    adversarial_weight,
    segmenter_gradients,
    side_mean,
    with_r1,
)
from tfadvseg.methods.few_label_pictures import answered_windows
from tfadvseg.methods.levels import logits_per_domain
from tfadvseg.methods.method import Method, Picture, ToPixels, Training
from tfadvseg.methods.reductions import global_mean, global_share
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.methods.watching import health_scalars
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.distribution import sum_over_replicas
from tfadvseg.training.state import Builder, Learner
from tfadvseg.training.types import Batch, Opponent, Phase, Scalars, Weights

SegmentationLoss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""Function of logits [B,H,W,K] and labels [B,H,W] to this replica's share of the global loss."""


def dan_step(
    segmenter: Learner,
    discriminator: Learner,
    batch: Batch,
    lambda_adv: float | tf.Tensor,
    config: DiscriminatorConfig,
    segmentation: SegmentationLoss = segmentation_loss,
    gan: GanLoss = "vanilla",
    two_domains: bool = False,
) -> Scalars:
    """Updates S once, then D once on the predictions of the updated S.

    S minimises loss_seg + lambda_adv * loss_adv, D its mean loss over all images of the batch. D
    runs in inference mode while S is updated, and S while D is updated: D learns from maps made
    with moving statistics.

    Args:
        segmenter, discriminator: the networks and their optimizers.
        batch: `image` [B,H,W,C] float32, normalised, `label` [B,H,W] int32 in [0, K) or
            `ignore_label`, and `unlabelled_image` [U,H,W,C] float32.
        lambda_adv: a number or scalar float32; a ratio if D has a balance (`segmenter_gradients`).
        config: D's input, which includes ignored pixels, and D's R1 penalty, which is taken at the
            predictions on labelled images.
        segmentation: S's loss on labelled images.
        gan: the adversarial loss.
        two_domains: whether unlabelled images count as another domain: both kinds then pass through
            S separately, each with batch norm's statistics of its own. Otherwise they pass together
            and share them, as published.

    Returns:
        S's `loss_seg` and `loss_adv` before its update, and with a balance `lambda_adv`; D's
        `fooling_rate` (the share of predictions on unlabelled images classified as labelled, before
        S's update), and `loss_d`, with R1 `r1`, and health (`watching.health_scalars`) after S's
        update and before D's.
    """
    images = tf.concat([batch["image"], batch["unlabelled_image"]], axis=0)
    labelled = tf.shape(batch["image"])[0]
    with tf.GradientTape(persistent=discriminator.balance is not None) as tape:
        logits = _logits(segmenter, batch, two_domains, training=True)
        loss_seg = segmentation(logits[:labelled], batch["label"])
        probabilities = class_probabilities(logits)
        maps = shown_to_d(probabilities[labelled:], batch["unlabelled_image"], config)
        fooling_logits = discriminator.model(maps, training=False)
        labelled_logits = None
        if compares_sides(gan):
            # Predictions on labelled images are constants: S must not make them look unlabelled.
            with tape.stop_recording():
                others = shown_to_d(probabilities[:labelled], batch["image"], config)
                labelled_logits = discriminator.model(others, training=False)
        loss_adv = adversarial_loss(fooling_logits, LABELLED, gan, labelled_logits)
        loss_s = loss_seg + lambda_adv * loss_adv
    gradients, weight = segmenter_gradients(
        segmenter, discriminator, tape, logits, (loss_seg, loss_adv, loss_s), lambda_adv
    )
    segmenter.apply(gradients)
    threshold = None if labelled_logits is None else side_mean(labelled_logits, gan)

    probabilities = class_probabilities(_logits(segmenter, batch, two_domains, training=False))
    maps = shown_to_d(probabilities, images, config)
    with tf.GradientTape() as tape:
        d_logits = discriminator.model(maps, training=True)
        labelled_logits, unlabelled_logits = d_logits[:labelled], d_logits[labelled:]
        own_mean, other_mean = side_mean(labelled_logits, gan), side_mean(unlabelled_logits, gan)
        losses = tf.concat(
            [
                discriminator_loss(labelled_logits, LABELLED, gan, other_mean=other_mean),
                discriminator_loss(unlabelled_logits, UNLABELLED, gan, other_mean=own_mean),
            ],
            axis=0,
        )
        loss_d = global_mean(losses)
    gradients, penalty = with_r1(
        discriminator.gradients(tape, loss_d), discriminator, maps[:labelled], config
    )
    discriminator.apply(gradients)
    sides = {
        "labelled": (labelled_logits, LABELLED),
        "unlabelled": (unlabelled_logits, UNLABELLED),
    }
    return {
        f"{segmenter.name}/loss_seg": sum_over_replicas(loss_seg),
        f"{segmenter.name}/loss_adv": sum_over_replicas(loss_adv),
        **weight,
        "d/loss_d": sum_over_replicas(loss_d),
        **{f"d/{name}": value for name, value in penalty.items()},
        "d/fooling_rate": global_share(answers(fooling_logits, LABELLED, gan, threshold)),
        **health_scalars("d", sides, gan),
    }


def _logits(segmenter: Learner, batch: Batch, two_domains: bool, training: bool) -> tf.Tensor:
    """S's logits on the labelled images and then on the others, [B + U,H,W,K] float32."""
    images = batch["image"], batch["unlabelled_image"]
    if two_domains:
        return logits_per_domain(segmenter, *images, training)
    return segmenter.model(tf.concat(images, axis=0), training=training)


def shown_to_d(
    probabilities: tf.Tensor, image: tf.Tensor, config: DiscriminatorConfig
) -> tf.Tensor:
    """D's input for S's whole prediction, with or without the image.

    Ignored pixels are not masked: D would recognise labelled images by the masked pixels.
    """
    everywhere = tf.zeros(tf.shape(image)[:3], tf.int32)
    return discriminator_input(probabilities, image, everywhere, config)


def build_learners(build: Builder) -> dict[str, Learner]:
    """D, which classifies whole windows."""
    config, descriptor = build.config, build.descriptor
    channels = discriminator_channels(
        descriptor.num_classes, descriptor.image_channels, config.discriminator
    )
    return {"discriminator": build.discriminator("discriminator", channels)}


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over labelled windows and windows without labels."""
    config, method = training.config, training.config.method

    def step(batch: Batch, weights: Weights) -> Scalars:
        def segmentation(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
            return segmentation_loss(logits, label, training.terms, batch.get("boundary"))

        scalars = dan_step(
            training.segmenter,
            training.learners["discriminator"],
            batch,
            adversarial_weight(weights),
            config.discriminator,
            segmentation,
            method.gan,
            two_domains=config.segmenter.batch_norm == "per_domain",
        )
        return scalars | training.beside(batch)

    steps, batches = config.run.steps_per_epoch, training.feed.labelled_and_unlabelled
    return (Phase("dan", step, steps, batches, method.adversarial_weight),)


def opponents(config: Config) -> tuple[Opponent, ...]:
    """D. If its answers on few labelled images saturate, it has memorised these images."""
    del config
    return (
        Opponent(
            "d",
            "D",
            ("labelled", "unlabelled"),
            saturated="--d_image=none, so that D cannot memorise the labelled images, a lower "
            "--d_learning_rate, a smaller --d_width or more labelled images.",
            one_way="a higher --d_learning_rate or a smaller --lambda_adv.",
            exploded="a lower --d_learning_rate.",
        ),
    )


def pictures(training: Training, to_pixels: ToPixels) -> Sequence[Picture]:
    """The first windows of either kind, with D's answers on them."""

    def d_input(probabilities: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        return shown_to_d(probabilities, images, training.config.discriminator)

    return (answered_windows(training, to_pixels, d_input, ("unlabelled", "labelled")),)


METHOD = Method(RULES, phases, build_learners, opponents=opponents, pictures=pictures)
