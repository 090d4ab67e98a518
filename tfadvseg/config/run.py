"""Configuration of a run's length, place and machinery."""

import math
from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import listed, require, require_not_negative, require_positive
from tfadvseg.config.options import check_options, option

Precision = Literal["auto", "float32", "bfloat16", "float16"]
StrategyName = Literal["auto", "default", "one_device", "mirrored"]


LAST = "last"
"""The `best_metric` that keeps the last epoch."""


@dataclass(frozen=True)
class RunConfig:
    """Length, place and machinery of a run."""

    output_dir: str = option(
        "runs/default",
        "Folder for everything the run writes. The same command continues a run found there.",
    )
    seed: int = option(0, "Random seed.")
    epochs: int = option(
        10,
        "Number of epochs. Raising it continues a finished run, unless its learning rate falls "
        "over the epochs (poly, cosine).",
    )
    steps_per_epoch: int = option(
        250, "Updates of S per epoch; 0 takes as many as show each training image once."
    )
    rate_epochs: int = option(
        0, "Epochs over which poly and cosine learning rates fall; 0 takes all of --epochs."
    )
    global_batch_size: int = option(8, "Windows per batch, over all replicas.")
    checkpoint_every: int = option(
        0, "Updates between checkpoints; 0 writes them at the end of each epoch only."
    )
    keep_checkpoints: int = option(
        3, "Number of checkpoints to keep, at least 2: a corrupt one needs a predecessor."
    )
    precision: Precision = option(
        "auto", "Precision of activations; auto takes what the device computes fast."
    )
    strategy: StrategyName = option(
        "auto",
        "How this machine's GPUs are used: mirrored takes all, one_device the first; auto mirrors "
        "if there are several.",
    )
    xla: bool = option(False, "Compile the steps with XLA. For one GPU; slower on CPUs.")
    deterministic: bool = option(
        True, "The same command on the same machine gives the same numbers."
    )
    export: bool = option(True, "Write a SavedModel when training ends.")
    ema: float = option(
        0.0,
        "Decay of an exponential moving average of S's weights, which is evaluated and exported "
        "instead of S; 0 disables it.",
    )
    best_metric: str = option(
        "auto",
        "Validation metric that selects the best epoch: miou, accuracy, loss_seg, iou_CLASS, ...; "
        "last keeps the last epoch; auto takes last with a target domain, whose labels adaptation "
        "must not use, else miou.",
    )
    patience: int = option(
        0, "Epochs without a better --best_metric after which training stops; 0 never stops early."
    )
    test_scales: tuple[float, ...] = option(
        (1.0,),
        "Magnifications of an image over which final metrics and the export average predictions.",
    )

    outlines: bool = option(
        True,
        "Measure outlines and objects at the end, too: Hausdorff and surface distances, boundary "
        "IoU, objects found and missed. Takes longest on large images of many classes.",
    )
    spacing: tuple[float, ...] = option(
        (), "Height and width of a pixel in the unit of distances; empty measures in pixels."
    )

    def __post_init__(self) -> None:
        check_options(self)
        check_spacing(self.spacing)
        # An empty path would be the current folder, which fills with files of the run.
        require(
            bool(self.output_dir.strip()),
            f"--output_dir={self.output_dir}: name a folder, as in --output_dir=runs/mine.",
        )
        require_positive(self, "epochs", "global_batch_size")
        require_not_negative(self, "steps_per_epoch", "rate_epochs", "checkpoint_every", "patience")
        # Other generators add numbers of their own to the seed.
        require(0 <= self.seed < 2**30, f"--seed={self.seed}: take 0 to {2**30 - 1}.")
        require(0 <= self.ema < 1, f"--ema={self.ema}: take 0 to below 1, as in 0.999.")
        require(
            self.keep_checkpoints >= 2,
            f"--keep_checkpoints={self.keep_checkpoints}: keep at least 2, so that a corrupt "
            "checkpoint has a whole predecessor.",
        )
        check_test_scales(self.test_scales)


def check_test_scales(scales: tuple[float, ...]) -> None:
    """Refuses none at all, and factors that leave nothing of an image, or no memory.

    Raises:
        UserError: naming the flag.
    """
    require(
        bool(scales) and all(0.1 <= scale <= 10 for scale in scales),
        f"--test_scales={listed(scales)}: give one or several factors of 0.1 to 10, as in 0.7,1.",
    )


def check_spacing(spacing: tuple[float, ...]) -> None:
    """Refuses what is not two lengths.

    Raises:
        UserError: naming the flag.
    """
    require(
        not spacing or (len(spacing) == 2 and all(0 < length < math.inf for length in spacing)),
        f"--spacing={listed(spacing)}: give height,width of a pixel, both greater than 0, as in "
        "0.5,0.5.",
    )


def pixel_size(spacing: tuple[float, ...]) -> tuple[float, float]:
    """(height, width) of a pixel: as given, or 1."""
    return (spacing[0], spacing[1]) if spacing else (1.0, 1.0)
