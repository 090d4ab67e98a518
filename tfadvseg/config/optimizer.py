"""Configuration of one network's update rule."""

import math
from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import listed, require
from tfadvseg.config.options import check_options, option

OptimizerName = Literal["rmsprop", "adam", "adamw", "sgd", "torch_adam"]
RateSchedule = Literal["constant", "step", "poly", "cosine"]


@dataclass(frozen=True)
class OptimizerConfig:
    """One network's update rule. One class serves --s_* and --d_*; messages say `--*_`."""

    optimizer: OptimizerName = option(
        "adam", "Update rule of {network}; sgd and torch_adam are PyTorch's."
    )
    learning_rate: float = option(1e-3, "Highest learning rate of {network}.")
    decay: float = option(
        0.0,
        "Inverse-time decay per update: the rate is --*_learning_rate / (1 + decay * updates).",
        only_for={"rate": ("constant",)},
    )
    rate: RateSchedule = option(
        "constant",
        "How the learning rate of {network} falls. step: tenfold at --*_rate_steps. poly: as a "
        "power of the share of training that is left. cosine: as half a cosine.",
    )
    rate_steps: tuple[int, ...] = option(
        (), "Epochs, counted from 0, at whose start --*_rate=step lowers the rate tenfold."
    )
    warmup: int = option(0, "Updates over which the learning rate of {network} rises from 0.")
    momentum: float = option(
        0.9, "Momentum of --*_optimizer=sgd.", only_for={"optimizer": ("sgd",)}
    )
    beta_2: float = option(
        0.999,
        "Decay of the mean of squared gradients; for adam, adamw and torch_adam.",
        only_for={"optimizer": ("adam", "adamw", "torch_adam")},
    )
    weight_decay: float = option(
        0.0,
        "Weight decay of the kernels: added to the gradient by sgd, decoupled in adamw. With sgd, "
        "all trained variables of deeplab_v2 decay.",
        only_for={"optimizer": ("sgd", "adamw")},
    )
    clip_norm: float = option(0.0, "Largest global norm of the gradient; 0 does not clip.")

    def __post_init__(self) -> None:
        check_options(self, "*_")
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
            bool(self.rate_steps) == (self.rate == "step"),
            "--*_rate=step and --*_rate_steps (epochs with which the rate falls) go together.",
        )
        require(
            all(b > a for a, b in zip((0, *self.rate_steps), self.rate_steps, strict=False)),
            f"--*_rate_steps={listed(self.rate_steps)}: must rise and be greater than 0.",
        )

    @property
    def ends(self) -> bool:
        """Whether the learning rate depends on how long training is."""
        return self.rate in ("poly", "cosine")
