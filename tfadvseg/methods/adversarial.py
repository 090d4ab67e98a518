"""Adversarial segmentation (Luc et al. 2016, arXiv 1611.08408): S against D.

Three step functions. `joint_step` updates S and D from one forward pass of S; the alternating
schedule uses `segmenter_step` and `discriminator_step`, each in a phase of its own. In all of
them each tape differentiates only its own network's variables.

Batches hold `image` [B,H,W,C] float32, normalised, and `label` [B,H,W] int32 in [0, K) or
`ignore_label`; where the loss weighs boundaries, also `boundary` [B,H,W] float32. Returned scalars
are means over the global batch, before the update; `logit_min` and `logit_max` are the range of
D's logits in it.
"""

import tensorflow as tf

from tfadvseg.config import DiscriminatorConfig
from tfadvseg.losses.adversarial import (
    discriminator_loss_fake,
    discriminator_loss_real,
    segmenter_adversarial_loss,
)
from tfadvseg.losses.discriminator_input import discriminator_input, truth_probabilities
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.reductions import global_mean, global_share
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.distribution import gather_replicas, sum_over_replicas
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Batch, Scalars


def joint_step(
    segmenter: Learner,
    discriminator: Learner,
    batch: Batch,
    lambda_adv: tf.Tensor,
    config: DiscriminatorConfig,
    terms: SegmentationTerms = CROSS_ENTROPY,
) -> Scalars:
    """One update of S and one of D, from one forward pass of S and one of D on its maps.

    S minimises loss_seg + lambda_adv * loss_adv (eq. 1), D minimises loss_d, the mean of its
    losses on real and on fake maps. Both gradients are taken before either is applied.

    Args:
        segmenter, discriminator: the networks and their optimizers.
        batch: as above.
        lambda_adv: scalar float32.
        config: what D is shown.
        terms: of the segmentation loss.

    Returns:
        `loss_seg`, `loss_adv` and `fooling_rate` as `segmenter_step`, `loss_d`, and D's health
        (`discriminator_scalars`).
    """
    image, label = batch["image"], batch["label"]
    d_variables = discriminator.model.trainable_variables
    with tf.GradientTape() as s_tape, tf.GradientTape(watch_accessed_variables=False) as d_tape:
        d_tape.watch(d_variables)
        logits = segmenter.model(image, training=True)
        probabilities = class_probabilities(logits)
        loss_seg = segmentation_loss(logits, label, terms, batch.get("boundary"))
        # D's answer on S's maps serves both losses: each tape asks for its own variables only,
        # and S's side of the graph holds none that D's tape watches.
        fake_logits = discriminator.model(
            discriminator_input(probabilities, image, label, config), training=True
        )
        loss_adv = global_mean(segmenter_adversarial_loss(fake_logits))
        loss_s = loss_seg + lambda_adv * loss_adv
        with s_tape.stop_recording():
            truth = truth_probabilities(label, probabilities, config)
            real_logits = discriminator.model(
                discriminator_input(truth, image, label, config), training=True
            )
            loss_d = 0.5 * (
                global_mean(discriminator_loss_real(real_logits, config.d_label_smoothing))
                + global_mean(discriminator_loss_fake(fake_logits))
            )
    s_gradients = segmenter.gradients(s_tape, loss_s)
    d_gradients = discriminator.gradients(d_tape, loss_d)
    segmenter.apply(s_gradients)
    discriminator.apply(d_gradients)
    return {
        "loss_seg": sum_over_replicas(loss_seg),
        "loss_adv": sum_over_replicas(loss_adv),
        "loss_d": sum_over_replicas(loss_d),
        "fooling_rate": global_share(fake_logits > 0),
        **discriminator_scalars(real_logits, fake_logits),
    }


def segmenter_step(
    segmenter: Learner,
    discriminator: Learner,
    batch: Batch,
    lambda_adv: tf.Tensor,
    config: DiscriminatorConfig,
    terms: SegmentationTerms = CROSS_ENTROPY,
) -> Scalars:
    """One update of S against a frozen D, which still normalises by batch statistics.

    Args:
        segmenter: S and its optimizer.
        discriminator: D; its trained weights stay as they are. Its batch norm's moving statistics
            move.
        batch: as above.
        lambda_adv: scalar float32.
        config: what D is shown.
        terms: of the segmentation loss.

    Returns:
        `loss_seg`, `loss_adv`, and `fooling_rate`: the share of logits on S's maps that say real.
    """
    image, label = batch["image"], batch["label"]
    # Training mode is batch norm's, which the encoder has. In the others spectral normalisation
    # would take it for leave to rescale kernels.
    d_mode = config.discriminator == "encoder"
    with tf.GradientTape() as tape:
        logits = segmenter.model(image, training=True)
        loss_seg = segmentation_loss(logits, label, terms, batch.get("boundary"))
        maps = discriminator_input(class_probabilities(logits), image, label, config)
        fake_logits = discriminator.model(maps, training=d_mode)
        loss_adv = global_mean(segmenter_adversarial_loss(fake_logits))
        loss_s = loss_seg + lambda_adv * loss_adv
    segmenter.apply(segmenter.gradients(tape, loss_s))
    return {
        "loss_seg": sum_over_replicas(loss_seg),
        "loss_adv": sum_over_replicas(loss_adv),
        "fooling_rate": global_share(fake_logits > 0),
    }


def discriminator_step(
    segmenter: Learner, discriminator: Learner, batch: Batch, config: DiscriminatorConfig
) -> Scalars:
    """One update of D on a batch that mixes real maps with S's.

    Args:
        segmenter: S, run in inference mode and not changed.
        discriminator: D and its optimizer.
        batch: as above, and `is_real` [B] bool: whether D is shown the label or S's map.
        config: what D is shown.

    Returns:
        `loss_d` and D's health (`discriminator_scalars`).
    """
    image, label, is_real = batch["image"], batch["label"], batch["is_real"]
    probabilities = class_probabilities(segmenter.model(image, training=False))
    truth = truth_probabilities(label, probabilities, config)
    maps = tf.where(is_real[:, tf.newaxis, tf.newaxis, tf.newaxis], truth, probabilities)
    shown = discriminator_input(maps, image, label, config)
    with tf.GradientTape() as tape:
        logits = discriminator.model(shown, training=True)
        loss_d = global_mean(
            tf.where(
                is_real[:, tf.newaxis, tf.newaxis, tf.newaxis],
                discriminator_loss_real(logits, config.d_label_smoothing),
                discriminator_loss_fake(logits),
            )
        )
    discriminator.apply(discriminator.gradients(tape, loss_d))
    real_logits = tf.boolean_mask(logits, is_real)
    fake_logits = tf.boolean_mask(logits, ~is_real)
    return {
        "loss_d": sum_over_replicas(loss_d),
        **discriminator_scalars(real_logits, fake_logits),
    }


def discriminator_scalars(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> Scalars:
    """D's health on one global batch.

    Args:
        real_logits, fake_logits: D's logits on true and on S's maps, [n,h,w,1] float32; n may be
            0 in one of them.

    Returns:
        `accuracy_real`, `accuracy_fake`: shares answered rightly; `logit_min`, `logit_max`.
    """
    both = tf.concat([real_logits, fake_logits], axis=0)
    return {
        "accuracy_real": global_share(real_logits > 0),
        "accuracy_fake": global_share(fake_logits <= 0),
        "logit_min": tf.reduce_min(gather_replicas(tf.reduce_min(both))),
        "logit_max": tf.reduce_max(gather_replicas(tf.reduce_max(both))),
    }
