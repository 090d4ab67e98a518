"""Configuration of the segmenter S: which network, and its size. Imports no TensorFlow.

Networks differ in what can be chosen about them. A field at its default means the network's own
value; a field that means nothing to the network is refused, so that no flag is silently idle.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import listed, require_choice
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
"""What batch norm does in training.

`published`: normalises by the batch's statistics and moves the moving ones, whichever domain the
batch is of; scale and offset stay as they were loaded.
`frozen`: normalises by the moving statistics, which stay as they are, too.
`per_domain`: as `published`, with moving statistics of its own for each domain.
"""

StridePlace = Literal["1x1", "3x3"]
"""Which convolution of a bottleneck strides: the first 1x1 (Caffe's and DeepLab's ResNet) or the
3x3 (torchvision's). Weights trained with one give worse features with the other."""

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


@dataclass(frozen=True)
class SegmenterConfig:
    """Which segmenter S, and what it is made of.

    Attributes:
        segmenter: the network's name.
        width: filters of the first level; 0 takes the network's own. Each level has twice those
            of the one above; `segnet` and `fcn8s`, like VGG-16, stop at eight times.
        depth: how often the resolution is halved; 0 takes the network's own.
        stage_convolutions: convolutions of each stage of `segnet`, the top one first; empty takes
            two in each of `depth` stages. The SegNet paper has (2, 2, 3, 3, 3).
        segnet_decoder: `mirrored` has the encoder's stages in reverse and plain logits;
            `darkfield` is the published darkfield network's, which clips its own logits
            (`models.segnet`).
        upsampling: `transposed` convolutions, or `resize`: interpolate, then convolve; `auto`
            takes the network's own.
        up_kernel: size of the kernels that upsample by 2; 0 takes 4 for `transposed`, 3 for
            `resize`.
        allow_checkerboard: allow transposed convolutions that cover pixels unevenly.
        backbone: the encoder of `deeplabv3plus`.
        backbone_weights: file of weights that the encoder starts from; None: random ones.
        blocks: bottlenecks in each stage of `deeplab_v2`: (3, 4, 23, 3) is a ResNet-101.
        multi_level: whether `deeplab_v2` classifies after its third stage, too.
        atrous_branches: how many of the four of an atrous classifier are summed; published
            AdaptSegNet weights were trained with 2.
        batch_norm: what batch norm of `deeplab_v2` does in training.
        stride_place: the convolution of a bottleneck that strides; `auto`, which a constructed
            configuration no longer says, is where `weights_source` had it.
        recompute: whether `deeplab_v2` computes its stages' activations again in the backward pass
            instead of keeping them.
        weights: published file that `deeplab_v2` or its VGG starts from; None: random weights.
        weights_source: what kind of file that is (`interop.sources`).
    """

    segmenter: SegmenterName = "unet"
    width: int = 0
    depth: int = 0
    stage_convolutions: tuple[int, ...] = ()
    segnet_decoder: SegNetDecoder = "mirrored"
    upsampling: Upsampling = "auto"
    up_kernel: int = 0
    allow_checkerboard: bool = False
    backbone: BackboneName = "resnet50_v2"
    backbone_weights: str | None = None
    blocks: tuple[int, ...] = ()
    multi_level: bool = True
    atrous_branches: int = 4
    batch_norm: BatchNormMode = "published"
    stride_place: StridePlace | Literal["auto"] = "auto"
    recompute: bool = False
    weights: str | None = None
    weights_source: WeightsSource = "exact"

    def __post_init__(self) -> None:
        require_choice("segmenter", self.segmenter, SegmenterName)
        require_choice("segnet_decoder", self.segnet_decoder, SegNetDecoder)
        require_choice("upsampling", self.upsampling, Upsampling)
        require_choice("backbone", self.backbone, BackboneName)
        require_choice("batch_norm", self.batch_norm, BatchNormMode)
        if self.stride_place == "auto" and self.segmenter == "deeplab_v2":
            place: StridePlace = "3x3" if self.weights_source == "torchvision_resnet" else "1x1"
            # A frozen dataclass has no other way to fill in what depends on another field.
            object.__setattr__(self, "stride_place", place)
        if self.stride_place != "auto":
            require_choice("stride_place", self.stride_place, StridePlace)
        require_choice("weights_source", self.weights_source, WeightsSource)
        for field in dataclasses.fields(self):
            users = _MEANT_FOR.get(field.name)
            value = getattr(self, field.name)
            shown = listed(value) if isinstance(value, tuple) else value
            if users and value != field.default and self.segmenter not in users:
                raise UserError(
                    f"--{field.name}={shown}: means nothing to --segmenter="
                    f"{self.segmenter}, only to {', '.join(users)}; leave it out"
                    f"{_overridden(field.name, field.default)}."
                )
        for name in ("width", "depth", "up_kernel"):
            if getattr(self, name) < 0:
                raise UserError(
                    f"--{name}={getattr(self, name)}: give more than 0, or 0 for the network's own."
                )
        self._check_stages()
        if self.blocks and (len(self.blocks) != 4 or min(self.blocks) < 1):
            raise UserError(
                f"--blocks={listed(self.blocks)}: give four numbers, the bottlenecks of each stage."
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
            raise UserError("--allow_checkerboard: --upsampling=resize prints none; leave it out.")
        if self.up_kernel and upsampling == "transposed":
            check_transposed_kernel(self.up_kernel, UP_STRIDE, self.allow_checkerboard)

    def _check_stages(self) -> None:
        stages = self.stage_convolutions
        if stages and min(stages) < 1:
            raise UserError(
                f"--stage_convolutions={listed(stages)}: give at least one convolution a stage."
            )
        if stages and self.depth not in (0, len(stages)):
            raise UserError(
                f"--stage_convolutions={listed(stages)}: has {len(stages)} stages, but "
                f"--depth={self.depth}; give either."
            )

    def resolved(self) -> "SegmenterConfig":
        """The same network with the values that 0, `auto` and () stand for, where it uses them."""
        upsampling: Upsampling
        match self.segmenter:
            case "unet":
                width, depth, upsampling = 32, 4, "resize"
            case "segnet":
                width, depth, upsampling = 64, len(self.stage_convolutions) or 3, "auto"
            case "fcn" | "strided_unet":
                width, depth, upsampling = 32, 4, "transposed"
            case "fcn8s":
                width, depth, upsampling = 64, 0, "transposed"
            case "deeplabv3plus":
                width, depth, upsampling = 0, 0, "resize"
            case "deeplab_v2" | "deeplab_v2_vgg":
                width, depth, upsampling = 64, 0, "auto"
        own = dataclasses.replace(
            self,
            width=self.width or width,
            depth=self.depth or depth,
            upsampling=upsampling if self.upsampling == "auto" else self.upsampling,
        )
        if self.segmenter == "segnet":
            stages = own.stage_convolutions or (2,) * own.depth
            return dataclasses.replace(own, stage_convolutions=stages)
        if self.segmenter == "deeplab_v2":
            return dataclasses.replace(own, blocks=own.blocks or (3, 4, 23, 3))
        if self.segmenter in _MEANT_FOR["up_kernel"]:
            kernel = own.up_kernel or (4 if own.upsampling == "transposed" else 3)
            return dataclasses.replace(own, up_kernel=kernel)
        return own

    def architecture(self) -> "SegmenterConfig":
        """What it takes to build the network again: `resolved`, less what only training needs."""
        return dataclasses.replace(
            self.resolved(),
            backbone_weights=None,
            recompute=False,
            weights=None,
            weights_source="exact",
        )

    @property
    def levels(self) -> int:
        """How many levels of its body the network classifies, each with a loss of its own."""
        return 2 if self.segmenter == "deeplab_v2" and self.multi_level else 1

    @property
    def stride(self) -> int:
        """Images are padded to multiples of this inside the network, or seen on such a grid."""
        if self.segmenter in ("deeplab_v2", "deeplab_v2_vgg"):
            return 8
        return 2 ** (self.resolved().depth or 5)


_MEANT_FOR: dict[str, tuple[SegmenterName, ...]] = {
    "width": (
        "unet",
        "segnet",
        "fcn",
        "strided_unet",
        "fcn8s",
        "deeplab_v2",
        "deeplab_v2_vgg",
    ),
    "depth": ("unet", "segnet", "fcn", "strided_unet"),
    "stage_convolutions": ("segnet",),
    "segnet_decoder": ("segnet",),
    "upsampling": ("unet", "fcn", "strided_unet", "fcn8s", "deeplabv3plus"),
    "up_kernel": ("fcn", "strided_unet"),
    "allow_checkerboard": ("fcn", "strided_unet"),
    "backbone": ("deeplabv3plus",),
    "backbone_weights": ("fcn8s", "deeplabv3plus"),
    "blocks": ("deeplab_v2",),
    "multi_level": ("deeplab_v2",),
    "atrous_branches": ("deeplab_v2", "deeplab_v2_vgg"),
    "batch_norm": ("deeplab_v2",),
    "stride_place": ("deeplab_v2",),
    "recompute": ("deeplab_v2",),
    "weights": ("deeplab_v2", "deeplab_v2_vgg"),
    "weights_source": ("deeplab_v2", "deeplab_v2_vgg"),
}


def _overridden(name: str, default: object) -> str:
    """How to undo a flagfile's flag, as part of a message."""
    if default is None:
        return ""
    if isinstance(default, bool):
        return f", or add --{'' if default else 'no'}{name}"
    return f", or add --{name}={listed(default) if isinstance(default, tuple) else default}"


def check_transposed_kernel(kernel: int, stride: int, allow_checkerboard: bool = False) -> None:
    """Refuses transposed convolutions that print a checkerboard (Odena et al. 2016, Distill).

    Each output pixel sums over the kernel's taps that fall on it. Only where the stride divides
    the kernel are they equally many for all pixels; otherwise even a constant map comes out as a
    pattern of the stride's period, which training has to work against.

    Raises:
        UserError: `kernel` is not a multiple of `stride`, and `allow_checkerboard` is not set.
    """
    if kernel % stride and not allow_checkerboard:
        counts = [len(range(offset, kernel, stride)) for offset in range(stride)]
        raise UserError(
            f"--up_kernel={kernel}: a transposed convolution of stride {stride} would print a "
            f"checkerboard, as {kernel} is not a multiple of {stride}: along an axis, pixels in "
            f"turn get {' and '.join(map(str, counts))} of its taps. Take a multiple of {stride}, "
            "--upsampling=resize, or --allow_checkerboard."
        )
