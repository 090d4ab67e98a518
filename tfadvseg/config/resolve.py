"""Replaces placeholder values of options (0, `auto`, empty, None) by the values they stand for.

`filled_sections` fills in the values that depend on other sections; every `Config` does so on
construction. `resolve` fills in the others too, so that two configurations can be compared.
Defaults that depend on the dataset, such as shares of its images, are filled in by
`data.sets.catalogue.with_own_shares`.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

from tfadvseg.config.data import DataConfig
from tfadvseg.config.discriminator import DISCRIMINATOR_RULES, DiscriminatorConfig
from tfadvseg.config.method import MethodConfig
from tfadvseg.config.run import LAST, RunConfig
from tfadvseg.config.segmenter import SegmenterConfig

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config


def resolve(config: "Config") -> "Config":
    """The same run with all placeholder values replaced."""
    run, ends = config.run, config.s_optimizer.ends or config.d_optimizer.ends
    rate_epochs = (run.rate_epochs or run.epochs) if ends else 0
    return dataclasses.replace(
        config,
        segmenter=config.segmenter.resolved(),
        run=dataclasses.replace(run, rate_epochs=rate_epochs),
    )


def filled_sections(config: "Config") -> dict[str, Any]:
    """The sections with placeholders that depend on other sections, filled in, by name."""
    return {
        "segmenter": _segmenter(config.segmenter, config.method),
        "discriminator": _discriminator(config.discriminator, config.method),
        "method": _method(config.method),
        "run": _run(config.run, config.target),
    }


def _segmenter(segmenter: SegmenterConfig, method: MethodConfig) -> SegmenterConfig:
    if segmenter.levels == 1 or method.rules.levels:
        return segmenter
    # No loss would train the level before the last.
    return dataclasses.replace(segmenter, multi_level=False)


def _discriminator(d: DiscriminatorConfig, method: MethodConfig) -> DiscriminatorConfig:
    name = d.discriminator
    if name == "auto":
        name = method.rules.discriminator or "patch"
    width = d.d_width or DISCRIMINATOR_RULES[name].width
    return dataclasses.replace(d, discriminator=name, d_width=width)


def _method(method: MethodConfig) -> MethodConfig:
    return dataclasses.replace(
        method, lambda_adv=method.lambda_adv or ((0, method.rules.lambda_adv),)
    )


def _run(run: RunConfig, target: DataConfig) -> RunConfig:
    if run.best_metric != "auto":
        return run
    return dataclasses.replace(run, best_metric=LAST if target.dataset else "miou")
