"""Configuration of a run: frozen dataclasses, validated on construction. Imports no TensorFlow.

Every field is a flag of the same name (`tfadvseg/flags.py`), so the names here are the names that
users type and that errors mention.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from tfadvseg.errors import UserError
from tfadvseg.segmenter_config import SegmenterConfig

Augmentation = Literal["rotate", "flip", "elastic", "photometric"]
DiscriminatorName = Literal["encoder", "patch"]
ImageInput = Literal["none", "product", "concat"]
TruthForm = Literal["one_hot", "scaling"]
MethodName = Literal["supervised", "adversarial"]
ScheduleName = Literal["joint", "alternating"]
OptimizerName = Literal["rmsprop", "adam"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
StrategyName = Literal["auto", "default", "mirrored"]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise UserError(message)


def _require_choice(flag: str, value: str, choices: object) -> None:
    valid = get_args(choices)
    _require(value in valid, f"--{flag}={value}: unknown; choose one of {', '.join(valid)}.")


def _require_positive(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        _require(value > 0, f"--{name}={value}: must be greater than 0.")


@dataclass(frozen=True)
class DataConfig:
    """Which examples, and how windows are drawn from them.

    Attributes:
        dataset: a name of `data.descriptors.CATALOGUE`, or `folder`.
        data_dir: where the raw files are; None for embedded data.
        train_split, val_split: TFDS slices (`train[:20]`); None takes the descriptor's.
        crop_size: (height, width) of a training window, in pixels.
        val_windows: validation windows after each epoch; 0 takes every image whole instead.
        augment: transformations of training windows.
        val_fraction: share of the images that validates: `folder`, `darkfield` and `camvid` only;
            None takes the dataset's own, which of `camvid` is its split `val` if that is there.
        test_fraction: share of the images that is kept for testing: `darkfield` only; None takes
            the dataset's own, 0 keeps none.
        void_as_class: whether void is a twelfth class or `ignore_label`: `camvid` only.
        class_names, value_map, label_suffix, train_list, val_list: `folder` only.
        prepared_dir: where TFDS keeps prepared copies; None takes TFDS's own default.
    """

    dataset: str = "membranes"
    data_dir: str | None = None
    train_split: str | None = None
    val_split: str | None = None
    crop_size: tuple[int, int] = (128, 128)
    val_windows: int = 0
    augment: tuple[Augmentation, ...] = ("rotate", "flip", "elastic", "photometric")
    val_fraction: float | None = None
    test_fraction: float | None = None
    void_as_class: bool = False
    class_names: tuple[str, ...] = ()
    value_map: tuple[tuple[int, int], ...] = ()
    label_suffix: str = ""
    train_list: str | None = None
    val_list: str | None = None
    prepared_dir: str | None = None

    def __post_init__(self) -> None:
        _require(
            len(self.crop_size) == 2 and min(self.crop_size) > 0,
            f"--crop_size={self.crop_size}: give height,width, both greater than 0.",
        )
        _require(self.val_windows >= 0, f"--val_windows={self.val_windows}: must not be negative.")
        for name in self.augment:
            _require_choice("augment", name, Augmentation)
        val, test = self.val_fraction, self.test_fraction
        _require(
            val is None or 0 < val < 1,
            f"--val_fraction={val}: must lie between 0 and 1, both excluded.",
        )
        _require(
            test is None or 0 <= test < 1,
            f"--test_fraction={test}: must be at least 0 and less than 1.",
        )
        val, test = self.fractions()
        _require(
            (val or 0) + (test or 0) < 1,
            f"--val_fraction={val} and --test_fraction={test}: leave nothing to train on; give "
            "smaller ones.",
        )
        _require(
            (self.train_list is None) == (self.val_list is None),
            "--train_list and --val_list go together: give both or neither.",
        )

    def fractions(self) -> tuple[float | None, float | None]:
        """Shares that validate and that test: the dataset's own where none are given.

        None where the dataset takes no such share, or has a split of its own instead.
        """
        if self.dataset not in _FRACTIONS:
            return None, None
        own_val, own_test = _FRACTIONS[self.dataset]
        val = own_val if self.val_fraction is None else self.val_fraction
        test = own_test if self.test_fraction is None else self.test_fraction
        return val, None if own_test is None else test

    def resolved(self) -> "DataConfig":
        """The same with `fractions` written out, so that two of them can be compared."""
        val_fraction, test_fraction = self.fractions()
        return dataclasses.replace(self, val_fraction=val_fraction, test_fraction=test_fraction)


_FRACTIONS = {"camvid": (None, None), "darkfield": (0.1, 0.1), "folder": (0.2, None)}
"""Shares that validate and that test, of datasets that flags divide."""


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Which discriminator D, its size, and what it is shown.

    Attributes:
        discriminator: the network's name.
        d_width: filters of the first level.
        d_depth: number of halvings of the resolution.
        d_spectral_norm: divide each kernel by its largest singular value (Miyato et al. 2018).
            Of the patch D; the encoder D has batch norm instead.
        d_image: how the image goes beside the map (`losses.discriminator_input`).
        d_truth: how labels become maps (`losses.discriminator_input`).
        d_truth_tau: the least probability of the true class under `scaling`.
        d_label_smoothing: D's target for real maps is 1 minus this (one-sided smoothing).
    """

    discriminator: DiscriminatorName = "patch"
    d_width: int = 32
    d_depth: int = 3
    d_spectral_norm: bool = True
    d_image: ImageInput = "concat"
    d_truth: TruthForm = "scaling"
    d_truth_tau: float = 0.9
    d_label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        _require_choice("discriminator", self.discriminator, DiscriminatorName)
        _require_choice("d_image", self.d_image, ImageInput)
        _require_choice("d_truth", self.d_truth, TruthForm)
        _require_positive(self, "d_width", "d_depth")
        _require(0.5 <= self.d_truth_tau <= 1, f"--d_truth_tau={self.d_truth_tau}: take 0.5 to 1.")
        _require(
            0 <= self.d_label_smoothing < 0.5,
            f"--d_label_smoothing={self.d_label_smoothing}: take 0 to below 0.5.",
        )


