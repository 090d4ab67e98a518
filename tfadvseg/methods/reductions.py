"""Means, shares, minima and maxima over all replicas' values, for use within a step."""

import tensorflow as tf

from tfadvseg.training.distribution import gather_replicas, sum_over_replicas
from tfadvseg.training.types import Maximum, Minimum, Ratio


def global_mean(values: tf.Tensor) -> tf.Tensor:
    """This replica's share of the mean over all replicas' values, of any shape; 0 if empty."""
    count = sum_over_replicas(tf.cast(tf.size(values), tf.float32))
    return tf.math.divide_no_nan(tf.reduce_sum(values), count)


def global_share(answers: tf.Tensor) -> Ratio:
    """The share of true values among all replicas' `answers`, bool of any shape."""
    count = sum_over_replicas(tf.cast(tf.size(answers), tf.float32))
    return Ratio(sum_over_replicas(tf.reduce_sum(tf.cast(answers, tf.float32))), count)


def global_minimum(values: tf.Tensor) -> Minimum:
    """The smallest of all replicas' values, of any shape."""
    return Minimum(tf.reduce_min(gather_replicas(tf.reduce_min(values))))


def global_maximum(values: tf.Tensor) -> Maximum:
    """The largest of all replicas' values, of any shape."""
    return Maximum(tf.reduce_max(gather_replicas(tf.reduce_max(values))))
