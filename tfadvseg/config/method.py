"""Configuration of how S is trained."""

import math
from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import listed, require, require_not_negative, require_positive
from tfadvseg.config.data import DataConfig
from tfadvseg.config.discriminator import DiscriminatorConfig
from tfadvseg.config.methods import METHOD_RULES, MethodRules, method_help
from tfadvseg.config.optimizer import OptimizerConfig
from tfadvseg.config.options import check_options, names_in, option

GanLoss = Literal["vanilla", "ls"]
ScheduleName = Literal["joint", "alternating"]

STANDARD = "standard"
"""What `--compare` alone trains beside S: the method's first arm, under this name."""


Piecewise = tuple[tuple[int, float], ...]
"""A value that changes at given epochs: ((first epoch, counted from 0, value), ...)."""


def piecewise_value(pieces: Piecewise, epoch: int) -> float:
    """The value in force in `epoch` (counted from 0)."""
    return [value for start, value in pieces if start <= epoch][-1]


@dataclass(frozen=True)
class MethodConfig:
    """How S is trained."""

    method: str = option("adversarial", f"Training method. {method_help()}")
    schedule: ScheduleName = option(
        "joint",
        "Order of updates. joint: S and D in every step, from one forward pass of S. alternating: "
        "each for a phase of every epoch.",
    )
    lambda_adv: Piecewise = option(
        (),
        "Weight of S's adversarial loss; by epoch, from 0, as in 0:0.1,3:1.0. Default: the "
        "method's own.",
    )
    lambda_seg_aux: float = option(
        0.1,
        "Weight of the segmentation loss of the level before the last, where S classifies two "
        "(deeplab_v2).",
    )
    lambda_adv_aux: float = option(
        0.0002, "Weight of that level's adversarial loss; 0 builds no D for it."
    )
    gan: GanLoss = option(
        "vanilla",
        "Adversarial loss of S and D: binary cross-entropy (vanilla) or least squares (ls).",
    )
    iter_size: int = option(
        1,
        "Number of batches whose gradients are averaged for one update.",
    )
    lambda_entropy: float = option(0.001, "Weight of the entropy on target images, in [0, 1].")
    lambda_entropy_aux: float = option(
        0.0002, "Weight of the entropy of the level before the last."
    )
    fda_beta: float = option(
        0.01,
        "Half the side of the square of low frequencies whose amplitudes are taken from the "
        "target, as a share of the image's shorter side.",
    )
    compare: tuple[str, ...] = option(
        (),
        "Methods without D to train beside S, on the same batches and from the same initial "
        "weights; --compare alone: the method's own baseline, called standard.",
        form="method,method,...",
        bare=(STANDARD,),
    )

    def __post_init__(self) -> None:
        check_options(self)
        known = ", ".join(METHOD_RULES)
        require(
            self.method in METHOD_RULES,
            f"--method={self.method}: unknown; choose one of {known}.",
        )
        require_positive(self, "iter_size")
        require_not_negative(
            self, "lambda_seg_aux", "lambda_adv_aux", "lambda_entropy", "lambda_entropy_aux"
        )
        self._check_arms()
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

    def _check_arms(self) -> None:
        possible = (STANDARD, *self.rules.arms)
        for name in self.compare if self.rules.arms else ():
            require(
                name in possible,
                f"--compare={listed(self.compare)}: --method={self.method} can train "
                f"{' and '.join(self.rules.arms)} beside S; choose from these, or give --compare "
                "alone.",
            )
        require(
            len(set(self.compare)) == len(self.compare),
            f"--compare={listed(self.compare)}: names a method twice.",
        )

    @property
    def rules(self) -> MethodRules:
        """What the method needs of a run."""
        return METHOD_RULES[self.method]

    def arms(self) -> dict[str, str]:
        """The methods that are trained beside S, by the names of their networks."""
        standard = dict(zip((STANDARD,), self.rules.arms, strict=False))
        return {name: standard.get(name, name) for name in self.compare}

    @property
    def weighs_adversarial(self) -> bool:
        """Whether S's last level has an adversarial loss at any time."""
        return any(value > 0 for _, value in self.lambda_adv)

    @property
    def uses_discriminator(self) -> bool:
        """Whether any update may depend on a D; else none is built."""
        judged = self.weighs_adversarial or (self.rules.levels and self.lambda_adv_aux > 0)
        return self.rules.discriminator is not None and judged


_D = names_in(DiscriminatorConfig) | names_in(OptimizerConfig, "d_")
_D_OF_SOME = frozenset(name for rules in METHOD_RULES.values() for name in rules.d_options)
_TARGET = names_in(DataConfig, "target_")


def _options_of(rules: MethodRules) -> frozenset[str]:
    own = {*rules.options, *rules.d_options}
    own |= _D - _D_OF_SOME if rules.discriminator else set()
    own |= _TARGET if rules.target != "refused" else set()
    return frozenset(own | ({"boundary_weight"} if rules.boundaries else set()))


METHOD_OPTIONS = {name: _options_of(rules) for name, rules in METHOD_RULES.items()}
"""Names of the flags that each method takes, of those that only some methods take.

A flag in one of these listings, or of `MethodConfig`, must keep its default with every other
method (`Config` refuses it).
"""
