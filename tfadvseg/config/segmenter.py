"""Configuration of the segmenter S: its architecture and size. Imports no TensorFlow.

An option at its default takes the network's default. An option that the network does not have is
refused rather than ignored.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import MOST_HALVINGS, listed, require_halvings
from tfadvseg.config.options import check_options, option
from tfadvseg.errors import UserError

SegmenterName = Literal[
    "unet",
    "segnet",
    "fcn",
    "strided_unet",
    "fcn8s",
    "deeplabv3plus",
    "deeplab_v2",
    "deeplab_v2_vgg",
]
SegNetDecoder = Literal["mirrored", "darkfield"]
Upsampling = Literal["auto", "transposed", "resize"]
BatchNormMode = Literal["published", "frozen", "per_domain"]
"""Behaviour of batch norm in training.

`published`: normalises by the batch's statistics and updates the moving statistics, whatever the
batch's domain; scale and offset keep their loaded values.
`frozen`: normalises by the moving statistics and does not update them.
`per_domain`: as `published`, with separate moving statistics per domain.
"""

StridePlace = Literal["1x1", "3x3"]
"""The convolution of a bottleneck that has the stride: the first 1x1 (ResNet in Caffe and DeepLab)
or the 3x3 (torchvision). Weights trained with one give worse features with the other."""

WeightsSource = Literal[
    "exact",
    "deeplab_init",
    "gta2cityscapes",
    "gta2cityscapes_last_level",
    "torchvision_resnet",
    "torchvision_vgg16",
]
BackboneName = Literal["resnet18_v2", "resnet34_v2", "resnet50_v2", "resnet101_v2"]

UP_STRIDE = 2
"""The factor of each upsampling whose kernel can be chosen."""


def _networks(*names: SegmenterName) -> dict[str, tuple[SegmenterName, ...]]:
    return {"segmenter": names}


_WITH_MOMENTUM: tuple[SegmenterName, ...] = ("unet", "deeplabv3plus")


@dataclass(frozen=True)
class SegmenterConfig:
    """The segmenter S: its architecture and initial weights."""

    segmenter: SegmenterName = option("unet", "Architecture of the segmenter S.")
    width: int = option(
        0,
        "Filters of S's first level, doubled at each halving of the resolution (in segnet and "
        "fcn8s, as in VGG-16, up to eight times this number); 0 takes the network's default.",
        only_for=_networks(
            "unet", "segnet", "fcn", "strided_unet", "fcn8s", "deeplab_v2", "deeplab_v2_vgg"
        ),
    )
    depth: int = option(
        0,
        "Number of times S halves the resolution; 0 takes the network's default.",
        only_for=_networks("unet", "segnet", "fcn", "strided_unet"),
    )
    stage_convolutions: tuple[int, ...] = option(
        (),
        "Number of convolutions in each stage of segnet, from the top; empty takes 2 for each of "
        "--depth stages. In the paper: 2,2,3,3,3.",
        only_for=_networks("segnet"),
    )
    segnet_decoder: SegNetDecoder = option(
        "mirrored",
        "Decoder of segnet. mirrored: the encoder's stages in reverse order, with plain logits. "
        "darkfield: that of the published darkfield network, whose logits are clipped at 0.",
        only_for=_networks("segnet"),
    )
    upsampling: Upsampling = option(
        "auto",
        "Upsampling in S. transposed: transposed convolutions. resize: interpolation, then "
        "convolution. auto: the network's default.",
        only_for=_networks("unet", "fcn", "strided_unet", "fcn8s", "deeplabv3plus"),
    )
    up_kernel: int = option(
        0,
        "Kernel size of each upsampling by 2 in fcn and strided_unet; 0 takes 4 for transposed, 3 "
        "for resize.",
        only_for=_networks("fcn", "strided_unet"),
    )
    allow_checkerboard: bool = option(
        False,
        "Allow an --up_kernel that causes checkerboard patterns.",
        only_for=_networks("fcn", "strided_unet"),
    )
    backbone: BackboneName = option(
        "resnet50_v2",
        "Encoder of deeplabv3plus, a ResNet of KerasCV.",
        only_for=_networks("deeplabv3plus"),
    )
    backbone_weights: str | None = option(
        None,
        "File of initial weights for the encoder of fcn8s or deeplabv3plus. Default: random.",
        only_for=_networks("fcn8s", "deeplabv3plus"),
    )
    blocks: tuple[int, ...] = option(
        (),
        "Number of bottlenecks in each stage of deeplab_v2; empty takes 3,4,23,3 (ResNet-101).",
        only_for=_networks("deeplab_v2"),
    )
    multi_level: bool = option(
        True,
        "Add an auxiliary classifier after the third stage of deeplab_v2.",
        only_for=_networks("deeplab_v2"),
    )
    atrous_branches: int = option(
        4,
        "Number of branches, out of four, that an atrous classifier sums; published AdaptSegNet "
        "weights were trained with 2.",
        only_for=_networks("deeplab_v2", "deeplab_v2_vgg"),
    )
    batch_norm: BatchNormMode = option(
        "published",
        "Batch norm of S in training. published: batch statistics (deeplab_v2: with fixed scale "
        "and offset). frozen: fixed moving statistics. per_domain: as published, with separate "
        "moving statistics per domain.",
        only_for=_networks("unet", "segnet", "deeplabv3plus", "deeplab_v2"),
    )
    batch_norm_momentum: float = option(
        0.9,
        "Share of the moving statistics that an update of batch norm keeps. With Keras's 0.99, "
        "statistics lag behind the weights for hundreds of updates.",
        only_for=_networks(*_WITH_MOMENTUM),
    )
    stride_place: Literal["auto", StridePlace] = option(
        "auto",
        "Convolution of a bottleneck that has the stride: 1x1 as in DeepLab, 3x3 as in "
        "torchvision; auto takes the one that --weights_source implies.",
        only_for=_networks("deeplab_v2"),
    )
    recompute: bool = option(
        False,
        "Recompute the activations of deeplab_v2's stages in the backward pass instead of storing "
        "them; saves memory, costs time.",
        only_for=_networks("deeplab_v2"),
    )
    weights: str | None = option(
        None,
        "File of published initial weights for deeplab_v2 or deeplab_v2_vgg. Default: random.",
        only_for=_networks("deeplab_v2", "deeplab_v2_vgg"),
    )
    weights_source: WeightsSource = option(
        "exact",
        "Source of the file given as --weights; it decides which weights may be missing.",
        only_for=_networks("deeplab_v2", "deeplab_v2_vgg"),
    )

    def __post_init__(self) -> None:
        check_options(self)
        for name in ("width", "depth", "up_kernel"):
            if getattr(self, name) < 0:
                raise UserError(
                    f"--{name}={getattr(self, name)}: give more than 0, or 0 for the network's "
                    "default."
                )
        require_halvings("depth", self.depth)
        if not 0 <= self.batch_norm_momentum < 1:
            raise UserError(
                f"--batch_norm_momentum={self.batch_norm_momentum}: must be at least 0 and below 1."
            )
        self._check_stages()
        if self.blocks and (len(self.blocks) != 4 or min(self.blocks) < 1):
            raise UserError(
                f"--blocks={listed(self.blocks)}: give four numbers, the bottlenecks per stage."
            )
        if not 1 <= self.atrous_branches <= 4:
            raise UserError(f"--atrous_branches={self.atrous_branches}: take 1 to 4.")
        if self.upsampling == "transposed" and self.segmenter in ("unet", "deeplabv3plus"):
            raise UserError(
                f"--upsampling=transposed: --segmenter={self.segmenter} always interpolates; "
                "leave it out, or take one of fcn, strided_unet, fcn8s."
            )
        upsampling = self.upsampling if self.upsampling != "auto" else "transposed"
        if self.allow_checkerboard and upsampling == "resize":
            raise UserError(
                "--allow_checkerboard: --upsampling=resize causes no checkerboard; leave it out."
            )
        if self.up_kernel and upsampling == "transposed":
            check_transposed_kernel(self.up_kernel, UP_STRIDE, self.allow_checkerboard)

    def _check_stages(self) -> None:
        stages = self.stage_convolutions
        if stages and min(stages) < 1:
            raise UserError(
                f"--stage_convolutions={listed(stages)}: give at least one convolution per stage."
            )
        if len(stages) > MOST_HALVINGS:
            raise UserError(
                f"--stage_convolutions={listed(stages)}: has {len(stages)} stages; give at most "
                f"{MOST_HALVINGS}."
            )
        if stages and self.depth not in (0, len(stages)):
            raise UserError(
                f"--stage_convolutions={listed(stages)}: has {len(stages)} stages, but "
                f"--depth={self.depth}; give only one of them."
            )

    def of_earlier_runs(self) -> "SegmenterConfig":
        """The same network as runs had it that do not record their batch norm's momentum."""
        if self.segmenter not in _WITH_MOMENTUM:
            return self
        return dataclasses.replace(self, batch_norm_momentum=0.99)

    @property
    def levels(self) -> int:
        """Number of levels with a classifier; each has its own loss."""
        return 2 if self.segmenter == "deeplab_v2" and self.multi_level else 1


def check_transposed_kernel(kernel: int, stride: int, allow_checkerboard: bool = False) -> None:
    """Refuses transposed convolutions that cause checkerboards (Odena et al. 2016, Distill).

    Each output pixel sums over the kernel taps that cover it. Their number is the same for all
    pixels only if the stride divides the kernel size; otherwise even a constant map yields a
    pattern with the stride's period, which training has to work against.

    Raises:
        UserError: `kernel` is not a multiple of `stride`, and `allow_checkerboard` is not set.
    """
    if kernel % stride and not allow_checkerboard:
        counts = [len(range(offset, kernel, stride)) for offset in range(stride)]
        raise UserError(
            f"--up_kernel={kernel}: a transposed convolution of stride {stride} causes a "
            f"checkerboard, because {kernel} is not a multiple of {stride}: along an axis, pixels "
            f"get {' and '.join(map(str, counts))} of its taps in turn. Take a multiple of "
            f"{stride}, --upsampling=resize, or --allow_checkerboard."
        )
