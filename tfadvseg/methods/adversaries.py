"""What steps with a D share: both sides' means, S's adversarial loss, the R1 penalty."""

import tensorflow as tf

from tfadvseg.config import DiscriminatorConfig, GanLoss
from tfadvseg.losses.gan import compares_sides, segmenter_loss
from tfadvseg.methods.gradients import Gradients, add_gradients
from tfadvseg.methods.reductions import global_mean
from tfadvseg.training.distribution import replicas, sum_over_replicas
from tfadvseg.training.state import Learner
from tfadvseg.training.types import Ratio, Scalars, Weights


def side_mean(logits: tf.Tensor, gan: GanLoss) -> tf.Tensor | None:
    """The mean over all replicas of D's logits on one side's maps, where the loss compares sides.

    Args:
        logits: float32, any shape; may be empty, and the mean is then 0.
        gan: the loss.

    Returns:
        A scalar float32 through which gradient passes; None for other losses.
    """
    return sum_over_replicas(global_mean(logits)) if compares_sides(gan) else None


def adversarial_loss(
    logits: tf.Tensor, wanted: float, gan: GanLoss, others: tf.Tensor | None = None
) -> tf.Tensor:
    """This replica's share of S's adversarial loss.

    Args:
        logits: D's on S's maps, float32, any shape.
        wanted: label of the side that S wants them to be taken for.
        gan: the loss.
        others: D's logits on the other side's maps, needed by a loss that compares sides; give
            them without gradient to S where the other side is not S's to change.

    Returns:
        A scalar float32.
    """
    if not compares_sides(gan):
        return global_mean(segmenter_loss(logits, wanted, gan))
    if others is None:
        raise ValueError(f"--gan={gan}: compares S's maps with others, and there are none.")
    own_mean, other_mean = side_mean(logits, gan), side_mean(others, gan)
    return global_mean(segmenter_loss(logits, wanted, gan, other_mean)) + global_mean(
        segmenter_loss(others, 1 - wanted, gan, own_mean)
    )


def adversarial_weight(weights: Weights) -> tf.Tensor:
    """`--lambda_adv` of an update, or the share that it is (`MethodConfig.adversarial_weight`)."""
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
        segmenter, discriminator: S, and the D that judges it. With a balance, `lambda_adv` is the
            share that the weighted adversarial gradient's norm at S's logits has of the
            segmentation gradient's, averaged over updates; else it is the weight.
        tape: recorded S's pass; persistent where the discriminator has a balance.
        logits: S's, [B,H,W,...] float32.
        losses: this replica's shares of loss_seg, of loss_adv, and of loss_seg + lambda_adv *
            loss_adv, which is what S minimises where there is no balance.
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
    judged: dict[int, Learner],
    tape: tf.GradientTape,
    logits: list[tf.Tensor],
    loss_adv: dict[int, tf.Tensor],
    lambda_adv: dict[int, float | tf.Tensor],
    segmentation: tf.Tensor,
) -> tuple[Gradients, Scalars]:
    """S's gradients of its levels' adversarial losses, where a D's weight follows from a balance.

    Args:
        segmenter: S.
        judged: the D of each level.
        tape: recorded S's pass; persistent.
        logits: S's, by level, float32.
        loss_adv: this replica's share of each level's loss.
        lambda_adv: weights; of a level whose D has a balance, a share.
        segmentation: the segmentation loss's gradient at the last level's logits.

    Returns:
        The gradients, and `segmenter/lambda_adv`, the weight that the balance found.
    """
    outputs, upstream = [], []
    report: Scalars = {}
    for level, d in judged.items():
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
    """|grad D|^2 of each image, [B] float32, of the sum of the image's logits.

    Args:
        logits: [B,...] float32, that `tape` recorded.
        maps: [B,H,W,C], watched by `tape`.
        tape: itself within another tape where the norms are to be differentiated.
    """
    gradients = tf.cast(tape.gradient(logits, maps), tf.float32)
    return tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3])


def r1_gradients(
    discriminator: Learner, maps: tf.Tensor, config: DiscriminatorConfig
) -> tuple[Gradients, tf.Tensor]:
    """D's gradients of gamma / 2 * mean over images of |grad D|^2 at real maps.

    The R1 penalty (Mescheder et al. 2018, arXiv 1801.04406, eq. 9). D runs in inference mode:
    neither its spectral norms nor its statistics move.

    Args:
        discriminator: D.
        maps: [B,H,W,C] float32, real ones as D is shown them.
        config: `d_r1` is gamma.

    Returns:
        The gradients, and the penalty; both this replica's share.
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
    """D's gradients with those of the R1 penalty in every `d_r1_every`-th update of D.

    Lazily, as in StyleGAN2 (Karras et al. 2020, arXiv 1912.04958, section 3.1): the penalty is
    multiplied by `d_r1_every`, so that its strength does not depend on how rarely it is taken.
    Which update it is decides within the graph; nothing retraces.

    Args:
        gradients: D's, of its adversarial loss.
        discriminator: D and its optimizer, which counts the updates.
        maps: [B,H,W,C] float32, real ones as D is shown them.
        config: `d_r1`, 0 for none, and `d_r1_every`.

    Returns:
        The gradients, and `r1`: the penalty before the multiplication, in the updates that took
        it; nothing without a penalty.
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
