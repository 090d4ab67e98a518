"""What goes into a step function and what comes out of it."""

from typing import NamedTuple

import tensorflow as tf

Batch = dict[str, tf.Tensor]
"""Tensors by name, this replica's part of a global batch: `image`, `label`, ..."""


class Ratio(NamedTuple):
    """A share of a count that differs from step to step: scalars float32, over all replicas."""

    numerator: tf.Tensor
    denominator: tf.Tensor


Scalars = dict[str, tf.Tensor | Ratio]
"""What a step reports, the same on every replica: flat, by name."""
