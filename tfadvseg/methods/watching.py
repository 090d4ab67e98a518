"""Health of a discriminator: the scalars that steps report, and advice when it fails."""

import tensorflow as tf

from tfadvseg.config import GanLoss
from tfadvseg.losses.gan import answers
from tfadvseg.methods.adversaries import side_mean
from tfadvseg.methods.reductions import global_maximum, global_minimum, global_share
from tfadvseg.training.types import Opponent, Scalars


def health_scalars(
    prefix: str,
    sides: dict[str, tuple[tf.Tensor, float]],
    gan: GanLoss,
) -> Scalars:
    """Accuracy per side and range of D's logits on one global batch.

    Args:
        prefix: prefix of the names.
        sides: for each of two sides, D's logits [n,h,w,1] float32 on its maps and its label; n may
            be 0.
        gan: the adversarial loss that trains D.

    Returns:
        `<prefix>/accuracy_<side>`, the share of correct logits per side; `<prefix>/logit_min` and
        `<prefix>/logit_max`, the range of the logits.
    """
    means = {side: side_mean(logits, gan) for side, (logits, _) in sides.items()}
    others = dict(zip(means, reversed(means.values()), strict=True))
    every = tf.concat([tf.reshape(logits, [-1]) for logits, _ in sides.values()], axis=0)
    return {
        **{
            f"{prefix}/accuracy_{side}": global_share(answers(logits, label, gan, others[side]))
            for side, (logits, label) in sides.items()
        },
        f"{prefix}/logit_min": global_minimum(every),
        f"{prefix}/logit_max": global_maximum(every),
    }


def true_map_opponent(prefix: str = "d", name: str = "D") -> Opponent:
    """A D that distinguishes true maps from S's."""
    return Opponent(
        prefix,
        name,
        ("real", "fake"),
        saturated="a lower --d_learning_rate, --d_truth=scaling, --d_label_smoothing=0.1, "
        "--d_spectral_norm or a smaller D (--discriminator=patch, --d_width).",
        one_way="a higher --d_learning_rate, a smaller --lambda_adv, --d_image=concat, or for the "
        "encoder D its batch norm histograms in TensorBoard: a sudden shift of the last bias is "
        "the sign of a collapse.",
        exploded="a lower --d_learning_rate or --d_spectral_norm.",
    )


def domain_opponent(prefix: str = "d", name: str = "D") -> Opponent:
    """A D that distinguishes the domains of S's maps."""
    return Opponent(
        prefix,
        name,
        ("source", "target"),
        saturated="a lower --d_learning_rate, a larger --lambda_adv or a smaller --d_width.",
        one_way="a higher --d_learning_rate, a smaller --lambda_adv.",
        exploded="a lower --d_learning_rate.",
    )
