"""Adversarial losses of S and of D, one family, unreduced.

D answers a question about a map with logits of any shape: one per window, or a map of patches.
Each side of the question has a label. `REAL` (1) and `FAKE` (0) tell true maps from S's;
`SOURCE` (0) and `TARGET` (1) tell the domains of predictions, with the labels of the published
AdaptSegNet, so that its discriminators fit; `LABELLED` (1) and `UNLABELLED` (0) tell predictions on
images with labels from those on others. D is trained with the label of each side, S with the label
of the side that its maps should be taken for.

The losses, with l the label, s = 2 l - 1 its sign, x the logit and m the mean of the other side's
logits:

- `vanilla`: binary cross-entropy, in nats (Goodfellow et al. 2014, arXiv 1406.2661; S's is the
  non-saturating form).
- `ls`: (x - l)^2 (LSGAN, Mao et al. 2017, arXiv 1611.04076, without its factor of 1/2).
- `hinge`: max(0, 1 - s x) for D, -s x for S (Lim and Ye 2017, arXiv 1705.02894; Miyato et al.
  2018, arXiv 1802.05957, eqs. 16 and 17).
- `relativistic`: binary cross-entropy of x - m (the relativistic average of Jolicoeur-Martineau
  2018, arXiv 1807.00734, algorithm 2). S has two terms: its own maps with the label wanted for
  them, and the other side's with the opposite label. m carries gradient in both.
"""

import tensorflow as tf

from tfadvseg.config import GanLoss

REAL, FAKE = 1.0, 0.0
SOURCE, TARGET = 0.0, 1.0
LABELLED, UNLABELLED = 1.0, 0.0


def compares_sides(gan: GanLoss) -> bool:
    """Whether the loss on one side's maps depends on D's logits on the other side's."""
    return gan == "relativistic"


def discriminator_loss(
    logits: tf.Tensor,
    label: float,
    gan: GanLoss = "vanilla",
    smoothing: float = 0.0,
    other_mean: tf.Tensor | None = None,
) -> tf.Tensor:
    """D's loss on maps of one side.

    Args:
        logits: float32, any shape.
        label: of the side that the maps are of, 0 or 1.
        gan: the loss.
        smoothing: moves the label towards the other one by this, in [0, 0.5) (one-sided label
            smoothing, Salimans et al. 2016, arXiv 1606.03498, section 3.4).
        other_mean: scalar float32, the mean of D's logits on the other side's maps, which a loss
            that `compares_sides` needs.

    Returns:
        float32 of the same shape.

    Raises:
        ValueError: the loss compares sides, and the other side's mean is not given.
    """
    aim = tf.fill(tf.shape(logits), abs(label - smoothing))
    match gan:
        case "vanilla":
            return tf.nn.sigmoid_cross_entropy_with_logits(aim, logits)
        case "ls":
            return tf.math.squared_difference(logits, aim)
        case "hinge":
            return tf.nn.relu(1 - (2 * aim - 1) * logits)
        case "relativistic":
            compared = logits - _given(other_mean)
            return tf.nn.sigmoid_cross_entropy_with_logits(aim, compared)


def segmenter_loss(
    logits: tf.Tensor,
    wanted: float,
    gan: GanLoss = "vanilla",
    other_mean: tf.Tensor | None = None,
) -> tf.Tensor:
    """S's loss on D's logits for the maps of one side.

    Args:
        logits: float32, any shape.
        wanted: label of the side that S wants these maps to be taken for. For a loss that
            `compares_sides` call it for S's own maps and, with the opposite label, for the other
            side's; S's loss is the sum of both means.
        gan: the loss.
        other_mean: as for `discriminator_loss`.

    Returns:
        float32 of the same shape.

    Raises:
        ValueError: the loss compares sides, and the other side's mean is not given.
    """
    if gan == "hinge":
        return (1 - 2 * wanted) * logits
    return discriminator_loss(logits, wanted, gan, other_mean=other_mean)


def answers(
    logits: tf.Tensor,
    label: float,
    gan: GanLoss = "vanilla",
    other_mean: tf.Tensor | None = None,
) -> tf.Tensor:
    """Whether D takes a map for one of the side with this label.

    Args:
        logits: float32, any shape.
        label: of the side, 0 or 1.
        gan: the loss that D is trained by.
        other_mean: as for `discriminator_loss`: the threshold where D compares sides.

    Returns:
        bool of the same shape.
    """
    threshold = _given(other_mean) if compares_sides(gan) else (0.5 if gan == "ls" else 0.0)
    return logits > threshold if label == 1.0 else logits <= threshold


def balancing_weight(
    segmentation: tf.Tensor, adversarial: tf.Tensor, share: tf.Tensor, epsilon: float = 1e-12
) -> tf.Tensor:
    """The weight at which the adversarial gradient's norm is a share of the segmentation's.

    share * segmentation / (adversarial + epsilon): TF-GAN's `combine_adversarial_loss`, whose
    `gradient_ratio` is 1 / share and whose epsilon is 1e-6.

    Args:
        segmentation, adversarial: norms of the two gradients, scalars float, at least 0.
        share: scalar, at least 0.
        epsilon: keeps the weight finite where D gives no gradient.

    Returns:
        A scalar through which no gradient passes.
    """
    return tf.stop_gradient(share * segmentation / (adversarial + epsilon))


def _given(other_mean: tf.Tensor | None) -> tf.Tensor:
    if other_mean is None:
        raise ValueError("a loss that compares sides needs the mean of the other side's logits.")
    return other_mean
