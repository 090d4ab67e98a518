"""Adversarial losses of S and of D, one family, unreduced.

D answers a question about a map with logits of any shape: one per window, or a map of patches.
Each side of the question has a label. `REAL` (1) and `FAKE` (0) tell true maps from S's;
`SOURCE` (0) and `TARGET` (1) tell the domains of predictions, with the labels of the published
AdaptSegNet, so that its discriminators fit; `LABELLED` (1) and `UNLABELLED` (0) tell predictions on
images with labels from those on others. D is trained with the label of each side, S with the label
of the side that its maps should be taken for.

The losses, with l the label, s = 2 l - 1 its sign and x the logit:

- `vanilla`: binary cross-entropy, in nats (Goodfellow et al. 2014, arXiv 1406.2661; S's is the
  non-saturating form).
- `ls`: (x - l)^2 (LSGAN, Mao et al. 2017, arXiv 1611.04076, without its factor of 1/2).
"""

import tensorflow as tf

from tfadvseg.config import GanLoss

REAL, FAKE = 1.0, 0.0
SOURCE, TARGET = 0.0, 1.0
LABELLED, UNLABELLED = 1.0, 0.0


def discriminator_loss(
    logits: tf.Tensor, label: float, gan: GanLoss = "vanilla", smoothing: float = 0.0
) -> tf.Tensor:
    """D's loss on maps of one side.

    Args:
        logits: float32, any shape.
        label: of the side that the maps are of, 0 or 1.
        gan: the loss.
        smoothing: moves the label towards the other one by this, in [0, 0.5) (one-sided label
            smoothing, Salimans et al. 2016, arXiv 1606.03498, section 3.4).

    Returns:
        float32 of the same shape.
    """
    aim = tf.fill(tf.shape(logits), abs(label - smoothing))
    match gan:
        case "vanilla":
            return tf.nn.sigmoid_cross_entropy_with_logits(aim, logits)
        case "ls":
            return tf.math.squared_difference(logits, aim)


def segmenter_loss(logits: tf.Tensor, wanted: float, gan: GanLoss = "vanilla") -> tf.Tensor:
    """S's loss on D's logits for its own maps.

    Args:
        logits: float32, any shape.
        wanted: label of the side that S wants its maps to be taken for.
        gan: the loss.

    Returns:
        float32 of the same shape.
    """
    return discriminator_loss(logits, wanted, gan)


def answers(logits: tf.Tensor, label: float, gan: GanLoss = "vanilla") -> tf.Tensor:
    """Whether D takes a map for one of the side with this label; bool of the logits' shape."""
    threshold = 0.5 if gan == "ls" else 0.0
    return logits > threshold if label == 1.0 else logits <= threshold
