"""Layers that AutoGraph leaves as they are."""

import inspect
from collections.abc import Callable

import tensorflow as tf


def unconverted(call: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Decorates a layer's `call` that has no control flow on tensors.

    Otherwise Keras converts it by AutoGraph: a tenth of a second per kind of layer, for nothing.
    """
    plain = tf.autograph.experimental.do_not_convert(call)
    plain.__signature__ = inspect.signature(call)  # so Keras passes no `training` that it lacks
    return plain
