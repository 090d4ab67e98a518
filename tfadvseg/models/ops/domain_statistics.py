"""Batch norm with moving statistics per domain, for any network of Keras's batch norm layers.

`FrozenAffineBatchNorm` holds two sets of statistics itself. Here the layers stay as they are: their
own moving statistics are the target's, with which the network is measured and exported, and those
of the source are kept beside them and put in their place while source images pass through.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from tfadvseg.models.ops.frozen_batch_norm import TARGET, Domain

KERAS_MOMENTUM = 0.99


def batch_norm_layers(model: tf.keras.Model) -> list[tf.keras.layers.BatchNormalization]:
    """The batch norm layers of a network, whatever they are nested in."""
    return [
        module
        for module in model.submodules
        if isinstance(module, tf.keras.layers.BatchNormalization)
    ]


def freeze_batch_norm(model: tf.keras.Model) -> None:
    """Fixes statistics, scale and offset of every batch norm layer."""
    for layer in batch_norm_layers(model):
        # In Keras 2 a batch norm layer that is not trainable runs in inference mode.
        layer.trainable = False


def set_momentum(model: tf.keras.Model, momentum: float) -> None:
    """Sets the momentum of the layers that have Keras's own; a backbone's published one stays."""
    for layer in batch_norm_layers(model):
        if layer.momentum == KERAS_MOMENTUM:
            layer.momentum = momentum


class DomainStatistics(tf.Module):
    """The moving statistics of the source domain, beside a network that holds the target's.

    Attributes:
        source: a copy of each layer's moving mean and moving variance, [C] float32 each.
    """

    def __init__(self, model: tf.keras.Model) -> None:
        super().__init__("domain_statistics")
        self._moving = [
            variable
            for layer in batch_norm_layers(model)
            for variable in (layer.moving_mean, layer.moving_variance)
        ]
        self.source = [
            tf.Variable(
                variable.read_value(),
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.MEAN,
            )
            for variable in self._moving
        ]

    @contextmanager
    def of(self, domain: Domain) -> Iterator[None]:
        """Puts a domain's statistics in place while the block's images pass through."""
        if domain == TARGET:
            yield
            return
        target = [tf.identity(variable) for variable in self._moving]
        for moving, source in zip(self._moving, self.source, strict=True):
            moving.assign(source)
        try:
            yield
        finally:
            for moving, source, held in zip(self._moving, self.source, target, strict=True):
                source.assign(moving)
                moving.assign(held)
