"""What a step function takes and returns, and how an epoch is made of steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import tensorflow as tf

Batch = dict[str, tf.Tensor]
"""Tensors by name, this replica's part of a global batch: `image`, `label`, ..."""


class Ratio(NamedTuple):
    """A share of a count that differs from step to step: scalars float32, over all replicas."""

    numerator: tf.Tensor
    denominator: tf.Tensor


class Minimum(NamedTuple):
    """A scalar float32 of which the smallest of several steps is reported."""

    value: tf.Tensor


class Maximum(NamedTuple):
    """A scalar float32 of which the largest of several steps is reported."""

    value: tf.Tensor


Scalar: TypeAlias = tf.Tensor | Ratio | Minimum | Maximum
"""One reported number. A plain tensor, scalar float32, is averaged over steps."""

Scalars = dict[str, Scalar]
"""What a step reports, the same on every replica, by name: `<network>/<quantity>`."""

Metrics = dict[str, float]
"""Numbers on the host, by name."""

Weights = dict[str, tf.Tensor]
"""Weights of loss terms that change during training, scalars float32, by name."""

StepFunction = Callable[[Batch, Weights], Scalars]
"""One update: changes networks, returns scalars."""

Batches = Callable[[int, int], tf.data.Dataset]
"""(epoch, first update within the phase), both from 0, to the global batches from there on."""


def no_weights(progress: float) -> Mapping[str, float]:
    """The weights of a phase that has none that change."""
    del progress
    return {}


@dataclass(frozen=True)
class Phase:
    """One stretch of an epoch, as the outer loop sees a method.

    Attributes:
        name: for the progress bar.
        step: the update.
        updates: how many an epoch has.
        batches: the pipeline that feeds the phase.
        weights: of the loss terms, by the number of epochs trained so far, a fraction within one.
    """

    name: str
    step: StepFunction
    updates: int
    batches: Batches
    weights: Callable[[float], Mapping[str, float]] = no_weights


@dataclass(frozen=True)
class Opponent:
    """A discriminator whose health is watched, and what to try when it fails.

    Attributes:
        prefix: of its scalars: `<prefix>/accuracy_<side>`, `loss_d`, `logit_min`, `logit_max`.
        name: in sentences.
        sides: the two kinds of maps that it tells apart.
        saturated, one_way, exploded: what to try when it is always right, when it answers one way,
            and when its logits diverge; each the end of a sentence that begins with "Try ".
    """

    prefix: str
    name: str
    sides: tuple[str, str]
    saturated: str
    one_way: str
    exploded: str
