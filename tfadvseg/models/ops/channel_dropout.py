"""Dropout of whole channels whose draws a checkpoint continues."""

from typing import Any

import tensorflow as tf


class ChannelDropout(tf.keras.layers.Layer):
    """Spatial dropout (Tompson et al. 2015, arXiv 1411.4280): [B,h,w,C] float to the same.

    In training each image loses each channel with probability `rate`; what stays is divided by
    1 - rate. Else it is the identity. The draws are a function of the layer's one weight, `state`
    [2] int64, (drawn when it is built, number of calls), so that a restored run goes on with the
    same ones. Replicas draw apart.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate

    def build(self, input_shape: tf.TensorShape) -> None:
        self.state = self.add_weight(
            "state",
            [2],
            "int64",
            _first_state,
            trainable=False,
            experimental_autocast=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        super().build(input_shape)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or self.rate == 0:
            return x
        context = tf.distribute.get_replica_context()
        replica = tf.cast(context.replica_id_in_sync_group, tf.int64)
        count = tf.cast(context.num_replicas_in_sync, tf.int64)
        seed = tf.stack([self.state[0], self.state[1] * count + replica])
        shape = tf.stack([tf.shape(x)[0], 1, 1, tf.shape(x)[3]])
        stays = tf.random.stateless_uniform(shape, seed) >= self.rate
        with tf.control_dependencies([stays]):
            self.state.assign_add(tf.constant([0, 1], tf.int64))
        return x * tf.cast(stays, x.dtype) / tf.cast(1 - self.rate, x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


def _first_state(shape: tf.TensorShape, dtype: tf.DType, **kwargs: Any) -> tf.Tensor:
    del shape, kwargs
    drawn = tf.random.uniform([1], maxval=2**31 - 1, dtype=dtype)
    return tf.concat([drawn, tf.zeros([1], dtype)], axis=0)
