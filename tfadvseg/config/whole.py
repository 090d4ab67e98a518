"""Configuration of a whole run: its sections, and the checks across them."""

import dataclasses
from dataclasses import dataclass, fields
from typing import Any

from tfadvseg.config.checks import listed, require
from tfadvseg.config.data import DataConfig
from tfadvseg.config.data_service import check_data_service
from tfadvseg.config.discriminator import DISCRIMINATOR_RULES, DiscriminatorConfig
from tfadvseg.config.few_labels import FewLabelsConfig
from tfadvseg.config.loss import LossConfig
from tfadvseg.config.method import METHOD_OPTIONS, MethodConfig
from tfadvseg.config.optimizer import OptimizerConfig
from tfadvseg.config.options import Option, idle_options, options_of, refuse_idle, section
from tfadvseg.config.resolve import filled_default, filled_sections
from tfadvseg.config.run import LAST, RunConfig
from tfadvseg.config.segmenter import SegmenterConfig


@dataclass(frozen=True)
class Config:
    """A whole run.

    `data` describes the labelled examples, `target` those of the target domain; `target.dataset` is
    empty if there is none. Except for the size of windows, `data` says how windows of both are
    made.
    """

    data: DataConfig = section(DataConfig)
    target: DataConfig = section(lambda: DataConfig(dataset=""), prefix="target_")
    few_labels: FewLabelsConfig = section(FewLabelsConfig)
    segmenter: SegmenterConfig = section(SegmenterConfig)
    discriminator: DiscriminatorConfig = section(DiscriminatorConfig)
    loss: LossConfig = section(LossConfig)
    s_optimizer: OptimizerConfig = section(OptimizerConfig, prefix="s_")
    d_optimizer: OptimizerConfig = section(lambda: OptimizerConfig(learning_rate=2e-4), prefix="d_")
    method: MethodConfig = section(MethodConfig)
    run: RunConfig = section(RunConfig)

    def __post_init__(self) -> None:
        self._refuse_idle()
        for name, filled in filled_sections(self).items():
            # A frozen dataclass has no other way to fill in what depends on several sections.
            object.__setattr__(self, name, filled)
        require(
            not (self.run.patience and self.run.best_metric == LAST),
            f"--patience={self.run.patience}: has no effect with --best_metric=last; give a "
            "metric (on a target domain, it uses the target's labels).",
        )
        require(
            not self.method.compare
            or self.method.uses_discriminator
            or self.method.rules.discriminator is None,
            "--compare: with --lambda_adv=0 S is trained alone, so there is nothing to compare; "
            "leave it out.",
        )
        if self.segmenter.segmenter == "deeplab_v2_vgg":  # the only one without padding
            self._check_windows(8, "the network's three poolings")
        require(
            self.segmenter.segmenter != "deeplabv3plus" or self.run.global_batch_size > 1,
            "--global_batch_size=1: the image pooling of deeplabv3plus is normalised over the "
            "batch, so it would be 0 for a batch of one image; take at least 2.",
        )
        self._check_discriminator()
        self._check_domains()
        self.method.rules.check(self)
        self._check_rates()
        check_data_service(self)

    def _refuse_idle(self) -> None:
        method = self.method.method
        idle = [
            (option, self.value_of(option))
            for option in idle_options(options_of(Config), method, METHOD_OPTIONS)
            if self.value_of(option) != option.default
            # Filled-in values, which `run.flags` records, are not a user's choice.
            and self.value_of(option) != filled_default(option, self.method)
        ]
        refuse_idle(idle, method, METHOD_OPTIONS, self.method.rules.without)

    def value_of(self, option: Option) -> Any:
        """The value of an option from `options_of(Config)`."""
        return getattr(getattr(self, option.section), option.field)

    def _check_discriminator(self) -> None:
        if not self.method.uses_discriminator:
            return
        d = self.discriminator
        rules = DISCRIMINATOR_RULES[d.discriminator]
        default = self.method.rules.discriminator or d.discriminator
        require(
            rules.features == DISCRIMINATOR_RULES[default].features,
            f"--discriminator={d.discriminator}: returns "
            f"{'features and no logits' if rules.features else 'logits and no features'}; "
            f"--method={self.method.method} takes {default}.",
        )
        require(
            rules.any_size or self.method.rules.target != "required",
            f"--discriminator={d.discriminator}: takes windows of one size only, which does not "
            f"suit --method={self.method.method}; take fc or patch.",
        )
        multiple = 2**d.d_depth
        require(
            not rules.halves or all(size % multiple == 0 for size in self.data.crop_size),
            f"--crop_size={listed(self.data.crop_size)}: the {d.discriminator} discriminator "
            f"halves it --d_depth={d.d_depth} times; take multiples of "
            f"{multiple}, or --discriminator=patch.",
        )
        if rules.least:
            self._check_windows(rules.least, f"the {d.discriminator} discriminator's strides")

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
            bool(self.target.dataset) or self.method.rules.target != "required",
            f"--target_dataset: required with --method={self.method.method}; give the dataset to "
            "adapt to.",
        )
        if not self.target.dataset:
            for option in fields(DataConfig):
                unset = getattr(DataConfig(dataset=""), option.name)
                require(
                    getattr(self.target, option.name) == unset,
                    f"--target_{option.name}: there is no target domain; give --target_dataset, or "
                    "leave it out.",
                )
        elif "target" in self.method.rules.unlabelled:
            require(
                not self.few_labels.names_further_images,
                f"--target_dataset={self.target.dataset}: its images are the ones without labels; "
                "leave out --unlabelled_dataset, --unlabelled_data_dir and --unlabelled_split.",
            )

    def _check_rates(self) -> None:
        run = self.run
        require(
            not run.rate_epochs or self.s_optimizer.ends or self.d_optimizer.ends,
            f"--rate_epochs={run.rate_epochs}: applies to poly and cosine learning rates only; "
            "leave it out.",
        )
        ends = self.s_optimizer.ends or self.d_optimizer.ends
        require(
            not (ends and 0 < run.rate_epochs < run.epochs),
            f"--rate_epochs={run.rate_epochs}: learning rates would be 0 from then until the end "
            f"of --epochs={run.epochs}; take at least {run.epochs}, or 0.",
        )

    @property
    def windows_per_update(self) -> int:
        """Training windows per update of S, over all replicas."""
        return self.run.global_batch_size * self.method.iter_size

    @property
    def unlabelled_per_update(self) -> int:
        """Training windows without labels that an update sees, over all replicas."""
        own = self.few_labels.unlabelled_batch_size or self.run.global_batch_size
        return own * self.method.iter_size

    def target_data(self) -> DataConfig:
        """`target`, with windows made as `data` says."""
        data = self.data
        return dataclasses.replace(
            self.target, augment=data.augment, scale_range=data.scale_range, shuffle=data.shuffle
        )
