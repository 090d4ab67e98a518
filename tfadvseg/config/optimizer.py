"""Configuration of one network's update rule."""

import math
from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import listed, require, require_choice

OptimizerName = Literal["rmsprop", "adam", "adamw", "sgd", "torch_adam"]
RateSchedule = Literal["constant", "step", "poly", "cosine"]


@dataclass(frozen=True)
class OptimizerConfig:
    """One network's update rule.

    Attributes:
        optimizer: the rule's name. `sgd` and `torch_adam` are PyTorch's.
        learning_rate: the highest.
        decay: inverse-time decay an update: the rate is learning_rate / (1 + decay * updates).
        rate: how the learning rate falls: not at all; tenfold at `rate_steps`; as a power of what
            is left of the training; or as half a cosine.
        rate_steps: epochs, counted from 0, with which `step` lowers the rate.
        warmup: updates over which the rate first rises from 0.
        momentum: of `sgd`.
        beta_2: of `adam`, `adamw` and `torch_adam`: what the mean of squares keeps an update.
        weight_decay: of kernels only, but with `sgd` of all that `deeplab_v2` trains: of `sgd`
            added to the gradient, of `adamw` decoupled.
        clip_norm: the gradient's largest global norm; 0 does not clip.
    """

    optimizer: OptimizerName = "adam"
    learning_rate: float = 1e-3
    decay: float = 0.0
    rate: RateSchedule = "constant"
    rate_steps: tuple[int, ...] = ()
    warmup: int = 0
    momentum: float = 0.9
    beta_2: float = 0.999
    weight_decay: float = 0.0
    clip_norm: float = 0.0

    def __post_init__(self) -> None:
        # One class serves --s_* and --d_*: the messages name what follows the prefix.
        require_choice("*_optimizer", self.optimizer, OptimizerName)
        require_choice("*_rate", self.rate, RateSchedule)
        require(
            0 < self.learning_rate < math.inf,
            f"--*_learning_rate={self.learning_rate}: must be greater than 0.",
        )
        for name in ("decay", "warmup", "weight_decay", "clip_norm"):
            value = getattr(self, name)
            require(0 <= value < math.inf, f"--*_{name}={value}: must not be negative.")
        for name in ("momentum", "beta_2"):
            value = getattr(self, name)
            require(0 <= value < 1, f"--*_{name}={value}: take 0 to below 1.")
        require(
            not self.decay or self.rate == "constant",
            f"--*_decay={self.decay} and --*_rate={self.rate} both lower the learning rate; give "
            "one of them.",
        )
        require(
            bool(self.rate_steps) == (self.rate == "step"),
            "--*_rate=step and --*_rate_steps (epochs with which the rate falls) go together.",
        )
        require(
            all(b > a for a, b in zip((0, *self.rate_steps), self.rate_steps, strict=False)),
            f"--*_rate_steps={listed(self.rate_steps)}: must rise and be greater than 0.",
        )
        require(
            not self.weight_decay or self.optimizer in ("sgd", "adamw"),
            f"--*_weight_decay={self.weight_decay}: {self.optimizer} has none; take adamw or sgd.",
        )

        for name, rules in (("momentum", ("sgd",)), ("beta_2", ("adam", "adamw", "torch_adam"))):
            value = getattr(self, name)
            require(
                value == getattr(OptimizerConfig, name) or self.optimizer in rules,
                f"--*_{name}={value}: {self.optimizer} has none; take {' or '.join(rules)}, or "
                "leave it out.",
            )

    @property
    def ends(self) -> bool:
        """Whether the learning rate depends on how long training is."""
        return self.rate in ("poly", "cosine")
