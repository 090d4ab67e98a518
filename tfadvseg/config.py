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

Augmentation = Literal["rotate", "flip", "scale", "elastic", "photometric", "colour"]
ChannelOrder = Literal["rgb", "bgr"]
ClassWeighting = Literal["none", "one_minus_frequency", "median_frequency"]
DiscriminatorName = Literal["auto", "encoder", "patch", "fc"]
Preparation = Literal["tfds", "beam", "none"]
ImageInput = Literal["none", "product", "concat"]
TruthForm = Literal["one_hot", "scaling"]
MethodName = Literal["supervised", "adversarial", "source_only", "adaptation"]
GanLoss = Literal["vanilla", "ls"]
ScheduleName = Literal["joint", "alternating"]
OptimizerName = Literal["rmsprop", "adam", "adamw", "sgd", "torch_adam"]
RateSchedule = Literal["constant", "step", "poly", "cosine"]
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
        _require(value > 0 and math.isfinite(value), f"--{name}={value}: must be greater than 0.")


def _require_not_negative(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        _require(value >= 0 and math.isfinite(value), f"--{name}={value}: must not be negative.")


@dataclass(frozen=True)
class DataConfig:
    """Which examples, and how windows are drawn from them.

    Attributes:
        dataset: a name of `data.catalogue.CATALOGUE`, or `folder`.
        data_dir: where the raw files are; None for embedded data.
        train_split, val_split: TFDS slices (`train[:20]`); None takes the descriptor's.
        resize: (height, width) that every image is brought to first; empty keeps their own sizes.
        crop_size: (height, width) of a training window, in pixels.
        val_windows: validation windows after each epoch; 0 takes every image whole instead.
        augment: transformations of training windows.
        scale_range: smallest and largest factor of the `scale` augmentation.
        shuffle: whether the order of the training images is drawn anew each time round.
        mean, std: of each channel, on the 0-255 scale, in the order red, green, blue; empty takes
            the training images' own.
        channel_order: in which S sees the channels of colour images.
        val_fraction: share of the images that validates: `folder`, `darkfield` and `camvid` only;
            None takes the dataset's own, which of `camvid` is its split `val` if that is there.
        test_fraction: share of the images that is kept for testing: `darkfield` only; None takes
            the dataset's own, 0 keeps none.
        void_as_class: whether void is a twelfth class or `ignore_label`: `camvid` only.
        official_split: divide by the set's own list: `gta5` only.
        skip_damaged: leave out frames whose label is of another size than the image: `gta5` only.
        train_ids: read labels that hold training ids: `cityscapes_semseg` only.
        class_names, value_map, label_suffix, train_list, val_list: `folder` only.
        prepare: whether TFDS prepares a copy of raw files, Apache Beam does, or none is made: the
            last two of `gta5` and `cityscapes_semseg` only.
        beam_options: `option=value` each, as Beam's own flags; its `DirectRunner` where none say.
        prepared_dir: where TFDS keeps prepared copies; None takes TFDS's own default.
    """

    dataset: str = "membranes"
    data_dir: str | None = None
    train_split: str | None = None
    val_split: str | None = None
    resize: tuple[int, int] | tuple[()] = ()
    crop_size: tuple[int, int] = (128, 128)
    val_windows: int = 0
    augment: tuple[Augmentation, ...] = ("rotate", "flip", "elastic", "photometric")
    scale_range: tuple[float, float] = (0.75, 1.5)
    shuffle: bool = True
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    channel_order: ChannelOrder = "rgb"
    val_fraction: float | None = None
    test_fraction: float | None = None
    void_as_class: bool = False
    official_split: bool = False
    skip_damaged: bool = False
    train_ids: bool = False
    class_names: tuple[str, ...] = ()
    value_map: tuple[tuple[int, int], ...] = ()
    label_suffix: str = ""
    train_list: str | None = None
    val_list: str | None = None
    prepare: Preparation = "tfds"
    beam_options: tuple[str, ...] = ()
    prepared_dir: str | None = None

    def __post_init__(self) -> None:
        for flag in ("crop_size", "resize"):
            size = getattr(self, flag)
            _require(
                (flag == "resize" and not size) or (len(size) == 2 and min(size) > 0),
                f"--{flag}={_listed(size)}: give height,width, both greater than 0.",
            )
        _require_not_negative(self, "val_windows")
        for name in self.augment:
            _require_choice("augment", name, Augmentation)
        self._check_normalisation()
        _require_choice("prepare", self.prepare, Preparation)
        _require(
            not self.beam_options or self.prepare == "beam",
            f"--beam_options={_listed(self.beam_options)}: is for --prepare=beam.",
        )
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

    def _check_normalisation(self) -> None:
        low, high = self.scale_range if len(self.scale_range) == 2 else (0, 0)
        _require(
            0 < low <= high <= 10,
            f"--scale_range={_listed(self.scale_range)}: give smallest,largest factor, as in "
            "0.75,1.5.",
        )
        _require_choice("channel_order", self.channel_order, ChannelOrder)
        _require(
            len(self.mean) == len(self.std),
            f"--mean={_listed(self.mean)} and --std={_listed(self.std)} go together: give a "
            "number a channel in each, or neither.",
        )
        _require(
            all(map(math.isfinite, self.mean)) and all(0 < value < math.inf for value in self.std),
            f"--mean={_listed(self.mean)} --std={_listed(self.std)}: must be numbers, deviations "
            "greater than 0.",
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


def _listed(values: tuple) -> str:
    return ",".join(map(str, values))


_FRACTIONS = {"camvid": (None, None), "darkfield": (0.1, 0.1), "folder": (0.2, None)}
"""Shares that validate and that test, of datasets that flags divide."""


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Which discriminator D, its size, and what it is shown.

    Attributes:
        discriminator: the network's name; `auto` is `fc` for domain adaptation, else `patch`.
        d_width: filters of the first level; 0 takes the network's own.
        d_depth: number of halvings of the resolution.
        d_spectral_norm: divide each kernel by its largest singular value (Miyato et al. 2018).
            Of the patch D; the encoder D has batch norm instead.
        d_image: how the image goes beside the map (`losses.discriminator_input`).
        d_truth: how labels become maps (`losses.discriminator_input`).
        d_truth_tau: the least probability of the true class under `scaling`.
        d_label_smoothing: D's target for real maps is 1 minus this (one-sided smoothing).
    """

    discriminator: DiscriminatorName = "auto"
    d_width: int = 0
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
        _require_not_negative(self, "d_width")
        _require_positive(self, "d_depth")
        _require(0.5 <= self.d_truth_tau <= 1, f"--d_truth_tau={self.d_truth_tau}: take 0.5 to 1.")
        _require(
            0 <= self.d_label_smoothing < 0.5,
            f"--d_label_smoothing={self.d_label_smoothing}: take 0 to below 0.5.",
        )


@dataclass(frozen=True)
class LossConfig:
    """S's segmentation loss: cross-entropy + lambda_dice * Dice + lambda_focal * focal.

    Attributes:
        class_weights: of the cross-entropy: a rule, or one number a class.
        boundary_weight: w0 of U-Net's eq. 2, added to the class weights on background between
            objects; 0 adds nothing.
        boundary_sigma: its sigma, in pixels.
        lambda_dice, lambda_focal: weights of the two other terms; 0 leaves a term out.
        focal_gamma: of the focal term.
    """

    class_weights: ClassWeighting | tuple[float, ...] = "none"
    boundary_weight: float = 0.0
    boundary_sigma: float = 5.0
    lambda_dice: float = 0.0
    lambda_focal: float = 0.0
    focal_gamma: float = 2.0

    def __post_init__(self) -> None:
        if isinstance(self.class_weights, str):
            _require(
                self.class_weights in get_args(ClassWeighting),
                f"--class_weights={self.class_weights}: unknown; choose one of "
                f"{', '.join(get_args(ClassWeighting))}, or give a number a class.",
            )
        _require_not_negative(self, "boundary_weight", "lambda_dice", "lambda_focal", "focal_gamma")
        _require_positive(self, "boundary_sigma")


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
        weight_decay: of kernels only: of `sgd` added to the gradient, of `adamw` decoupled.
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
        _require_choice("*_optimizer", self.optimizer, OptimizerName)
        _require_choice("*_rate", self.rate, RateSchedule)
        _require(
            0 < self.learning_rate < math.inf,
            f"--*_learning_rate={self.learning_rate}: must be greater than 0.",
        )
        for name in ("decay", "warmup", "weight_decay", "clip_norm"):
            value = getattr(self, name)
            _require(0 <= value < math.inf, f"--*_{name}={value}: must not be negative.")
        for name in ("momentum", "beta_2"):
            value = getattr(self, name)
            _require(0 <= value < 1, f"--*_{name}={value}: take 0 to below 1.")
        _require(
            not self.decay or self.rate == "constant",
            f"--*_decay={self.decay} and --*_rate={self.rate} both lower the learning rate; give "
            "one of them.",
        )
        _require(
            bool(self.rate_steps) == (self.rate == "step"),
            "--*_rate=step and --*_rate_steps (epochs with which the rate falls) go together.",
        )
        _require(
            all(b > a for a, b in zip((0, *self.rate_steps), self.rate_steps, strict=False)),
            f"--*_rate_steps={_listed(self.rate_steps)}: must rise and be greater than 0.",
        )
        _require(
            not self.weight_decay or self.optimizer in ("sgd", "adamw"),
            f"--*_weight_decay={self.weight_decay}: {self.optimizer} has none; take adamw or sgd.",
        )

    @property
    def ends(self) -> bool:
        """Whether the learning rate depends on how long training is."""
        return self.rate in ("poly", "cosine")


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
        _require_choice("method", self.method, MethodName)
        _require_choice("schedule", self.schedule, ScheduleName)
        _require_choice("gan", self.gan, GanLoss)
        _require_positive(self, "iter_size")
        _require_not_negative(self, "lambda_seg_aux", "lambda_adv_aux")
        starts = [start for start, _ in self.lambda_adv]
        _require(
            starts[:1] in ([], [0]) and starts == sorted(set(starts)),
            f"--lambda_adv: epochs must start at 0 and rise, got {starts}.",
        )
        for _, value in self.lambda_adv:
            _require(
                value >= 0 and math.isfinite(value),
                f"--lambda_adv={value}: must be a number of at least 0.",
            )
        _require(
            self.iter_size == 1 or self.uses_levels,
            f"--iter_size={self.iter_size}: is for --method=adaptation and source_only; use "
            "--global_batch_size.",
        )
        _require(
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
        """Whether any update depends on the D of adversarial segmentation; else it is not built."""
        return self.method == "adversarial" and self.weighs_adversarial


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
        strategy: `auto` mirrors over the GPUs when there are several.
        xla: compile the training steps with XLA (GPU only).
        deterministic: same machine, same command, same numbers.
        export: write a SavedModel when training ends.
        ema: of S's weights an exponential moving average with this decay is measured and exported;
            0 measures and exports the weights themselves.
        best_metric: which validation metric tells the best epoch.
        patience: epochs without a better one after which training stops; 0: never.
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
    best_metric: str = "miou"
    patience: int = 0

    def __post_init__(self) -> None:
        _require_positive(self, "epochs", "global_batch_size")
        _require_not_negative(
            self, "steps_per_epoch", "rate_epochs", "checkpoint_every", "patience"
        )
        _require(0 <= self.ema < 1, f"--ema={self.ema}: take 0 to below 1, as in 0.999.")
        _require(
            self.keep_checkpoints >= 2,
            f"--keep_checkpoints={self.keep_checkpoints}: keep at least 2, so that a corrupt "
            "checkpoint has a whole predecessor.",
        )
        _require_choice("precision", self.precision, Precision)
        _require_choice("strategy", self.strategy, StrategyName)


@dataclass(frozen=True)
class Config:
    """A whole run.

    `target` says which examples adaptation adapts to, as `data` says which it learns from; its
    `dataset` is empty where there is no target. What makes windows of examples but for their size
    is `data`'s for both.
    """

    data: DataConfig = field(default_factory=DataConfig)
    target: DataConfig = field(default_factory=lambda: DataConfig(dataset=""))
    segmenter: SegmenterConfig = field(default_factory=SegmenterConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    s_optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    d_optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(learning_rate=2e-4)
    )
    method: MethodConfig = field(default_factory=MethodConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        own, method = self.discriminator, self.method
        name: DiscriminatorName = "fc" if method.adapts else "patch"
        name = own.discriminator if own.discriminator != "auto" else name
        width = own.d_width or (64 if name == "fc" else 32)
        lambda_adv = method.lambda_adv or ((0, 0.001 if method.adapts else 0.1),)
        segmenter = self.segmenter
        if segmenter.levels > 1 and not method.uses_levels:
            # Nothing would train the level before the last.
            segmenter = dataclasses.replace(segmenter, multi_level=False)
        # A frozen dataclass has no other way to fill in what depends on several sections.
        for section, filled in (
            ("segmenter", segmenter),
            ("discriminator", dataclasses.replace(own, discriminator=name, d_width=width)),
            ("method", dataclasses.replace(method, lambda_adv=lambda_adv)),
        ):
            object.__setattr__(self, section, filled)
        self._check_discriminator()
        self._check_domains()

    def _check_discriminator(self) -> None:
        own = self.discriminator
        multiple = 2**own.d_depth
        _require(
            not self.method.uses_discriminator
            or own.discriminator != "encoder"
            or all(size % multiple == 0 for size in self.data.crop_size),
            f"--crop_size={_listed(self.data.crop_size)}: the encoder discriminator "
            f"halves it --d_depth={own.d_depth} times; take multiples of "
            f"{multiple}, or --discriminator=patch.",
        )
        _require(
            not self.method.adapts or own.discriminator != "encoder",
            "--discriminator=encoder: judges windows of one size; --method=adaptation takes fc or "
            "patch.",
        )
        if own.discriminator == "fc" and (self.method.adapts or self.method.uses_discriminator):
            sizes = {"crop_size": self.data.crop_size}
            if self.method.adapts:
                sizes["target_crop_size"] = self.target.crop_size
            for flag, size in sizes.items():
                _require(
                    min(size) >= 32,
                    f"--{flag}={_listed(size)}: too small for the discriminator's five strides "
                    "of 2; take at least 32,32.",
                )

    def _check_domains(self) -> None:
        _require(
            bool(self.target.dataset) or not self.method.adapts,
            "--target_dataset: --method=adaptation needs it; give the dataset to adapt to.",
        )
        _require(
            not self.target.dataset or self.method.uses_levels,
            f"--target_dataset={self.target.dataset}: is for --method=adaptation and source_only.",
        )
        if self.method.adapts:
            _require(
                self.method.weighs_adversarial
                or (self.segmenter.levels == 2 and self.method.lambda_adv_aux > 0),
                "--lambda_adv=0: nothing is adapted then, though target images would still move "
                "batch norm's statistics; take --method=source_only.",
            )
        _require(
            not self.method.uses_levels or self.loss == LossConfig(),
            "--class_weights, --boundary_weight, --lambda_dice and --lambda_focal: are for "
            "--method=supervised and adversarial.",
        )

    def target_data(self) -> DataConfig:
        """`target`, its windows made as `data` says."""
        data = self.data
        return dataclasses.replace(
            self.target, augment=data.augment, scale_range=data.scale_range, shuffle=data.shuffle
        )

    def resolved(self) -> "Config":
        """The same with what defaults stand for written out, so that two can be compared."""
        ends = self.s_optimizer.ends or self.d_optimizer.ends
        rate_epochs = (self.run.rate_epochs or self.run.epochs) if ends else 0
        return dataclasses.replace(
            self,
            data=self.data.resolved(),
            target=self.target.resolved(),
            segmenter=self.segmenter.resolved(),
            run=dataclasses.replace(self.run, rate_epochs=rate_epochs),
        )
