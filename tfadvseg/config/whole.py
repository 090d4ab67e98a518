"""Configuration of a whole run: its sections, and what they ask of each other."""

import dataclasses
from dataclasses import dataclass, field, fields

from tfadvseg.config.checks import listed, require
from tfadvseg.config.data import DataConfig
from tfadvseg.config.discriminator import DiscriminatorConfig, DiscriminatorName
from tfadvseg.config.loss import LossConfig
from tfadvseg.config.method import MethodConfig
from tfadvseg.config.optimizer import OptimizerConfig
from tfadvseg.config.run import LAST, RunConfig
from tfadvseg.config.segmenter import SegmenterConfig


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
        best_metric = self.run.best_metric
        if best_metric == "auto":
            best_metric = LAST if self.target.dataset else "miou"
        segmenter = self.segmenter
        if segmenter.levels > 1 and not method.uses_levels:
            # Nothing would train the level before the last.
            segmenter = dataclasses.replace(segmenter, multi_level=False)
        # A frozen dataclass has no other way to fill in what depends on several sections.
        for section, filled in (
            ("segmenter", segmenter),
            ("discriminator", dataclasses.replace(own, discriminator=name, d_width=width)),
            ("method", dataclasses.replace(method, lambda_adv=lambda_adv)),
            ("run", dataclasses.replace(self.run, best_metric=best_metric)),
        ):
            object.__setattr__(self, section, filled)
        require(
            not (self.run.patience and best_metric == LAST),
            f"--patience={self.run.patience}: with --best_metric=last no epoch is better than "
            "another; give a metric, which on a target domain takes its labels.",
        )
        require(
            not method.compare or self.method.uses_discriminator,
            "--compare: with --lambda_adv=0 S is trained alone, and there is nothing to compare.",
        )
        if self.segmenter.segmenter == "deeplab_v2_vgg":  # the one that pads nothing inside
            self._check_windows(8, "the network's three poolings")
        require(
            segmenter.segmenter != "deeplabv3plus" or self.run.global_batch_size > 1,
            "--global_batch_size=1: the image pooling of deeplabv3plus is normalised over the "
            "batch, and would be 0 for a batch of one image; take at least 2.",
        )
        self._check_discriminator()
        self._check_domains()
        self._check_idle()

    def _check_discriminator(self) -> None:
        own = self.discriminator
        multiple = 2**own.d_depth
        require(
            not self.method.adapts or own.discriminator != "encoder",
            "--discriminator=encoder: judges windows of one size; --method=adaptation takes fc or "
            "patch.",
        )
        require(
            not self.method.uses_discriminator
            or own.discriminator != "encoder"
            or all(size % multiple == 0 for size in self.data.crop_size),
            f"--crop_size={listed(self.data.crop_size)}: the encoder discriminator "
            f"halves it --d_depth={own.d_depth} times; take multiples of "
            f"{multiple}, or --discriminator=patch.",
        )
        for name in ("d_image", "d_truth", "d_truth_tau", "d_label_smoothing"):
            value = getattr(own, name)
            require(
                not self.method.adapts or value == getattr(DiscriminatorConfig, name),
                f"--{name}={value}: is for --method=adversarial; in adaptation D sees maps of two "
                "domains, and no labels. Leave it out.",
            )
        if own.discriminator == "fc" and self.method.uses_discriminator:
            self._check_windows(32, "the discriminator's five strides of 2")

    def _check_windows(self, least: int, reason: str) -> None:
        sizes = {"crop_size": self.data.crop_size}
        if self.target.dataset:
            sizes["target_crop_size"] = self.target.crop_size
        for flag, size in sizes.items():
            require(
                min(size) >= least,
                f"--{flag}={listed(size)}: too small for {reason}; take at least {least},{least}.",
            )

    def _check_domains(self) -> None:
        require(
            bool(self.target.dataset) or not self.method.adapts,
            "--target_dataset: --method=adaptation needs it; give the dataset to adapt to.",
        )
        require(
            not self.target.dataset or self.method.uses_levels,
            f"--target_dataset={self.target.dataset}: is for --method=adaptation and source_only.",
        )
        if not self.target.dataset:
            for own in fields(DataConfig):
                unset = getattr(DataConfig(dataset=""), own.name)
                require(
                    getattr(self.target, own.name) == unset,
                    f"--target_{own.name}: is of the target domain, and there is none; give "
                    "--target_dataset.",
                )
        if self.method.adapts:
            require(
                self.method.weighs_adversarial
                or (self.segmenter.levels == 2 and self.method.lambda_adv_aux > 0),
                "--lambda_adv=0: nothing is adapted then, though target images would still move "
                "batch norm's statistics; take --method=source_only.",
            )
        require(
            not self.method.uses_levels or not self.loss.boundary_weight,
            "--boundary_weight: windows of two domains come without it; it is for "
            "--method=supervised and adversarial.",
        )

    def _check_idle(self) -> None:
        run = self.run
        require(
            not run.rate_epochs or self.s_optimizer.ends or self.d_optimizer.ends,
            f"--rate_epochs={run.rate_epochs}: is for a learning rate that poly or cosine lowers; "
            "leave it out.",
        )
        ends = self.s_optimizer.ends or self.d_optimizer.ends
        require(
            not (ends and 0 < run.rate_epochs < run.epochs),
            f"--rate_epochs={run.rate_epochs}: learning rates would be 0 from then on to the end "
            f"of --epochs={run.epochs}; take as many, or 0.",
        )

    @property
    def windows_per_update(self) -> int:
        """Training windows that an update of S sees, over all replicas."""
        return self.run.global_batch_size * self.method.iter_size

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
