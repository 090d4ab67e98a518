"""What a step function takes and gives, and how an epoch is made of steps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import tensorflow as tf

Batch = dict[str, tf.Tensor]
"""Tensors by name, this replica's part of a global batch: `image`, `label`, ..."""


class Ratio(NamedTuple):
    """A share of a count that differs from step to step: scalars float32, over all replicas."""

    numerator: tf.Tensor
    denominator: tf.Tensor


Scalars = dict[str, tf.Tensor | Ratio]
"""What a step reports, the same on every replica: flat, by name."""

Metrics = dict[str, float]
"""Numbers on the host, by name."""

StepFunction = Callable[[Batch, tf.Tensor], Scalars]
"""(batch, lambda_adv scalar float32) to scalars named `<network>/<quantity>`."""


@dataclass(frozen=True)
class Phase:
    """One stretch of an epoch, as the outer loop sees a method.

    Attributes:
        name: for the progress bar.
        step: the update.
        updates: how many an epoch.
        batches: `windows` are the epoch's training windows in order; `mixed` shows each twice,
            once real and once fake, shuffled; `domains` are windows of the source, and with them
            those of the target where there is one.
    """

    name: str
    step: StepFunction
    updates: int
    batches: Literal["windows", "mixed", "domains"] = "windows"
