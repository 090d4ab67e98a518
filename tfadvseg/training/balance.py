"""Loss weight that keeps a given ratio of two gradients' norms."""

import tensorflow as tf

from tfadvseg.losses.gan import balancing_weight
from tfadvseg.training.distribution import sum_over_replicas


class GradientBalance(tf.Module):
    """Running averages of two gradients' norms, saved in the checkpoint of their D.

    Attributes:
        segmentation, adversarial: exponential averages of the norms at S's logits. Both start at
            0, so the initial bias cancels in their ratio.
    """

    def __init__(self, decay: float = 0.99) -> None:
        super().__init__("balance")
        self._decay = decay
        self.segmentation = _average("segmentation_norm")
        self.adversarial = _average("adversarial_norm")

    def weight(
        self, share: tf.Tensor, segmentation: tf.Tensor, adversarial: tf.Tensor
    ) -> tf.Tensor:
        """Updates the averages with two gradients, and returns the adversarial loss's weight.

        Args:
            share: wanted average ratio of the weighted adversarial gradient's norm to the
                segmentation gradient's, scalar float32.
            segmentation, adversarial: this replica's part of the unweighted gradients at S's
                logits, float32, any shapes.

        Returns:
            A scalar float32 without gradient, the same on every replica.
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
