"""Loss weights that change during training, by epoch."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from tfadvseg.config.checks import listed, require

Piecewise = tuple[tuple[int, float], ...]
"""A value that changes at given epochs: ((first epoch, counted from 0, value), ...)."""

Ramp = Literal["step", "linear", "gaussian"]

RATIO = "ratio"
"""Prefix of a weight given as a ratio to the segmentation gradient's norm."""


@dataclass(frozen=True)
class WeightSchedule:
    """A weight that ramps, or that is a ratio to the segmentation gradient's norm.

    Attributes:
        pieces: values by epoch; for `gaussian`, one pair: length in epochs and last value.
        ramp: shape between the epochs of `pieces`: `step`, `linear`, or `gaussian`:
            value * exp(-5 (1 - epoch / length)^2) per whole epoch up to `length`, the ramp of Laine
            and Aila 2017 (arXiv 1610.02242, section 2.1), which the published DAN uses.
        ratio: whether values are gradient ratios (`training.balance`).
    """

    pieces: Piecewise
    ramp: Ramp = "step"
    ratio: bool = False

    def __str__(self) -> str:
        """The weight as users type it."""
        plain = self.ramp == "step" and [epoch for epoch, _ in self.pieces] == [0]
        kinds = [*([RATIO] if self.ratio else []), *([] if self.ramp == "step" else [self.ramp])]
        return ":".join([*kinds, str(self.pieces[0][1]) if plain else listed(self.pieces)])


Weight = Piecewise | WeightSchedule
"""A weight; steps are bare pairs, as in earlier versions."""


def pieces_of(weight: Weight) -> Piecewise:
    """The pairs of epoch and value."""
    return weight.pieces if isinstance(weight, WeightSchedule) else weight


def is_ratio(weight: Weight) -> bool:
    """Whether values are ratios to the segmentation gradient's norm."""
    return isinstance(weight, WeightSchedule) and weight.ratio


def piecewise_value(pieces: Piecewise, epoch: int) -> float:
    """The value in `epoch` (counted from 0)."""
    return [value for start, value in pieces if start <= epoch][-1]


def weight_at(weight: Weight, progress: float) -> float:
    """The value after `progress` epochs, which may be fractional."""
    pieces = pieces_of(weight)
    if not isinstance(weight, WeightSchedule) or weight.ramp == "step":
        return piecewise_value(pieces, int(progress))
    if weight.ramp == "gaussian":
        ((length, last),) = pieces
        return last * math.exp(-5 * (1 - min(int(progress), length) / length) ** 2)
    for (start, before), (end, after) in pairwise(pieces):
        if progress < end:
            return before + (after - before) * (progress - start) / (end - start)
    return pieces[-1][1]


def check_weight(flag: str, weight: Weight) -> None:
    """Refuses epochs that do not increase from 0, and values below 0 or not finite.

    Raises:
        UserError: naming the flag.
    """
    pieces = pieces_of(weight)
    starts = [start for start, _ in pieces]
    if isinstance(weight, WeightSchedule) and weight.ramp == "gaussian":
        require(
            len(pieces) == 1 and starts[0] > 0,
            f"--{flag}={weight}: write gaussian:epochs:value, the length of the ramp in epochs, "
            "greater than 0, and its last value.",
        )
    else:
        require(
            starts[:1] in ([], [0]) and starts == sorted(set(starts)),
            f"--{flag}: epochs must start at 0 and increase, got {starts}.",
        )
    for _, value in pieces:
        require(
            value >= 0 and math.isfinite(value),
            f"--{flag}={value}: must be a number of at least 0.",
        )
    if isinstance(weight, WeightSchedule):
        require(
            any(value > 0 for _, value in pieces),
            f"--{flag}={weight}: is 0 in every epoch, so no D would be built; give a value above "
            "0.",
        )
        require(
            weight.ramp != "linear" or len(pieces) > 1,
            f"--{flag}={weight}: needs two epochs or more; write it as linear:0:0,10:0.1.",
        )
