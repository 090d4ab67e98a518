"""Losses and gradients of `advsemiseg` on labelled images and on unlabelled ones."""

from dataclasses import dataclass

import tensorflow as tf

from tfadvseg.config import DiscriminatorConfig, GanLoss
from tfadvseg.losses.discriminator_input import true_probabilities
from tfadvseg.losses.gan import FAKE, REAL, compares_sides, discriminator_loss, segmenter_loss
from tfadvseg.losses.segmentation import labels_where, valid_pixels
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.adversaries import segmenter_gradients, side_mean
from tfadvseg.methods.confident_labels import confidence, logits_per_pixel
from tfadvseg.methods.gradients import Gradients
from tfadvseg.methods.levels import upsampled_logits
from tfadvseg.methods.reductions import global_mean, global_share
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, TARGET
from tfadvseg.models.outputs import class_probabilities, predicted_label
from tfadvseg.training.distribution import sum_over_replicas
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Batch, Scalars


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


@dataclass(frozen=True)
class RealMaps:
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
class Part:
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
class LabelledPart(Part):
    """Contribution of the labelled images, with D's real maps and its logits on them."""

    real: RealMaps
    real_patches: tf.Tensor


def unlabelled_part(
    segmenter: Learner,
    discriminator: Learner,
    image: tf.Tensor,
    share: tf.Tensor,
    losses: AdvSemiSegLosses,
    real: RealMaps | None = None,
) -> Part:
    """The contribution of unlabelled images, whose share of the fake maps' pixels is `share`.

    One pass of D serves both networks: each tape differentiates its own network's variables only.
    `real` is for losses that compare sides.
    """
    gan, d = losses.gan, discriminator.model
    with tf.GradientTape() as s_tape, tf.GradientTape(watch_accessed_variables=False) as d_tape:
        d_tape.watch(d.trainable_variables)
        logits = upsampled_logits(segmenter, image, TARGET)[-1]
        patches = d(class_probabilities(logits), training=True)
        pixel_logits = logits_per_pixel(patches, image)
        real_mean, on_real, loss_real = None, 0.0, 0.0
        if real is not None:
            with s_tape.stop_recording():
                real_pixel_logits = logits_per_pixel(d(real.maps, training=True), real.maps)
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
    return Part(s_gradients, d_gradients, loss_d, patches, report)


def labelled_part(
    segmenter: Learner,
    discriminator: Learner,
    image: tf.Tensor,
    batch: Batch,
    share: tf.Tensor,
    losses: AdvSemiSegLosses,
    config: DiscriminatorConfig,
) -> LabelledPart:
    """The contribution of labelled images, whose share of the fake maps' pixels is `share`."""
    gan, d, label = losses.gan, discriminator.model, batch["label"]
    counted, balanced = counted_pixels(label, config), discriminator.balance is not None
    with (
        tf.GradientTape(persistent=balanced) as s_tape,
        tf.GradientTape(watch_accessed_variables=False) as d_tape,
    ):
        d_tape.watch(d.trainable_variables)
        logits = upsampled_logits(segmenter, image, SOURCE)[-1]
        probabilities = class_probabilities(logits)
        loss_seg = segmentation_loss(logits, label, losses.terms, batch.get("boundary"))
        patches = d(probabilities, training=True)
        pixel_logits = logits_per_pixel(patches, image)
        with s_tape.stop_recording():
            mask = batch.get("mask")
            maps = true_probabilities(label, mask, probabilities, config)
            valid = valid_pixels(label if mask is None else mask)[..., tf.newaxis]
            real = RealMaps(maps, valid, config.d_label_smoothing)
            real_patches = d(maps, training=True)
            real_pixel_logits = logits_per_pixel(real_patches, maps)
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
    return LabelledPart(s_gradients, d_gradients, loss_d, patches, report, real, real_patches)


def counted_pixels(label: tf.Tensor, config: DiscriminatorConfig) -> tf.Tensor:
    """1 where D's answers on labelled images' predictions count, [B,H,W,1] float32."""
    valid = valid_pixels(label)[..., tf.newaxis]
    return tf.ones_like(valid) if config.d_ignored == "shown" else valid


def _valid_mean(losses: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """This replica's share of the mean over the global batch's valid pixels, all [B,H,W,1]."""
    count = sum_over_replicas(tf.reduce_sum(valid))
    return tf.math.divide_no_nan(tf.reduce_sum(losses * valid), count)
