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
from tfadvseg.losses.discriminator_input import true_probabilities, truth_probabilities
from tfadvseg.losses.gan import (
    FAKE,
    REAL,
    answers,
    compares_sides,
    discriminator_loss,
    segmenter_loss,
)
from tfadvseg.losses.segmentation import labels_where, valid_pixels
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.adversaries import (
    adversarial_weight,
    segmenter_gradients,
    side_mean,
    with_r1,
)
from tfadvseg.methods.few_label_pictures import WINDOWS, answered_windows
from tfadvseg.methods.gradients import Gradients, add_gradients, after
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
            images; numbers or scalars float32. If D has a balance, the first is a ratio
            (`adversaries.segmenter_gradients`).
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
    labelled_pixels = sum_over_replicas(tf.reduce_sum(_counted(batch["label"], config)))
    pixels = sum_over_replicas(tf.cast(tf.size(unlabelled[..., 0]), tf.float32))
    share = tf.math.divide_no_nan(labelled_pixels, labelled_pixels + pixels)
    networks = segmenter, discriminator
    if compares_sides(gan):
        # Softened real maps need S's predictions on the labelled images.
        labelled = _on_labelled(*networks, batch["image"], batch, share, losses, config)
        image = after(labelled.gradients, unlabelled)
        others = _on_unlabelled(*networks, image, 1 - share, losses, labelled.real)
    else:
        others = _on_unlabelled(*networks, unlabelled, 1 - share, losses)
        image = after(others.gradients, batch["image"])
        labelled = _on_labelled(*networks, image, batch, share, losses, config)
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


@dataclass(frozen=True)
class _Real:
    """The real maps of D.

    Attributes:
        maps: [B,H,W,K] float32, without gradient.
        valid: 1 where they have a class and 0 elsewhere, [B,H,W,1] float32.
        smoothing: one-sided smoothing of their label.
    """

    maps: tf.Tensor
    valid: tf.Tensor
    smoothing: float

    def mean(self, values: tf.Tensor) -> tf.Tensor:
        """This replica's share of the mean over valid pixels, of [B,H,W,1]."""
        return _valid_mean(values, self.valid)

    def loss(
        self, pixel_logits: tf.Tensor, gan: GanLoss, other_mean: tf.Tensor | None
    ) -> tf.Tensor:
        """D's loss on them, this replica's share, from D's logits per pixel."""
        return self.mean(discriminator_loss(pixel_logits, REAL, gan, self.smoothing, other_mean))


@dataclass(frozen=True)
class _Part:
    """Contribution of one kind of images to an update.

    Attributes:
        s_gradients, d_gradients: gradients for S's and D's variables.
        loss_d: D's loss, this replica's share.
        patches: D's logits on S's maps, [n,h,w,1] float32.
        report: S's scalars.
    """

    s_gradients: Gradients
    d_gradients: Gradients
    loss_d: tf.Tensor
    patches: tf.Tensor
    report: Scalars

    @property
    def gradients(self) -> Gradients:
        return [*self.s_gradients, *self.d_gradients]


@dataclass(frozen=True)
class _LabelledPart(_Part):
    """Contribution of the labelled images, with D's real maps and its logits on them."""

    real: _Real
    real_patches: tf.Tensor


def _on_unlabelled(
    segmenter: Learner,
    discriminator: Learner,
    image: tf.Tensor,
    share: tf.Tensor,
    losses: AdvSemiSegLosses,
    real: _Real | None = None,
) -> _Part:
    """The part of the images without labels, whose share of the fake maps' pixels is `share`.

    One pass of D serves both networks: each tape differentiates its own network's variables only.
    `real` is for losses that compare sides.
    """
    gan, d = losses.gan, discriminator.model
    with tf.GradientTape() as s_tape, tf.GradientTape(watch_accessed_variables=False) as d_tape:
        d_tape.watch(d.trainable_variables)
        logits = segmenter.model(image, training=True)
        patches = d(class_probabilities(logits), training=True)
        pixel_logits = _of_pixels(patches, image)
        real_mean, on_real, loss_real = None, 0.0, 0.0
        if real is not None:
            with s_tape.stop_recording():
                real_pixel_logits = _of_pixels(d(real.maps, training=True), real.maps)
                real_mean = sum_over_replicas(real.mean(real_pixel_logits))
            own_mean = side_mean(pixel_logits, gan)
            on_real = real.mean(segmenter_loss(real_pixel_logits, FAKE, gan, own_mean))
            with s_tape.stop_recording():
                loss_real = real.loss(real_pixel_logits, gan, own_mean)
        loss_adv = global_mean(segmenter_loss(pixel_logits, REAL, gan, real_mean)) + on_real
        with s_tape.stop_recording():
            confident = confidence(pixel_logits, gan, real_mean) >= losses.threshold
            pseudo_label = labels_where(confident, predicted_label(logits))
            loss_fake = global_mean(
                discriminator_loss(pixel_logits, FAKE, gan, other_mean=real_mean)
            )
            loss_d = 0.5 * share * (loss_fake + loss_real)
        loss_semi = segmentation_loss(logits, pseudo_label)
        # If no pixel is confident, the published code drops loss_adv too. Here it is kept.
        loss_s = losses.lambda_semi_adv * loss_adv + losses.lambda_semi * loss_semi
    report = {
        f"{segmenter.name}/loss_semi_adv": sum_over_replicas(loss_adv),
        f"{segmenter.name}/loss_semi": sum_over_replicas(loss_semi),
        f"{segmenter.name}/semi_share": global_share(confident),
    }
    s_gradients = segmenter.gradients(s_tape, loss_s)
    d_gradients = discriminator.gradients(d_tape, loss_d)
    return _Part(s_gradients, d_gradients, loss_d, patches, report)


