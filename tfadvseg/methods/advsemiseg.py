"""Adversarial semi-supervised segmentation (Hung et al., BMVC 2018, arXiv 1802.07934).

A fully convolutional D classifies each pixel of a map as real or fake. S learns to have its maps
classified as real on labelled and unlabelled images. Where D classifies S's prediction on an
unlabelled image as real, S's most probable class becomes a pseudo-label.
"""

from collections.abc import Sequence

import tensorflow as tf

from tfadvseg.config import Config, DiscriminatorConfig
from tfadvseg.config.methods.advsemiseg import RULES
from tfadvseg.losses.discriminator_input import truth_probabilities
from tfadvseg.losses.gan import FAKE, REAL, answers, compares_sides
from tfadvseg.methods.adversaries import adversarial_weight, side_mean, with_r1
from tfadvseg.methods.advsemiseg_parts import (
    AdvSemiSegLosses,
    counted_pixels,
    labelled_part,
    unlabelled_part,
)
from tfadvseg.methods.confident_labels import pseudo_label_picture
from tfadvseg.methods.few_label_pictures import answered_windows
from tfadvseg.methods.gradients import add_gradients, after
from tfadvseg.methods.method import Method, Picture, ToPixels, Training
from tfadvseg.methods.reductions import global_share
from tfadvseg.methods.watching import health_scalars
from tfadvseg.training.distribution import sum_over_replicas
from tfadvseg.training.state import Builder, Learner
from tfadvseg.training.types import Batch, Opponent, Phase, Scalars, Weights


def advsemiseg_step(
    segmenter: Learner,
    discriminator: Learner,
    batch: Batch,
    losses: AdvSemiSegLosses,
    config: DiscriminatorConfig,
) -> Scalars:
    """Updates S and D once; all gradients are computed before any is applied.

    S minimises loss_seg + lambda_adv * loss_adv + lambda_semi_adv * loss_semi_adv + lambda_semi *
    loss_semi (eq. 2 to 5), and D the mean of its losses on real and on fake maps (eq. 1), where the
    fake maps are those of labelled and unlabelled images together. These images pass through S one
    kind after the other, each normalised by its own statistics, so that only one graph of S is in
    memory at a time. Losses on D's logits are means over the images' pixels, except ignored ones,
    unless `d_ignored` is `shown`.

    A loss that compares sides compares the real maps with either kind of fake maps in turn; D's two
    losses then weigh these kinds' shares of the pixels.

    Args:
        segmenter, discriminator: the networks and their optimizers.
        batch: `image` [B,H,W,C] float32, normalised; `label` [B,H,W] int32 in [0, K) or
            `ignore_label`; `unlabelled_image` [U,H',W',C] float32; optionally `boundary`
            [B,H,W] float32, and `mask` [B,H,W] int32, labels of other images from which D's real
            maps are made instead of `label`.
        losses: the losses and their weights.
        config: form of the real maps, whether ignored pixels count, and D's R1 penalty. D's input
            never contains the image.

    Returns:
        S's `loss_seg`, `loss_adv`, `loss_semi_adv`, `loss_semi` and `semi_share` (the share of
        unlabelled pixels whose pseudo-labels count), with a balance `lambda_adv`; D's
        `fooling_rate` (the share of its logits on unlabelled images that classify them as real),
        `loss_d`, with R1 also `r1`, and health (`watching.health_scalars`).
    """
    gan, unlabelled = losses.gan, batch["unlabelled_image"]
    labelled_pixels = sum_over_replicas(tf.reduce_sum(counted_pixels(batch["label"], config)))
    pixels = sum_over_replicas(tf.cast(tf.size(unlabelled[..., 0]), tf.float32))
    share = tf.math.divide_no_nan(labelled_pixels, labelled_pixels + pixels)
    networks = segmenter, discriminator
    if compares_sides(gan):
        # Softened real maps need S's predictions on the labelled images.
        labelled = labelled_part(*networks, batch["image"], batch, share, losses, config)
        image = after(labelled.gradients, unlabelled)
        others = unlabelled_part(*networks, image, 1 - share, losses, labelled.real)
    else:
        others = unlabelled_part(*networks, unlabelled, 1 - share, losses)
        image = after(others.gradients, batch["image"])
        labelled = labelled_part(*networks, image, batch, share, losses, config)
    real, real_patches = labelled.real, labelled.real_patches

    d_gradients = add_gradients(others.d_gradients, labelled.d_gradients)
    d_gradients, penalty = with_r1(d_gradients, discriminator, real.maps, config)
    segmenter.apply(add_gradients(others.s_gradients, labelled.s_gradients))
    discriminator.apply(d_gradients)
    fake_patches = [tf.reshape(part.patches, [-1]) for part in (labelled, others)]
    sides = {"real": (real_patches, REAL), "fake": (tf.concat(fake_patches, axis=0), FAKE)}
    fooled = answers(others.patches, REAL, gan, side_mean(real_patches, gan))
    return {
        **labelled.report,
        **others.report,
        "d/loss_d": sum_over_replicas(others.loss_d + labelled.loss_d),
        **{f"d/{name}": value for name, value in penalty.items()},
        "d/fooling_rate": global_share(fooled),
        **health_scalars("d", sides, gan),
    }


def build_learners(build: Builder) -> dict[str, Learner]:
    """D, whose input are maps of class probabilities."""
    return {"discriminator": build.discriminator("discriminator", build.descriptor.num_classes)}


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over labelled windows and windows without labels."""
    config, method = training.config, training.config.method
    # Published: the first quarter of the updates.
    start = config.run.epochs / 4 if method.semi_start is None else method.semi_start

    def step(batch: Batch, weights: Weights) -> Scalars:
        losses = AdvSemiSegLosses(
            adversarial_weight(weights),
            method.lambda_semi_adv,
            weights["lambda_semi"],
            method.semi_threshold,
            method.gan,
            training.terms,
        )
        discriminator = training.learners["discriminator"]
        scalars = advsemiseg_step(
            training.segmenter, discriminator, batch, losses, config.discriminator
        )
        return scalars | training.beside(batch)

    def weights(progress: float) -> dict[str, float]:
        lambda_semi = method.lambda_semi if progress >= start else 0.0
        return method.adversarial_weight(progress) | {"lambda_semi": lambda_semi}

    steps = config.run.steps_per_epoch
    return (Phase("advsemiseg", step, steps, training.feed.labelled_and_unlabelled, weights),)


def validation_maps(config: Config, batch: Batch, probabilities: tf.Tensor) -> dict[str, tf.Tensor]:
    """The label's map and S's, made as by the step."""
    truth = truth_probabilities(batch["label"], probabilities, config.discriminator)
    return {"real": truth, "fake": probabilities}


def opponents(config: Config) -> tuple[Opponent, ...]:
    """D."""
    del config
    return (
        Opponent(
            "d",
            "D",
            ("real", "fake"),
            saturated="a lower --d_learning_rate, --d_truth=scaling, --d_label_smoothing=0.1 or a "
            "smaller --d_width.",
            one_way="a higher --d_learning_rate or a smaller --lambda_adv.",
            exploded="a lower --d_learning_rate.",
        ),
    )


def pictures(training: Training, to_pixels: ToPixels) -> Sequence[Picture]:
    """D's answers on the first windows of either kind, and the resulting pseudo-labels."""

    def d_input(probabilities: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        del images
        return probabilities

    return (
        answered_windows(training, to_pixels, d_input, ("fake", "real")),
        pseudo_label_picture(training, to_pixels),
    )


METHOD = Method(RULES, phases, build_learners, validation_maps, opponents, pictures)