@dataclass(frozen=True)
class OptimizerConfig:
    """One network's update rule.

    Attributes:
        optimizer: the rule's name.
        learning_rate: before decay.
        decay: inverse-time decay an update: the rate is learning_rate / (1 + decay * updates).
    """

    optimizer: OptimizerName = "adam"
    learning_rate: float = 1e-3
    decay: float = 0.0

    def __post_init__(self) -> None:
        # One class serves --s_* and --d_*: the messages name what follows the prefix.
        _require_choice("*_optimizer", self.optimizer, OptimizerName)
        _require(
            self.learning_rate > 0,
            f"--*_learning_rate={self.learning_rate}: must be greater than 0.",
        )
        _require(self.decay >= 0, f"--*_decay={self.decay}: must not be negative.")


Piecewise = tuple[tuple[int, float], ...]
"""A value that changes at given epochs: ((first epoch, counted from 0, value), ...)."""


def piecewise_value(pieces: Piecewise, epoch: int) -> float:
    """The value in force in `epoch` (counted from 0)."""
    return [value for start, value in pieces if start <= epoch][-1]


@dataclass(frozen=True)
class MethodConfig:
    """How S is trained.

    Attributes:
        method: `supervised` trains S alone, `adversarial` trains it against D.
        schedule: `joint` updates S and D in every step from one forward pass of S;
            `alternating` trains each for a phase of every epoch.
        lambda_adv: weight of S's adversarial loss, by epoch.
        compare: also train the standard network (S alone) on the same batches.
    """

    method: MethodName = "adversarial"
    schedule: ScheduleName = "joint"
    lambda_adv: Piecewise = ((0, 0.1),)
    compare: bool = False

    def __post_init__(self) -> None:
        _require_choice("method", self.method, MethodName)
        _require_choice("schedule", self.schedule, ScheduleName)
        starts = [start for start, _ in self.lambda_adv]
        _require(
            bool(starts) and starts[0] == 0 and starts == sorted(set(starts)),
            f"--lambda_adv: epochs must start at 0 and rise, got {starts}.",
        )
        for _, value in self.lambda_adv:
            _require(
                value >= 0 and math.isfinite(value),
                f"--lambda_adv={value}: must be a number of at least 0.",
            )

    @property
    def uses_discriminator(self) -> bool:
        """Whether any update depends on D; otherwise D is not built at all."""
        return self.method == "adversarial" and any(value > 0 for _, value in self.lambda_adv)


@dataclass(frozen=True)
class RunConfig:
    """Length, place and machinery of a run.

    Attributes:
        output_dir: everything the run leaves.
        seed: of every random choice.
        epochs: number of epochs; an epoch is `steps_per_epoch` updates of S.
        global_batch_size: examples a step over all replicas.
        checkpoint_every: updates between checkpoints; 0 means at the end of each epoch only.
        keep_checkpoints: how many are kept, so that a corrupt one has a predecessor.
        precision: of activations; `auto` takes what the device runs fast.
        strategy: `auto` mirrors over the GPUs when there are several.
        xla: compile the training steps with XLA (GPU only).
        deterministic: same machine, same command, same numbers.
        export: write a SavedModel when training ends.
    """

    output_dir: str = "runs/default"
    seed: int = 0
    epochs: int = 10
    steps_per_epoch: int = 250
    global_batch_size: int = 8
    checkpoint_every: int = 0
    keep_checkpoints: int = 3
    precision: Precision = "auto"
    strategy: StrategyName = "auto"
    xla: bool = False
    deterministic: bool = True
    export: bool = True

    def __post_init__(self) -> None:
        _require_positive(self, "epochs", "steps_per_epoch", "global_batch_size")
        _require(
            self.checkpoint_every >= 0,
            f"--checkpoint_every={self.checkpoint_every}: must not be negative.",
        )
        _require(
            self.keep_checkpoints >= 2,
            f"--keep_checkpoints={self.keep_checkpoints}: keep at least 2, so that a corrupt "
            "checkpoint has a whole predecessor.",
        )
        _require_choice("precision", self.precision, Precision)
        _require_choice("strategy", self.strategy, StrategyName)


@dataclass(frozen=True)
class Config:
    """A whole run."""

    data: DataConfig = field(default_factory=DataConfig)
    segmenter: SegmenterConfig = field(default_factory=SegmenterConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    s_optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    d_optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(learning_rate=2e-4)
    )
    method: MethodConfig = field(default_factory=MethodConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        multiple = 2**self.discriminator.d_depth
        _require(
            not self.method.uses_discriminator
            or self.discriminator.discriminator != "encoder"
            or all(size % multiple == 0 for size in self.data.crop_size),
            f"--crop_size={','.join(map(str, self.data.crop_size))}: the encoder discriminator "
            f"halves it --d_depth={self.discriminator.d_depth} times; take multiples of "
            f"{multiple}, or --discriminator=patch.",
        )
