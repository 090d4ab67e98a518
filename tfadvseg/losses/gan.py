"""Adversarial losses of S and D, unreduced.

D classifies maps into two sides by logits of any shape: one per window, or a map of patches. Each
side has a label: `REAL` (1) and `FAKE` (0) for true maps and S's; `SOURCE` (0) and `TARGET` (1) for
the domain of a prediction, with the labels of the published AdaptSegNet, so that its discriminators
can be loaded; `LABELLED` (1) and `UNLABELLED` (0) for predictions on images with and without
labels. D is trained with the label of each side, S with the label of the side as which its maps
should be classified.

The losses, with l the label, s = 2 l - 1 its sign, x the logit and m the mean of the other side's
logits:

- `vanilla`: binary cross-entropy, in nats (Goodfellow et al. 2014, arXiv 1406.2661; for S in the
  non-saturating form).
- `ls`: (x - l)^2 (LSGAN, Mao et al. 2017, arXiv 1611.04076, without its factor of 1/2).
- `hinge`: max(0, 1 - s x) for D, -s x for S (Lim and Ye 2017, arXiv 1705.02894; Miyato et al.
  2018, arXiv 1802.05957, eqs. 16 and 17).
- `relativistic`: binary cross-entropy of x - m (the relativistic average of Jolicoeur-Martineau
  2018, arXiv 1807.00734, algorithm 2). S's loss has two terms: its own maps with the wanted label,
  and the other side's maps with the opposite label. m carries gradient in both.
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
        label: label of the maps' side, 0 or 1.
        gan: the adversarial loss.
        smoothing: distance by which the label moves towards the other one, in [0, 0.5) (one-sided
            label smoothing, Salimans et al. 2016, arXiv 1606.03498, section 3.4).
        other_mean: mean of D's logits on the other side's maps, scalar float32; required by losses
            that compare sides (`compares_sides`).

    Returns:
        float32 of the same shape.

    Raises:
        ValueError: the loss compares sides, and the other side's mean is not given.
    """
    wanted = tf.fill(tf.shape(logits), abs(label - smoothing))
    match gan:
        case "vanilla":
            return tf.nn.sigmoid_cross_entropy_with_logits(wanted, logits)
        case "ls":
            return tf.math.squared_difference(logits, wanted)
        case "hinge":
            return tf.nn.relu(1 - (2 * wanted - 1) * logits)
        case "relativistic":
            difference = logits - _required(other_mean)
            return tf.nn.sigmoid_cross_entropy_with_logits(wanted, difference)


def segmenter_loss(
    logits: tf.Tensor,
    wanted: float,
    gan: GanLoss = "vanilla",
    other_mean: tf.Tensor | None = None,
) -> tf.Tensor:
    """S's loss on D's logits for the maps of one side.

    Args:
        logits: float32, any shape.
        wanted: label of the side as which S wants these maps classified. For a loss that compares
            sides, call this for S's maps and, with the opposite label, for the other side's maps;
            S's loss is the sum of both means.
        gan: the adversarial loss.
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
    """Whether D classifies a map as belonging to the side with this label.

    Args:
        logits: float32, any shape.
        label: label of the side, 0 or 1.
        gan: the adversarial loss that trains D.
        other_mean: as for `discriminator_loss`; it is the threshold if the loss compares sides.

    Returns:
        bool of the same shape.
    """
    threshold = _required(other_mean) if compares_sides(gan) else (0.5 if gan == "ls" else 0.0)
    return logits > threshold if label == 1.0 else logits <= threshold


def balancing_weight(
    segmentation: tf.Tensor, adversarial: tf.Tensor, share: tf.Tensor, epsilon: float = 1e-12
) -> tf.Tensor:
    """Weight that gives the adversarial gradient `share` times the segmentation gradient's norm.

    share * segmentation / (adversarial + epsilon), as in TF-GAN's `combine_adversarial_loss`, whose
    `gradient_ratio` is 1 / share and whose epsilon is 1e-6.

    Args:
        segmentation, adversarial: norms of the two gradients, scalars float, at least 0.
        share: ratio of the norms, a scalar of at least 0.
        epsilon: keeps the weight finite if D gives no gradient.

    Returns:
        A scalar without gradient.
    """
    return tf.stop_gradient(share * segmentation / (adversarial + epsilon))


def _required(other_mean: tf.Tensor | None) -> tf.Tensor:
    if other_mean is None:
        raise ValueError("a loss that compares sides needs the mean of the other side's logits.")
    return other_mean
