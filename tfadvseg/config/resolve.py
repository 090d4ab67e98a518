"""Replaces placeholder values of options (0, `auto`, empty, None) by the values they stand for.

`filled_sections` replaces placeholders that depend on other sections. Every `Config` does so on
construction, so that no other module needs to know these rules; `run.flags` records the replaced
values. `resolve` also replaces the remaining ones, so that two configurations can be compared, and
`used_segmenter` those of S, wherever a network is built. Only shares of a dataset's images are
filled in elsewhere, because they belong to the dataset: `data.sets.catalogue.with_own_shares`.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

from tfadvseg.config.data import DataConfig
from tfadvseg.config.discriminator import DISCRIMINATOR_RULES, DiscriminatorConfig
from tfadvseg.config.method import MethodConfig
from tfadvseg.config.options import Option
from tfadvseg.config.run import LAST, RunConfig
from tfadvseg.config.segmenter import SegmenterConfig, StridePlace, Upsampling

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config


def resolve(config: "Config") -> "Config":
    """The same run with all placeholder values replaced."""
    ends = config.s_optimizer.ends or config.d_optimizer.ends
    return dataclasses.replace(
        config,
        segmenter=used_segmenter(config.segmenter),
        run=dataclasses.replace(
            config.run, rate_epochs=used_rate_epochs(config.run) if ends else 0
        ),
    )


def used_rate_epochs(run: RunConfig) -> int:
    """Number of epochs after which poly and cosine learning rates end."""
    return run.rate_epochs or run.epochs


def used_segmenter(segmenter: SegmenterConfig) -> SegmenterConfig:
    """The same network, with 0, `auto` and () replaced by the values they stand for."""
    upsampling: Upsampling
    match segmenter.segmenter:
        case "unet":
            width, depth, upsampling = 32, 4, "resize"
        case "segnet":
            width, depth, upsampling = 64, len(segmenter.stage_convolutions) or 3, "auto"
        case "fcn" | "strided_unet":
            width, depth, upsampling = 32, 4, "transposed"
        case "fcn8s":
            width, depth, upsampling = 64, 0, "transposed"
        case "deeplabv3plus":
            width, depth, upsampling = 0, 0, "resize"
        case "deeplab_v2" | "deeplab_v2_vgg":
            width, depth, upsampling = 64, 0, "auto"
    filled = dataclasses.replace(
        segmenter,
        width=segmenter.width or width,
        depth=segmenter.depth or depth,
        upsampling=upsampling if segmenter.upsampling == "auto" else segmenter.upsampling,
    )
    if segmenter.segmenter == "segnet":
        stages = filled.stage_convolutions or (2,) * filled.depth
        return dataclasses.replace(filled, stage_convolutions=stages)
    if segmenter.segmenter == "deeplab_v2":
        implied: StridePlace = "3x3" if filled.weights_source == "torchvision_resnet" else "1x1"
        place = implied if filled.stride_place == "auto" else filled.stride_place
        blocks = filled.blocks or (3, 4, 23, 3)
        return dataclasses.replace(filled, blocks=blocks, stride_place=place)
    if segmenter.segmenter in ("fcn", "strided_unet"):
        kernel = filled.up_kernel or (4 if filled.upsampling == "transposed" else 3)
        return dataclasses.replace(filled, up_kernel=kernel)
    return filled


def architecture(segmenter: SegmenterConfig) -> SegmenterConfig:
    """The options from which the network is rebuilt: used values, without options of training."""
    return dataclasses.replace(
        used_segmenter(segmenter),
        backbone_weights=None,
        recompute=False,
        weights=None,
        weights_source="exact",
    )


def stride_of(segmenter: SegmenterConfig) -> int:
    """Pixels to a multiple of which the network pads images, or the step of its output grid."""
    if segmenter.segmenter in ("deeplab_v2", "deeplab_v2_vgg"):
        return 8
    return 2 ** (used_segmenter(segmenter).depth or 5)


def filled_sections(config: "Config") -> dict[str, Any]:
    """Sections by name, with placeholders replaced that depend on other sections."""
    return {
        "segmenter": _segmenter(config.segmenter, config.method),
        "discriminator": _discriminator(config.discriminator, config.method),
        "method": _method(config.method),
        "run": _run(config.run, config.target),
        "target": _target(config.target, config.data),
    }


def filled_default(option: Option, method: MethodConfig) -> Any:
    """The value that `filled_sections` gives an option with its default, for a method."""
    match option.section:
        case "discriminator":
            return getattr(_discriminator(DiscriminatorConfig(), method), option.field)
        case "method":
            return getattr(_method(MethodConfig(method=method.method)), option.field)
        case _:
            return option.default


def _target(target: DataConfig, data: DataConfig) -> DataConfig:
    """The target, where the source is if it is a slice of the same dataset."""
    if target.data_dir is not None or not target.train_split or target.dataset != data.dataset:
        return target
    return dataclasses.replace(target, data_dir=data.data_dir)


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
