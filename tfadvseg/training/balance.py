"""The weight at which one loss's gradient has a given share of another's norm."""

import tensorflow as tf

from tfadvseg.losses.gan import balancing_weight
from tfadvseg.training.distribution import sum_over_replicas


class GradientBalance(tf.Module):
    """Running averages of two gradients' norms, part of the checkpoint of the D they belong to.

    Attributes:
        segmentation, adversarial: exponential averages of the norms at S's logits, both started
            from 0, so that their quotient has no bias from the start.
    """

    def __init__(self, decay: float = 0.99) -> None:
        super().__init__("balance")
        self._decay = decay
        self.segmentation = _average("segmentation_norm")
        self.adversarial = _average("adversarial_norm")

    def weight(
        self, share: tf.Tensor, segmentation: tf.Tensor, adversarial: tf.Tensor
    ) -> tf.Tensor:
        """Counts two gradients in, and returns the adversarial loss's weight.

        Args:
            share: scalar float32: the norm that the weighted adversarial gradient shall have on
                average, as a share of the segmentation gradient's.
            segmentation, adversarial: this replica's part of the unweighted gradients at S's
                logits, float32 of any shapes.

        Returns:
            A scalar float32, the same on every replica, through which no gradient passes.
        """
        for average, gradient in (
            (self.segmentation, segmentation),
            (self.adversarial, adversarial),
        ):
            norm = tf.sqrt(sum_over_replicas(tf.reduce_sum(tf.square(gradient))))
            average.assign(self._decay * average + (1 - self._decay) * norm)
        return balancing_weight(
            tf.convert_to_tensor(self.segmentation), tf.convert_to_tensor(self.adversarial), share
        )


def _average(name: str) -> tf.Variable:
    return tf.Variable(
        0.0,
        trainable=False,
        name=name,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )
