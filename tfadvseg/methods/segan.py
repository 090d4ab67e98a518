"""SegAN (Xue et al. 2018, arXiv 1706.01805): S against a critic that returns its features.

The critic C sees images masked by S's maps and by the labels', and is trained to make its features
of the two differ; S is trained to make them agree. Batches are those of `methods.adversarial`.
"""

import tensorflow as tf

from tfadvseg.config.methods.segan import RULES
from tfadvseg.losses.segan import image_dice, masked_channels, masked_images, scale_sums
from tfadvseg.losses.terms import SegmentationTerms
from tfadvseg.methods.adversaries import adversarial_weight, segmenter_gradients
from tfadvseg.methods.method import Method, Training
from tfadvseg.methods.reductions import global_mean
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.distribution import sum_over_replicas
from tfadvseg.training.state import Builder, Learner
from tfadvseg.training.types import Batch, Phase, Scalars, Weights


def segan_step(
    segmenter: Learner,
    critic: Learner,
    batch: Batch,
    lambda_adv: tf.Tensor,
    clip: float,
    terms: SegmentationTerms | None = None,
) -> Scalars:
    """Updates the critic once, then S against the updated critic.

    The critic maximises the multi-scale L1 between its features of the image masked by S's map and
    by the label, and its trained variables, batch norm's included, are then clipped to [-clip,
    clip] (section 3.2). S minimises lambda_adv * L1 + its segmentation loss. As in the published
    code, the critic takes each kind of map in a separate pass, in training mode, and S is updated
    after the critic. Unlike there, one pass of S serves both, so its batch norm's statistics are
    updated once and not twice.

    Args:
        segmenter: S and its optimizer.
        critic: network from masked images to a list of features (`models.segan_critic`).
        batch: `image` [B,H,W,C] float32, normalised; `label` [B,H,W] int32 in [0, K) or
            `ignore_label`; where the loss weighs boundaries, `boundary` [B,H,W] float32.
        lambda_adv: scalar float32; a ratio if the critic has a balance (`segmenter_gradients`).
        clip: bound of the critic's variables; 0 does not clip.
        terms: terms of the segmentation loss; None for SegAN's Dice.

    Returns:
        S's `loss_seg`, `loss_adv`: the L1 after the critic's update, and with a balance
        `lambda_adv`; the critic's `loss_d`: minus the L1 before its update.
    """
    image, label = batch["image"], batch["label"]
    with tf.GradientTape(persistent=critic.balance is not None) as s_tape:
        logits = segmenter.model(image, training=True)
        probabilities = class_probabilities(logits)
        ours = masked_images(image, probabilities, label)
        with s_tape.stop_recording():
            one_hot = tf.one_hot(label, probabilities.shape[-1])
            true = masked_images(image, one_hot, label)
            loss_d = _update_critic(critic, tf.stop_gradient(ours), true, clip)
        if terms is None:
            loss_seg = global_mean(image_dice(probabilities, label))
        else:
            loss_seg = segmentation_loss(logits, label, terms, batch.get("boundary"))
        loss_adv = multi_scale_loss(critic.model, ours, true)
        loss_s = loss_seg + lambda_adv * loss_adv
    gradients, weight = segmenter_gradients(
        segmenter, critic, s_tape, logits, (loss_seg, loss_adv, loss_s), lambda_adv
    )
    segmenter.apply(gradients)
    return {
        f"{segmenter.name}/loss_seg": sum_over_replicas(loss_seg),
        f"{segmenter.name}/loss_adv": sum_over_replicas(loss_adv),
        **weight,
        "d/loss_d": sum_over_replicas(loss_d),
    }


def multi_scale_loss(critic: tf.keras.Model, ours: tf.Tensor, true: tf.Tensor) -> tf.Tensor:
    """This replica's share of the multi-scale L1 between features of two masked images.

    Args:
        critic: the critic, run in training mode once per image.
        ours, true: [B,H,W,C] float32.

    Returns:
        A scalar float32.
    """
    of_ours, of_true = critic(ours, training=True), critic(true, training=True)
    sums, elements = scale_sums([ours, *of_ours], [true, *of_true])
    return tf.add_n(sums) / sum_over_replicas(elements)


def _update_critic(critic: Learner, ours: tf.Tensor, true: tf.Tensor, clip: float) -> tf.Tensor:
    """Updates and clips the critic; returns its loss before the update."""
    with tf.GradientTape() as tape:
        loss = -multi_scale_loss(critic.model, ours, true)
    critic.apply(critic.gradients(tape, loss))
    if clip:
        for variable in critic.model.trainable_variables:
            variable.assign(tf.clip_by_value(variable, -clip, clip))
    return loss


def build_learners(build: Builder) -> dict[str, Learner]:
    """The critic."""
    descriptor = build.descriptor
    channels = masked_channels(descriptor.num_classes, descriptor.image_channels)
    return {"discriminator": build.discriminator("discriminator", channels, role="critic")}


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over the labelled windows."""
    config, method = training.config, training.config.method
    terms = training.terms if method.segan_loss == "segmentation" else None
    critic = training.learners["discriminator"]

    def step(batch: Batch, weights: Weights) -> Scalars:
        scalars = segan_step(
            training.segmenter,
            critic,
            batch,
            adversarial_weight(weights),
            config.discriminator.d_clip,
            terms,
        )
        return scalars | training.beside(batch)

    steps = config.run.steps_per_epoch
    return (Phase("segan", step, steps, training.feed.windows, method.adversarial_weight),)


METHOD = Method(RULES, phases, build_learners)
