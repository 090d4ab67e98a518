"""Configuration of how S is trained."""

import math
from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import require, require_choice, require_not_negative, require_positive

MethodName = Literal["supervised", "adversarial", "source_only", "adaptation"]
GanLoss = Literal["vanilla", "ls"]
ScheduleName = Literal["joint", "alternating"]


Piecewise = tuple[tuple[int, float], ...]
"""A value that changes at given epochs: ((first epoch, counted from 0, value), ...)."""


def piecewise_value(pieces: Piecewise, epoch: int) -> float:
    """The value in force in `epoch` (counted from 0)."""
    return [value for start, value in pieces if start <= epoch][-1]


@dataclass(frozen=True)
class MethodConfig:
    """How S is trained.

    Attributes:
        method: `supervised` trains S alone, `adversarial` trains it against D; `adaptation` trains
            it on labelled source and unlabelled target images against a D a level, `source_only`
            on the source alone.
        schedule: of `adversarial`: `joint` updates S and D in every step from one forward pass of
            S; `alternating` trains each for a phase of every epoch.
        lambda_adv: weight of S's adversarial loss, by epoch; empty takes 0.1, for adaptation 0.001
            (a whole `Config` says so).
        lambda_seg_aux, lambda_adv_aux: weights of the losses of the level before the last, where S
            classifies two.
        gan: of `adaptation`: binary cross-entropy or least squares.
        iter_size: of `adaptation` and `source_only`: batches whose gradients' mean is one update.
        compare: also train the standard network (S alone) on the same batches.
    """

    method: MethodName = "adversarial"
    schedule: ScheduleName = "joint"
    lambda_adv: Piecewise = ()
    lambda_seg_aux: float = 0.1
    lambda_adv_aux: float = 0.0002
    gan: GanLoss = "vanilla"
    iter_size: int = 1
    compare: bool = False

    def __post_init__(self) -> None:
        require_choice("method", self.method, MethodName)
        require_choice("schedule", self.schedule, ScheduleName)
        require_choice("gan", self.gan, GanLoss)
        require_positive(self, "iter_size")
        require_not_negative(self, "lambda_seg_aux", "lambda_adv_aux")
        starts = [start for start, _ in self.lambda_adv]
        require(
            starts[:1] in ([], [0]) and starts == sorted(set(starts)),
            f"--lambda_adv: epochs must start at 0 and rise, got {starts}.",
        )
        for _, value in self.lambda_adv:
            require(
                value >= 0 and math.isfinite(value),
                f"--lambda_adv={value}: must be a number of at least 0.",
            )
        require(
            self.gan == "vanilla" or self.method == "adaptation",
            f"--gan={self.gan}: is for --method=adaptation; leave it out.",
        )
        require(
            self.iter_size == 1 or self.uses_levels,
            f"--iter_size={self.iter_size}: is for --method=adaptation and source_only; use "
            "--global_batch_size.",
        )
        require(
            not self.compare or self.method in ("adversarial", "adaptation"),
            f"--compare: trains S alone beside S against D; --method={self.method} has no D; "
            "leave it out, or add --nocompare.",
        )
        require(
            self.schedule == "joint" or self.method == "adversarial",
            f"--schedule={self.schedule}: is for --method=adversarial.",
        )

    @property
    def adapts(self) -> bool:
        """Whether S learns from a second, unlabelled domain."""
        return self.method == "adaptation"

    @property
    def uses_levels(self) -> bool:
        """Whether S is trained on each of its levels."""
        return self.method in ("adaptation", "source_only")

    @property
    def weighs_adversarial(self) -> bool:
        """Whether S's last level has an adversarial loss at any time."""
        return any(value > 0 for _, value in self.lambda_adv)

    @property
    def uses_discriminator(self) -> bool:
        """Whether any update depends on a D; else none is built."""
        return self.adapts or (self.method == "adversarial" and self.weighs_adversarial)
