"""Configuration of a run's length, output folder and hardware use."""

import math
from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import listed, require, require_not_negative, require_positive
from tfadvseg.config.options import check_options, option

Precision = Literal["auto", "float32", "bfloat16", "float16"]
StrategyName = Literal["auto", "default", "one_device", "mirrored", "multi_worker"]


LAST = "last"
"""Value of `best_metric` that keeps the last epoch."""

_MOST_WINDOWS = 2**16
"""Largest number of windows in a batch, over all replicas."""


@dataclass(frozen=True)
class RunConfig:
    """Length, output folder and hardware use of a run."""

    output_dir: str = option(
        "runs/default",
        "Folder for all files of the run. Repeating the command continues the run found there.",
    )
    seed: int = option(0, "Random seed.")
    epochs: int = option(
        10,
        "Number of epochs. A higher number continues a finished run, unless its learning rate "
        "depends on the number of epochs (poly, cosine).",
    )
    steps_per_epoch: int = option(
        250, "Updates of S per epoch; 0 takes the number that uses each training image once."
    )
    rate_epochs: int = option(
        0, "Epochs over which poly and cosine learning rates fall; 0 takes --epochs."
    )
    global_batch_size: int = option(8, "Windows per batch, summed over all replicas.")
    checkpoint_every: int = option(
        0, "Updates between checkpoints; 0 writes checkpoints at the end of each epoch only."
    )
    keep_checkpoints: int = option(
        3, "Number of checkpoints to keep, at least 2, in case the newest is corrupt."
    )
    precision: Precision = option(
        "auto", "Precision of activations; auto takes the one that is fast on the device."
    )
    strategy: StrategyName = option(
        "auto",
        "Use of this machine's GPUs. mirrored: all of them. one_device: the first. auto: mirrored "
        "if there are several. default: TensorFlow's default. multi_worker: several machines, "
        "which TF_CONFIG or Slurm name.",
    )
    data_service: tuple[str, ...] = option(
        (),
        "Addresses of processes (serve-data) that make the training windows, each an equal part of "
        "every batch, as in grpc://host:5050,grpc://other:5050; empty makes them here.",
    )
    xla: bool = option(
        False, "Compile the training steps with XLA. For a single GPU; slower on CPUs."
    )
    deterministic: bool = option(
        True, "Make runs reproducible: the same command on the same machine gives the same numbers."
    )
    export: bool = option(True, "Write a SavedModel when training ends.")
    ema: float = option(
        0.0,
        "Decay of the exponential moving average of S's weights. The average is then evaluated "
        "and exported in place of S; 0 disables it.",
    )
    best_metric: str = option(
        "auto",
        "Validation metric that selects the best epoch: miou, accuracy, loss_seg, iou_CLASS, ...; "
        "last keeps the last epoch. auto takes miou, or last if there is a target domain, because "
        "adaptation must not use its labels.",
    )
    patience: int = option(
        0, "Epochs without improvement of --best_metric before training stops; 0 never stops early."
    )
    test_scales: tuple[float, ...] = option(
        (1.0,),
        "Image scales over which final metrics and the export average predictions.",
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
        require(
            self.global_batch_size <= _MOST_WINDOWS,
            f"--global_batch_size={self.global_batch_size}: too many windows for a batch; take at "
            f"most {_MOST_WINDOWS}.",
        )
        require_not_negative(self, "steps_per_epoch", "rate_epochs", "checkpoint_every", "patience")
        # Some generators add a constant to the seed.
        require(0 <= self.seed < 2**30, f"--seed={self.seed}: take 0 to {2**30 - 1}.")
        require(0 <= self.ema < 1, f"--ema={self.ema}: take 0 to below 1, as in 0.999.")
        require(
            self.keep_checkpoints >= 2,
            f"--keep_checkpoints={self.keep_checkpoints}: too few; keep at least 2, in case the "
            "newest is corrupt.",
        )
        check_test_scales(self.test_scales)


def check_test_scales(scales: tuple[float, ...]) -> None:
    """Refuses an empty list, and factors below 0.1 or above 10.

    Raises:
        UserError: naming the flag.
    """
    require(
        bool(scales) and all(0.1 <= scale <= 10 for scale in scales),
        f"--test_scales={listed(scales)}: give one or several factors from 0.1 to 10, such as "
        "0.7,1.",
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
