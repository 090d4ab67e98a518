"""Learning rates as functions of the update, computed in the graph without retracing.

Schedules count updates from 0 and work with any Keras optimizer. `warmed_up` adds a linear warm-up
to any of them.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import tensorflow as tf

Schedule: TypeAlias = tf.keras.optimizers.schedules.LearningRateSchedule

_POWER = 0.9
"""Exponent of `poly`."""

_FALL = 0.1
"""Factor of the rate at each step of `step_decay`."""


def poly(learning_rate: float, updates: int) -> Schedule:
    """learning_rate * (1 - update / updates)^0.9, and 0 from `updates` on.

    DeepLab's decay (Chen et al. 2016, arXiv 1606.00915).

    Args:
        learning_rate: rate of the first update, greater than 0.
        updates: length of the decay, at least 1.

    Raises:
        ValueError: a number is out of range.
    """
    _check_positive(learning_rate=learning_rate, updates=updates)
    return tf.keras.optimizers.schedules.PolynomialDecay(learning_rate, updates, 0.0, _POWER)


def cosine(learning_rate: float, updates: int) -> Schedule:
    """learning_rate * (1 + cos(pi update / updates)) / 2, and 0 from `updates` on.

    SGDR (Loshchilov and Hutter 2017, arXiv 1608.03983), eq. 5, without its restarts.

    Args:
        learning_rate: rate of the first update, greater than 0.
        updates: length of the decay, at least 1.

    Raises:
        ValueError: a number is out of range.
    """
    _check_positive(learning_rate=learning_rate, updates=updates)
    return tf.keras.optimizers.schedules.CosineDecay(learning_rate, updates)


def step_decay(learning_rate: float, boundaries: Sequence[int]) -> Schedule:
    """learning_rate / 10^n, where n is the number of boundaries up to and including the update.

    Args:
        learning_rate: rate of the first update, greater than 0.
        boundaries: updates from which the rate is lower; at least one, increasing, each at least 1.

    Raises:
        ValueError: `boundaries` do not increase, or the rate is out of range.
    """
    _check_positive(learning_rate=learning_rate)
    rising = all(b > a for a, b in zip((0, *boundaries), boundaries, strict=False))
    if not boundaries or not rising:
        raise ValueError(f"boundaries={boundaries}: must increase and be greater than 0.")
    # Keras changes the value after a boundary.
    last_updates = [boundary - 1 for boundary in boundaries]
    rates = [learning_rate * _FALL**n for n in range(len(boundaries) + 1)]
    return tf.keras.optimizers.schedules.PiecewiseConstantDecay(last_updates, rates)


def inverse_time(learning_rate: float, decay: float) -> Schedule:
    """learning_rate / (1 + decay * update), the `decay` of Keras's first optimizers.

    Args:
        learning_rate: rate of the first update, greater than 0.
        decay: decay per update, at least 0.

    Raises:
        ValueError: a number is out of range.
    """
    _check_positive(learning_rate=learning_rate)
    _check_not_negative(decay=decay)
    return tf.keras.optimizers.schedules.InverseTimeDecay(learning_rate, 1, decay)


def warmed_up(schedule: Schedule, updates: int) -> Schedule:
    """The schedule multiplied by (update + 1) / updates during the first `updates` updates.

    The gradual warm-up of Goyal et al. 2017 (arXiv 1706.02677, section 2.2): it rises from 0, and
    its last update has the schedule's rate. The schedule itself starts at update 0, so that its
    boundaries and length refer to the whole training.

    Args:
        schedule: a schedule of this module or of Keras.
        updates: length of the warm-up in updates; 0 disables it.

    Raises:
        ValueError: `updates` is negative.
    """
    _check_not_negative(updates=updates)
    return WarmUp(schedule, updates) if updates else schedule


class WarmUp(Schedule):
    """A schedule with a linear warm-up, see `warmed_up`."""

    def __init__(self, schedule: Schedule, updates: int) -> None:
        _check_positive(updates=updates)
        self.schedule = schedule
        self.updates = updates

    def __call__(self, update: int | tf.Tensor) -> tf.Tensor:
        """The rate of an update, scalar float32."""
        done = tf.cast(tf.minimum(tf.cast(update, tf.int64) + 1, self.updates), tf.float32)
        return self.schedule(update) * (done / self.updates)


def _check_positive(**numbers: float) -> None:
    for name, number in numbers.items():
        if not (math.isfinite(number) and number > 0):
            raise ValueError(f"{name}={number}: must be greater than 0.")


def _check_not_negative(**numbers: float) -> None:
    for name, number in numbers.items():
        if not (math.isfinite(number) and number >= 0):
            raise ValueError(f"{name}={number}: must be at least 0.")
