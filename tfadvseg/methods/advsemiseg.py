"""Adversarial semi-supervised segmentation (Hung et al., BMVC 2018, arXiv 1802.07934).

A fully convolutional D classifies each pixel of a map as real or fake. S learns to have its maps
classified as real on labelled and unlabelled images. Where D classifies S's prediction on an
unlabelled image as real, S's most probable class becomes a pseudo-label.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from tfadvseg.config import Config, DiscriminatorConfig, GanLoss
from tfadvseg.config.methods.advsemiseg import RULES
from tfadvseg.losses.discriminator_input import truth_probabilities
from tfadvseg.losses.gan import FAKE, REAL, answers, discriminator_loss, segmenter_loss
from tfadvseg.losses.segmentation import labels_where, valid_pixels
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.adversaries import with_r1
from tfadvseg.methods.few_label_pictures import WINDOWS, judged_windows
from tfadvseg.methods.gradients import add_gradients, after
from tfadvseg.methods.method import ChosenLabels, Method, Picture, ToPixels, Training
from tfadvseg.methods.reductions import global_mean, global_share
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.methods.watching import health_scalars
from tfadvseg.models.ops.resampling import resize_aligned
from tfadvseg.models.outputs import class_probabilities, predicted_label
from tfadvseg.training.distribution import sum_over_replicas
from tfadvseg.training.state import Builder, Learner
from tfadvseg.training.types import Batch, Opponent, Phase, Scalars, Weights


@dataclass(frozen=True)
class AdvSemiSegLosses:
    """Losses of S and their weights.

    Attributes:
        lambda_adv, lambda_semi_adv: weights of the adversarial losses on labelled and unlabelled
            images; numbers or scalars float32.
        lambda_semi: weight of the cross-entropy with pseudo-labels; a number or a scalar float32.
        threshold: smallest confidence of D in a pixel (`confidence`) for its pseudo-label to count.
        gan: the adversarial loss.
        terms: terms of the segmentation loss.
    """

    lambda_adv: float | tf.Tensor = 0.01
    lambda_semi_adv: float | tf.Tensor = 0.001
    lambda_semi: float | tf.Tensor = 0.1
    threshold: float = 0.2
    gan: GanLoss = "vanilla"
    terms: SegmentationTerms = CROSS_ENTROPY


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
    memory at a time. Losses on D's logits are means over the images' pixels, except ignored ones.

    Args:
        segmenter, discriminator: the networks and their optimizers.
        batch: `image` [B,H,W,C] float32, normalised; `label` [B,H,W] int32 in [0, K) or
            `ignore_label`; `unlabelled_image` [U,H',W',C] float32; optionally `boundary`
            [B,H,W] float32, and `true_label` [B,H,W] int32, labels of other images from which D's
            real maps are made instead of `label`; requires `d_truth="one_hot"`.
        losses: the losses and their weights.
        config: form of the real maps, and D's R1 penalty. D's input never contains the image.

    Returns:
        S's `loss_seg`, `loss_adv`, `loss_semi_adv`, `loss_semi` and `semi_share` (the share of
        unlabelled pixels whose pseudo-labels count); D's `fooling_rate` (the share of its logits
        on unlabelled images that classify them as real), `loss_d`, with R1 also `r1`, and health
        (`watching.health_scalars`).
    """
    gan, d_variables = losses.gan, discriminator.model.trainable_variables
    unlabelled, label = batch["unlabelled_image"], batch["label"]
    valid = valid_pixels(label)[..., tf.newaxis]
    fake_pixels = sum_over_replicas(
        tf.reduce_sum(valid) + tf.cast(tf.size(unlabelled[..., 0]), tf.float32)
    )

    with tf.GradientTape() as s_tape, tf.GradientTape(watch_accessed_variables=False) as d_tape:
        d_tape.watch(d_variables)
        logits = segmenter.model(unlabelled, training=True)
        # One pass of D serves both: each tape differentiates its own network's variables only.
        unlabelled_patches = discriminator.model(class_probabilities(logits), training=True)
        judged = _of_pixels(unlabelled_patches, unlabelled)
        loss_semi_adv = global_mean(segmenter_loss(judged, REAL, gan))
        with s_tape.stop_recording():
            confident = confidence(judged, gan) >= losses.threshold
            pseudo_label = labels_where(confident, predicted_label(logits))
            fake = tf.reduce_sum(discriminator_loss(judged, FAKE, gan))
            loss_d_unlabelled = 0.5 * tf.math.divide_no_nan(fake, fake_pixels)
        loss_semi = segmentation_loss(logits, pseudo_label)
        # If no pixel is confident, the published code drops loss_semi_adv too. Here it is kept.
        loss_s = losses.lambda_semi_adv * loss_semi_adv + losses.lambda_semi * loss_semi
    s_unlabelled = segmenter.gradients(s_tape, loss_s)
    d_unlabelled = discriminator.gradients(d_tape, loss_d_unlabelled)

    image = after([*s_unlabelled, *d_unlabelled], batch["image"])
    with tf.GradientTape() as s_tape, tf.GradientTape(watch_accessed_variables=False) as d_tape:
        d_tape.watch(d_variables)
        logits = segmenter.model(image, training=True)
        probabilities = class_probabilities(logits)
        loss_seg = segmentation_loss(logits, label, losses.terms, batch.get("boundary"))
        labelled_patches = discriminator.model(probabilities, training=True)
        judged = _of_pixels(labelled_patches, image)
        loss_adv = _valid_mean(segmenter_loss(judged, REAL, gan), valid)
        loss_s = loss_seg + losses.lambda_adv * loss_adv
        with s_tape.stop_recording():
            fake = tf.reduce_sum(valid * discriminator_loss(judged, FAKE, gan))
            true_label = batch.get("true_label", label)
            truth = truth_probabilities(true_label, probabilities, config)
            real_patches = discriminator.model(truth, training=True)
            real = discriminator_loss(
                _of_pixels(real_patches, truth), REAL, gan, config.d_label_smoothing
            )
            loss_d_labelled = 0.5 * (
                tf.math.divide_no_nan(fake, fake_pixels)
                + _valid_mean(real, valid_pixels(true_label)[..., tf.newaxis])
            )
    s_labelled = segmenter.gradients(s_tape, loss_s)
    d_labelled = discriminator.gradients(d_tape, loss_d_labelled)

    d_gradients = add_gradients(d_unlabelled, d_labelled)
    d_gradients, penalty = with_r1(d_gradients, discriminator, truth, config)
    segmenter.apply(add_gradients(s_unlabelled, s_labelled))
    discriminator.apply(d_gradients)
    fake_patches = [tf.reshape(patches, [-1]) for patches in (labelled_patches, unlabelled_patches)]
    sides = {"real": (real_patches, REAL), "fake": (tf.concat(fake_patches, axis=0), FAKE)}
    return {
        f"{segmenter.name}/loss_seg": sum_over_replicas(loss_seg),
        f"{segmenter.name}/loss_adv": sum_over_replicas(loss_adv),
        f"{segmenter.name}/loss_semi_adv": sum_over_replicas(loss_semi_adv),
        f"{segmenter.name}/loss_semi": sum_over_replicas(loss_semi),
        f"{segmenter.name}/semi_share": global_share(confident),
        "d/loss_d": sum_over_replicas(loss_d_unlabelled + loss_d_labelled),
        **{f"d/{name}": value for name, value in penalty.items()},
        "d/fooling_rate": global_share(answers(unlabelled_patches, REAL, gan)),
        **health_scalars("d", sides, gan),
    }


