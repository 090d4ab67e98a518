"""Sums and means of the gradients of several batches, for one update."""

from collections.abc import Sequence

import tensorflow as tf

Gradients = list[tf.Tensor | None]
"""One gradient per variable; None stands for zero."""


def add_gradients(total: Gradients, new: Gradients) -> Gradients:
    """The sum per variable; an empty list stands for zeros."""
    if not total:
        return new
    return [b if a is None else a if b is None else a + b for a, b in zip(total, new, strict=True)]


def mean_gradients(total: Gradients, batches: int) -> Gradients:
    """The mean of gradients, from their sum `total` over `batches` batches."""
    return [gradient if gradient is None else gradient / batches for gradient in total]


def after(tensors: Sequence[tf.Tensor | None], value: tf.Tensor) -> tf.Tensor:
    """`value`, with a control dependency on `tensors`: keeps one graph of S in memory, not two."""
    with tf.control_dependencies([tensor for tensor in tensors if tensor is not None]):
        return tf.identity(value)
