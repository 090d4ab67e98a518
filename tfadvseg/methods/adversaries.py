"""Functions that steps with a D share: means per side, S's adversarial loss, the R1 penalty."""

import tensorflow as tf

from tfadvseg.config import DiscriminatorConfig, GanLoss
from tfadvseg.losses.gan import compares_sides, segmenter_loss
from tfadvseg.methods.gradients import Gradients, add_gradients
from tfadvseg.methods.reductions import global_mean
from tfadvseg.training.distribution import replicas, sum_over_replicas
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Ratio, Scalars, Weights


def side_mean(logits: tf.Tensor, gan: GanLoss) -> tf.Tensor | None:
    """Mean over all replicas of D's logits on one side's maps, for losses that compare sides.

    Args:
        logits: float32, any shape; the mean of an empty tensor is 0.
        gan: the adversarial loss.

    Returns:
        A differentiable scalar float32; None for losses that do not compare sides.
    """
    return sum_over_replicas(global_mean(logits)) if compares_sides(gan) else None


def adversarial_loss(
    logits: tf.Tensor, wanted: float, gan: GanLoss, others: tf.Tensor | None = None
) -> tf.Tensor:
    """This replica's share of S's adversarial loss.

    Args:
        logits: D's logits on S's maps, float32, any shape.
        wanted: label of the side as which S wants its maps classified.
        gan: the adversarial loss.
        others: D's logits on the other side's maps, required by losses that compare sides; pass
            them without gradient to S if S does not make the other side's maps.

    Returns:
        A scalar float32.
    """
    if not compares_sides(gan):
        return global_mean(segmenter_loss(logits, wanted, gan))
    if others is None:
        raise ValueError(f"--gan={gan}: needs D's logits on the other side's maps.")
    own_mean, other_mean = side_mean(logits, gan), side_mean(others, gan)
    return global_mean(segmenter_loss(logits, wanted, gan, other_mean)) + global_mean(
        segmenter_loss(others, 1 - wanted, gan, own_mean)
    )


def adversarial_weight(weights: Weights) -> tf.Tensor:
    """The weight or ratio given by `--lambda_adv` (`MethodConfig.adversarial_weight`)."""
    return weights["lambda_adv_ratio" if "lambda_adv_ratio" in weights else "lambda_adv"]


def segmenter_gradients(
    segmenter: Learner,
    discriminator: Learner,
    tape: tf.GradientTape,
    logits: tf.Tensor,
    losses: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
    lambda_adv: tf.Tensor,
) -> tuple[Gradients, Scalars]:
    """S's gradients of loss_seg + weight * loss_adv, both on the same logits of S.

    Args:
        segmenter, discriminator: S, and its D. If D has a balance, `lambda_adv` is the ratio of
            gradient norms at S's logits, weighted adversarial to segmentation, averaged over
            updates; otherwise it is the weight.
        tape: tape that recorded S's pass; persistent if D has a balance.
        logits: S's logits, [B,H,W,...] float32.
        losses: this replica's shares of loss_seg, loss_adv, and loss_seg + lambda_adv * loss_adv;
            without a balance, S minimises the last.
        lambda_adv: scalar float32.

    Returns:
        The gradients; with a balance also `segmenter/lambda_adv`, the weight of this update.
    """
    loss_seg, loss_adv, loss_s = losses
    balance = discriminator.balance
    if balance is None:
        return segmenter.gradients(tape, loss_s), {}
    (seg,) = segmenter.gradients_at(tape, loss_seg, [logits])
    (adv,) = segmenter.gradients_at(tape, loss_adv, [logits])
    weight = balance.weight(lambda_adv, seg, adv)
    gradients = segmenter.gradients_through(tape, [logits], [seg + weight * adv])
    return gradients, {f"{segmenter.name}/lambda_adv": weight}


def balanced_gradients(
    segmenter: Learner,
    by_level: dict[int, Learner],
    tape: tf.GradientTape,
    logits: list[tf.Tensor],
    loss_adv: dict[int, tf.Tensor],
    lambda_adv: dict[int, float | tf.Tensor],
    segmentation: tf.Tensor,
) -> tuple[Gradients, Scalars]:
    """S's gradients of its levels' adversarial losses, with weights from the balances of D.

    Args:
        segmenter: S.
        by_level: the discriminators, by level.
        tape: persistent tape that recorded S's pass.
        logits: S's logits by level, float32.
        loss_adv: this replica's share of each level's loss.
        lambda_adv: weights; for a level whose D has a balance, a ratio.
        segmentation: gradient of the segmentation loss at the last level's logits.

    Returns:
        The gradients, and `segmenter/lambda_adv`, the weight that the balance chose.
    """
    outputs, upstream = [], []
    report: Scalars = {}
    for level, d in by_level.items():
        (gradient,) = segmenter.gradients_at(tape, loss_adv[level], [logits[level]])
        weight = tf.convert_to_tensor(lambda_adv[level], tf.float32)
        if d.balance is not None:
            weight = d.balance.weight(weight, segmentation, gradient)
            report[f"{segmenter.name}/lambda_adv"] = weight
        outputs.append(logits[level])
        upstream.append(weight * gradient)
    return segmenter.gradients_through(tape, outputs, upstream), report


