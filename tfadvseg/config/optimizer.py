"""Configuration of a network's optimizer."""

from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import listed, require, require_finite
from tfadvseg.config.options import check_options, option

OptimizerName = Literal["rmsprop", "adam", "adamw", "sgd", "torch_adam"]
RateSchedule = Literal["constant", "step", "poly", "cosine"]


@dataclass(frozen=True)
class OptimizerConfig:
    """A network's optimizer. The class serves --s_* and --d_*; its messages write `--*_`."""

    optimizer: OptimizerName = option(
        "adam", "Optimizer of {network}; sgd and torch_adam follow PyTorch's update rules."
    )
    learning_rate: float = option(1e-3, "Highest learning rate of {network}.")
    decay: float = option(
        0.0,
        "Inverse-time decay per update: the rate is --*_learning_rate / (1 + decay * updates).",
        only_for={"rate": ("constant",)},
    )
    rate: RateSchedule = option(
        "constant",
        "Schedule of {network}'s learning rate. step: divided by 10 at --*_rate_steps. poly: "
        "falls as a power of the remaining share of training. cosine: falls along half a cosine.",
    )
    rate_steps: tuple[int, ...] = option(
        (), "Epochs, counted from 0, at whose start --*_rate=step divides the rate by 10."
    )
    warmup: int = option(0, "Updates over which the learning rate of {network} rises from 0.")
    momentum: float = option(
        0.9, "Momentum of --*_optimizer=sgd.", only_for={"optimizer": ("sgd",)}
    )
    beta_2: float = option(
        0.999,
        "Decay of the mean of squared gradients in adam, adamw and torch_adam.",
        only_for={"optimizer": ("adam", "adamw", "torch_adam")},
    )
    weight_decay: float = option(
        0.0,
        "Weight decay of the kernels: sgd adds it to the gradient, adamw decouples it. With sgd, "
        "it applies to all trained variables of deeplab_v2.",
        only_for={"optimizer": ("sgd", "adamw")},
    )
    clip_norm: float = option(0.0, "Largest global norm of the gradient; 0 does not clip.")

    def __post_init__(self) -> None:
        check_options(self, "*_")
        require_finite("*_learning_rate", self.learning_rate)
        require(
            self.learning_rate > 0,
            f"--*_learning_rate={self.learning_rate}: must be greater than 0.",
        )
        for name in ("decay", "warmup", "weight_decay", "clip_norm"):
            value = getattr(self, name)
            require_finite(f"*_{name}", value)
            require(value >= 0, f"--*_{name}={value}: must not be negative.")
        for name in ("momentum", "beta_2"):
            value = getattr(self, name)
            require(0 <= value < 1, f"--*_{name}={value}: take 0 to below 1.")
        require(
            bool(self.rate_steps) == (self.rate == "step"),
            "--*_rate=step and --*_rate_steps (epochs at which the rate falls) go together; give "
            "both or neither.",
        )
        require(
            all(b > a for a, b in zip((0, *self.rate_steps), self.rate_steps, strict=False)),
            f"--*_rate_steps={listed(self.rate_steps)}: must increase and be greater than 0.",
        )

    @property
    def ends(self) -> bool:
        """Whether the learning rate depends on the length of training."""
        return self.rate in ("poly", "cosine")
