"""Batch normalisation with fixed scale and offset, as in DeepLab's published networks."""

from typing import Any, Literal

import tensorflow as tf

from tfadvseg.config.segmenter import BatchNormMode

Domain = Literal[0, 1]
SOURCE: Domain = 0
TARGET: Domain = 1

EPSILON = 1e-5
MOMENTUM = 0.9
"""Share of the old moving statistics kept in an update; PyTorch's momentum is 1 minus this."""


class FrozenAffineBatchNorm(tf.keras.layers.Layer):
    """Batch norm over [B,H,W,C] with scale and offset that no optimizer updates.

    Normalises by the biased variance and accumulates the unbiased one, as PyTorch does. The fused
    operation does so by itself. Over several replicas the statistics are those of the global batch,
    and the factor n / (n - 1) is applied here.

    Variables, each [C] float32 and not trainable: `gamma`, `beta`, and per domain (one unless the
    mode is `per_domain`) `moving_means[domain]`, `moving_variances[domain]`. A call without `moves`
    does not update these.
    """

    def __init__(self, mode: BatchNormMode, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mode = mode

    def build(self, input_shape: tf.TensorShape) -> None:
        channels = [input_shape[-1]]
        self.gamma = self._frozen("gamma", channels, "ones")
        self.beta = self._frozen("beta", channels, "zeros")
        domains = ("", "_target") if self.mode == "per_domain" else ("",)
        self.moving_means = [self._moving(f"moving_mean{d}", channels, "zeros") for d in domains]
        self.moving_variances = [
            self._moving(f"moving_variance{d}", channels, "ones") for d in domains
        ]
        super().build(input_shape)

    def _frozen(self, name: str, shape: list[int], initial: str) -> tf.Variable:
        # Autocasting would round these to the precision of the activations.
        return self.add_weight(
            name, shape, "float32", initial, trainable=False, experimental_autocast=False
        )

    def _moving(self, name: str, shape: list[int], initial: str) -> tf.Variable:
        return self.add_weight(
            name,
            shape,
            "float32",
            initial,
            trainable=False,
            experimental_autocast=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.MEAN,
        )

    def call(
        self, x: tf.Tensor, training: bool, domain: Domain = SOURCE, moves: bool = True
    ) -> tf.Tensor:
        index = domain if self.mode == "per_domain" else 0
        moving_mean, moving_variance = self.moving_means[index], self.moving_variances[index]
        if self.mode == "frozen":
            # On GPUs the fused operation has no deterministic gradient in this mode.
            values = tf.cast(x, tf.float32)
            y = tf.nn.batch_normalization(
                values, moving_mean, moving_variance, self.beta, self.gamma, EPSILON
            )
            return tf.cast(y, x.dtype)
        if not training:
            y, _, _ = tf.compat.v1.nn.fused_batch_norm(
                x, self.gamma, self.beta, moving_mean, moving_variance, EPSILON, is_training=False
            )
            return y
        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            y, mean, variance = _normalise_over_replicas(x, self.gamma, self.beta, context)
            mean = moving_mean + (mean - moving_mean) * (1 - MOMENTUM)
            variance = moving_variance + (variance - moving_variance) * (1 - MOMENTUM)
        else:
            y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
                x,
                self.gamma,
                self.beta,
                moving_mean,
                moving_variance,
                EPSILON,
                is_training=True,
                exponential_avg_factor=1 - MOMENTUM,
            )
        if moves:
            moving_mean.assign(tf.stop_gradient(mean))
            moving_variance.assign(tf.stop_gradient(variance))
        return y

    def get_config(self) -> dict:
        return {**super().get_config(), "mode": self.mode}


def _normalise_over_replicas(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, context: tf.distribute.ReplicaContext
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """x normalised by the global batch's statistics, its mean and its unbiased variance.

    The variance is the mean squared distance from the global mean, because a difference of mean
    squares would lose precision if the mean is large.
    """
    values = tf.cast(x, tf.float32)
    count = context.all_reduce(
        tf.distribute.ReduceOp.SUM, tf.cast(tf.reduce_prod(tf.shape(x)[:3]), tf.float32)
    )
    mean = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.reduce_sum(values, [0, 1, 2])) / count
    squares = tf.reduce_sum(tf.math.squared_difference(values, mean), [0, 1, 2])
    variance = context.all_reduce(tf.distribute.ReduceOp.SUM, squares) / count
    y = tf.nn.batch_normalization(values, mean, variance, beta, gamma, EPSILON)
    return tf.cast(y, x.dtype), mean, variance * count / tf.maximum(count - 1, 1)
