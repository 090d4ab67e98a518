"""Types of step functions, and of the phases of an epoch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import tensorflow as tf

Batch = dict[str, tf.Tensor]
"""This replica's part of a global batch: tensors by name (`image`, `label`, ...)."""


class Ratio(NamedTuple):
    """A ratio whose denominator differs between steps: scalars float32, over all replicas."""

    numerator: tf.Tensor
    denominator: tf.Tensor


class Minimum(NamedTuple):
    """A scalar float32, reported as its minimum over steps."""

    value: tf.Tensor


class Maximum(NamedTuple):
    """A scalar float32, reported as its maximum over steps."""

    value: tf.Tensor


Scalar: TypeAlias = tf.Tensor | Ratio | Minimum | Maximum
"""One reported number. A plain tensor, a scalar float32, is averaged over steps."""

Scalars = dict[str, Scalar]
"""Numbers that a step reports, equal on all replicas, by name: `<network>/<quantity>`."""

Metrics = dict[str, float]
"""Numbers on the host, by name."""

Weights = dict[str, tf.Tensor]
"""Weights of loss terms that change during training, scalars float32, by name."""

StepFunction = Callable[[Batch, Weights], Scalars]
"""One update: changes networks, returns scalars."""

Batches = Callable[[int, int], tf.data.Dataset]
"""Function of (epoch, first update within the phase), both from 0, to the batches from there on."""


def no_weights(progress: float) -> Mapping[str, float]:
    """No weights: for phases whose loss weights do not change."""
    del progress
    return {}


@dataclass(frozen=True)
class Phase:
    """One part of an epoch: a step function, repeated on its batches.

    Attributes:
        name: name in the progress bar.
        step: the step function.
        updates: number of updates per epoch.
        batches: function that makes the phase's batches.
        weights: function of the epochs trained so far, including fractions, to the loss weights
            that change.
    """

    name: str
    step: StepFunction
    updates: int
    batches: Batches
    weights: Callable[[float], Mapping[str, float]] = no_weights


@dataclass(frozen=True)
class Opponent:
    """A discriminator whose health is watched, with advice when it fails.

    Attributes:
        prefix: prefix of its scalars: `<prefix>/accuracy_<side>`, `loss_d`, `logit_min`,
            `logit_max`.
        name: name in messages.
        sides: the two kinds of maps that it distinguishes.
        saturated, one_way, exploded: advice when it is always right, when it gives one answer only,
            and when its logits diverge; each continues a sentence that begins with "Try ".
    """

    prefix: str
    name: str
    sides: tuple[str, str]
    saturated: str
    one_way: str
    exploded: str