def _on_labelled(
    segmenter: Learner,
    discriminator: Learner,
    image: tf.Tensor,
    batch: Batch,
    share: tf.Tensor,
    losses: AdvSemiSegLosses,
    config: DiscriminatorConfig,
) -> _LabelledPart:
    """The part of the labelled images, whose share of the fake maps' pixels is `share`."""
    gan, d, label = losses.gan, discriminator.model, batch["label"]
    counted, balanced = _counted(label, config), discriminator.balance is not None
    with (
        tf.GradientTape(persistent=balanced) as s_tape,
        tf.GradientTape(watch_accessed_variables=False) as d_tape,
    ):
        d_tape.watch(d.trainable_variables)
        logits = segmenter.model(image, training=True)
        probabilities = class_probabilities(logits)
        loss_seg = segmentation_loss(logits, label, losses.terms, batch.get("boundary"))
        patches = d(probabilities, training=True)
        pixel_logits = _of_pixels(patches, image)
        with s_tape.stop_recording():
            mask = batch.get("mask")
            maps = true_probabilities(label, mask, probabilities, config)
            valid = valid_pixels(label if mask is None else mask)[..., tf.newaxis]
            real = _Real(maps, valid, config.d_label_smoothing)
            real_patches = d(maps, training=True)
            real_pixel_logits = _of_pixels(real_patches, maps)
        real_mean, own_mean, on_real = None, None, 0.0
        if compares_sides(gan):
            real_mean = sum_over_replicas(real.mean(real_pixel_logits))
            own_mean = sum_over_replicas(_valid_mean(pixel_logits, counted))
            on_real = real.mean(segmenter_loss(real_pixel_logits, FAKE, gan, own_mean))
        loss_adv = (
            _valid_mean(segmenter_loss(pixel_logits, REAL, gan, real_mean), counted) + on_real
        )
        loss_s = loss_seg + losses.lambda_adv * loss_adv
        with s_tape.stop_recording():
            fake = discriminator_loss(pixel_logits, FAKE, gan, other_mean=real_mean)
            loss_fake = share * _valid_mean(fake, counted)
            loss_real = real.loss(real_pixel_logits, gan, own_mean)
            loss_d = 0.5 * (loss_fake + (share if compares_sides(gan) else 1.0) * loss_real)
    s_gradients, weight = segmenter_gradients(
        segmenter, discriminator, s_tape, logits, (loss_seg, loss_adv, loss_s), losses.lambda_adv
    )
    report = {
        f"{segmenter.name}/loss_seg": sum_over_replicas(loss_seg),
        f"{segmenter.name}/loss_adv": sum_over_replicas(loss_adv),
        **weight,
    }
    d_gradients = discriminator.gradients(d_tape, loss_d)
    return _LabelledPart(s_gradients, d_gradients, loss_d, patches, report, real, real_patches)


def _counted(label: tf.Tensor, config: DiscriminatorConfig) -> tf.Tensor:
    """1 where D's answers on labelled images' predictions count, [B,H,W,1] float32."""
    valid = valid_pixels(label)[..., tf.newaxis]
    return tf.ones_like(valid) if config.d_ignored == "shown" else valid


def confidence(logits: tf.Tensor, gan: GanLoss, real_mean: tf.Tensor | None = None) -> tf.Tensor:
    """D's probability that each pixel belongs to a true map, [B,H,W] float32.

    Losses other than cross-entropy give D's label for fake 0 and for real 1, linear between. Losses
    that compare sides give the probability that it looks truer than true maps do on average.

    Args:
        logits: D's logits, [B,H,W,1] float32.
        gan: the adversarial loss that trains D.
        real_mean: mean of D's logits on true maps, for losses that compare sides.
    """
    logits = logits[..., 0]
    match gan:
        case "ls":
            return tf.clip_by_value(logits, 0.0, 1.0)
        case "hinge":
            return tf.clip_by_value((logits + 1) / 2, 0.0, 1.0)
        case _:
            return tf.sigmoid(logits if real_mean is None else logits - real_mean)


def _of_pixels(patches: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """D's logits [B,h,w,1] upsampled to the size of `maps` [B,H,W,C]."""
    return resize_aligned(patches, tf.shape(maps)[1:3])


def _valid_mean(losses: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """This replica's share of the mean over the global batch's valid pixels, all [B,H,W,1]."""
    count = sum_over_replicas(tf.reduce_sum(valid))
    return tf.math.divide_no_nan(tf.reduce_sum(losses * valid), count)


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
        _pseudo_labels(training, to_pixels),
    )


def _pseudo_labels(training: Training, to_pixels: ToPixels) -> ChosenLabels:
    """Pseudo-labels of the first windows without labels, both networks in inference mode."""
    method, d = training.config.method, training.learners["discriminator"].model
    batch = training.feed.first_labelled_and_unlabelled(2 * WINDOWS)
    images = batch["unlabelled_image"]
    logits = training.segmenter.model(images, training=False)
    pixel_logits = _of_pixels(d(class_probabilities(logits), training=False), images)
    real_mean = None
    if compares_sides(method.gan):
        labelled = training.segmenter.model(batch["image"], training=False)
        probabilities, config = class_probabilities(labelled), training.config.discriminator
        maps = true_probabilities(batch["label"], batch.get("mask"), probabilities, config)
        real_mean = tf.reduce_mean(d(maps, training=False))
    confident = confidence(pixel_logits, method.gan, real_mean)
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