def with_noise(
    maps: tf.Tensor, updates: tf.Tensor, side: float, config: DiscriminatorConfig
) -> tf.Tensor:
    """D's input with Gaussian noise of deviation `d_noise`.

    Args:
        maps: [B,H,W,C] float32.
        updates: int64, the number of updates so far of the network that is updated: with the
            side and the replica it draws the noise, so that a resumed run draws the same.
        side: the label of the maps' side, 0 or 1.
        config: `d_noise`; 0 returns the maps themselves.
    """
    if not config.d_noise:
        return maps
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    seed = tf.stack([tf.cast(updates, tf.int32), 2 * tf.cast(replica, tf.int32) + int(side)])
    return maps + tf.random.stateless_normal(tf.shape(maps), seed, stddev=config.d_noise)


def squared_gradient_norms(logits: tf.Tensor, maps: tf.Tensor, tape: tf.GradientTape) -> tf.Tensor:
    """|grad D|^2 per image, [B] float32, where D is the sum of the image's logits.

    Args:
        logits: logits [B,...] float32, recorded by `tape`.
        maps: maps [B,H,W,C], watched by `tape`.
        tape: the tape; to differentiate the norms, call this within an outer tape.
    """
    gradients = tf.cast(tape.gradient(logits, maps), tf.float32)
    return tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3])


def r1_gradients(
    discriminator: Learner, maps: tf.Tensor, config: DiscriminatorConfig
) -> tuple[Gradients, tf.Tensor]:
    """D's gradients of gamma / 2 * mean over images of |grad D|^2 at real maps.

    The R1 penalty (Mescheder et al. 2018, arXiv 1801.04406, eq. 9). D runs in inference mode, so
    that spectral norms and batch norm's statistics do not change.

    Args:
        discriminator: D.
        maps: D's inputs for real maps, [B,H,W,C] float32.
        config: settings of D; `d_r1` is gamma.

    Returns:
        The gradients and the penalty, both this replica's share.
    """
    images = replicas() * tf.cast(tf.shape(maps)[0], tf.float32)
    with tf.GradientTape() as tape:
        with tf.GradientTape(watch_accessed_variables=False) as inner:
            inner.watch(maps)
            logits = discriminator.model(maps, training=False)
        norms = squared_gradient_norms(logits, maps, inner)
        penalty = config.d_r1 / 2 * tf.reduce_sum(norms) / images
    return discriminator.gradients(tape, penalty), penalty


def with_r1(
    gradients: Gradients, discriminator: Learner, maps: tf.Tensor, config: DiscriminatorConfig
) -> tuple[Gradients, Scalars]:
    """Adds the gradients of the R1 penalty in every `d_r1_every`-th update of D.

    This is lazy regularisation as in StyleGAN2 (Karras et al. 2020, arXiv 1912.04958, section 3.1):
    the penalty is multiplied by `d_r1_every`, so that its strength does not depend on the interval.
    The choice is made within the graph, without retracing.

    Args:
        gradients: gradients of D's adversarial loss.
        discriminator: D and its optimizer, which counts the updates.
        maps: D's inputs for real maps, [B,H,W,C] float32.
        config: settings of D: `d_r1`, 0 for no penalty, and `d_r1_every`.

    Returns:
        The gradients, and `r1`: the penalty before the multiplication, averaged over the updates
        that use it; empty without a penalty.
    """
    if not config.d_r1:
        return gradients, {}
    maps = tf.stop_gradient(maps)
    every = config.d_r1_every
    variables = discriminator.model.trainable_variables

    def taken() -> tuple[Gradients, tf.Tensor]:
        found, penalty = r1_gradients(discriminator, maps, config)
        return [
            tf.zeros_like(v) if g is None else every * g
            for g, v in zip(found, variables, strict=True)
        ], penalty

    def left_out() -> tuple[Gradients, tf.Tensor]:
        return [tf.zeros_like(variable) for variable in variables], tf.constant(0.0)

    takes = tf.equal(discriminator.updates % every, 0)
    of_penalty, penalty = tf.cond(takes, taken, left_out)
    report = Ratio(sum_over_replicas(penalty), tf.cast(takes, tf.float32))
    return add_gradients(gradients, of_penalty), {"r1": report}
