"""Configuration of a run's length, place and machinery."""

from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import (
    listed,
    require,
    require_choice,
    require_not_negative,
    require_positive,
)

Precision = Literal["auto", "float32", "bfloat16", "float16"]
StrategyName = Literal["auto", "default", "one_device", "mirrored"]


LAST = "last"
"""A `best_metric` that measures nothing."""


@dataclass(frozen=True)
class RunConfig:
    """Length, place and machinery of a run.

    Attributes:
        output_dir: everything the run leaves.
        seed: of every random choice.
        epochs: number of epochs.
        steps_per_epoch: updates of S an epoch; 0: as many as show each training image once.
        rate_epochs: length of `poly` and `cosine` learning rates; 0: `epochs`.
        global_batch_size: examples a step over all replicas.
        checkpoint_every: updates between checkpoints; 0 means at the end of each epoch only.
        keep_checkpoints: how many are kept, so that a corrupt one has a predecessor.
        precision: of activations; `auto` takes what the device runs fast.
        strategy: how replicas share a step, see `training.distribution.choose_strategy`.
        xla: compile the training steps with XLA (GPU only).
        deterministic: same machine, same command, same numbers.
        export: write a SavedModel when training ends.
        ema: of S's weights an exponential moving average with this decay is measured and exported;
            0 measures and exports the weights themselves.
        best_metric: which validation metric tells the best epoch; `last`: none, the last epoch is
            kept; `auto`: `last` where a target domain is measured, whose labels no adaptation may
            know, else `miou` (a whole `Config` says which).
        patience: epochs without a better one after which training stops; 0: never.
        test_scales: what is measured in the end and exported is the mean of S's answers on images
            magnified so (multi-scale testing); after each epoch they are measured as they are.
    """

    output_dir: str = "runs/default"
    seed: int = 0
    epochs: int = 10
    steps_per_epoch: int = 250
    rate_epochs: int = 0
    global_batch_size: int = 8
    checkpoint_every: int = 0
    keep_checkpoints: int = 3
    precision: Precision = "auto"
    strategy: StrategyName = "auto"
    xla: bool = False
    deterministic: bool = True
    export: bool = True
    ema: float = 0.0
    best_metric: str = "auto"
    patience: int = 0
    test_scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        require_positive(self, "epochs", "global_batch_size")
        require_not_negative(self, "steps_per_epoch", "rate_epochs", "checkpoint_every", "patience")
        # What else draws adds its own number to the seed.
        require(0 <= self.seed < 2**30, f"--seed={self.seed}: take 0 to {2**30 - 1}.")
        require(0 <= self.ema < 1, f"--ema={self.ema}: take 0 to below 1, as in 0.999.")
        require(
            self.keep_checkpoints >= 2,
            f"--keep_checkpoints={self.keep_checkpoints}: keep at least 2, so that a corrupt "
            "checkpoint has a whole predecessor.",
        )
        check_test_scales(self.test_scales)
        require_choice("precision", self.precision, Precision)
        require_choice("strategy", self.strategy, StrategyName)


def check_test_scales(scales: tuple[float, ...]) -> None:
    """Refuses none at all, and factors that leave nothing of an image, or no memory.

    Raises:
        UserError: naming the flag.
    """
    require(
        bool(scales) and all(0.1 <= scale <= 10 for scale in scales),
        f"--test_scales={listed(scales)}: give one or several factors of 0.1 to 10, as in 0.7,1.",
    )