def confidence(logits: tf.Tensor, gan: GanLoss) -> tf.Tensor:
    """D's probability that each pixel belongs to a true map, [B,H,W] float32.

    Losses other than cross-entropy give D's label for fake 0 and for real 1, linear between.

    Args:
        logits: D's logits, [B,H,W,1] float32.
        gan: the adversarial loss that trains D.
    """
    logits = logits[..., 0]
    match gan:
        case "ls":
            return tf.clip_by_value(logits, 0.0, 1.0)
        case "hinge":
            return tf.clip_by_value((logits + 1) / 2, 0.0, 1.0)
        case _:
            return tf.sigmoid(logits)


def _of_pixels(patches: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """D's logits [B,h,w,1] upsampled to the size of `maps` [B,H,W,C]."""
    return resize_aligned(patches, tf.shape(maps)[1:3])


def _valid_mean(losses: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """This replica's share of the mean over the global batch's valid pixels, all [B,H,W,1]."""
    count = sum_over_replicas(tf.reduce_sum(valid))
    return tf.math.divide_no_nan(tf.reduce_sum(losses * valid), count)


def build_learners(build: Builder) -> dict[str, Learner]:
    """D, which is shown maps of class probabilities."""
    return {"discriminator": build.discriminator("discriminator", build.descriptor.num_classes)}


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over labelled windows and windows without labels."""
    config, method = training.config, training.config.method
    # Published: the first quarter of the updates.
    start = config.run.epochs / 4 if method.semi_start is None else method.semi_start

    def step(batch: Batch, weights: Weights) -> Scalars:
        losses = AdvSemiSegLosses(
            weights["lambda_adv"],
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
    """The label's map and S's, as the step shows them."""
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
    """D's answers on the first windows of either kind, and the pseudo-labels that come of them."""

    def shown(probabilities: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        del images
        return probabilities

    return (
        judged_windows(training, to_pixels, shown, ("fake", "real")),
        _pseudo_labels(training, to_pixels),
    )


def _pseudo_labels(training: Training, to_pixels: ToPixels) -> ChosenLabels:
    """What S would learn of the first windows without labels, both networks in inference mode."""
    method = training.config.method
    images = training.feed.first_domains(2 * WINDOWS)["target_image"]
    logits = training.segmenter.model(images, training=False)
    patches = training.learners["discriminator"].model(class_probabilities(logits), training=False)
    confident = confidence(_of_pixels(patches, images), method.gan)
    predictions = predicted_label(logits)
    return ChosenLabels(
        "pseudo_labels",
        to_pixels(images).numpy(),
        predictions.numpy(),
        labels_where(confident >= method.semi_threshold, predictions).numpy(),
        confident.numpy(),
        method.semi_threshold,
        "D: probability\nof a true map",
    )


METHOD = Method(RULES, phases, build_learners, validation_maps, opponents, pictures)
