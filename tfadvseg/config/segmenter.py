"""Configuration of the segmenter S: which network, and its size. Imports no TensorFlow.

An option at its default takes the network's own value ; an option that the network
does not have is refused, so that none has silently no effect.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import listed
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


def _networks(*names: SegmenterName) -> dict[str, tuple[SegmenterName, ...]]:
    return {"segmenter": names}


_WITH_MOMENTUM: tuple[SegmenterName, ...] = ("unet", "deeplabv3plus")


@dataclass(frozen=True)
class SegmenterConfig:
    """Which segmenter S, and its architecture."""

    segmenter: SegmenterName = option("unet", "Segmenter S.")
    width: int = option(
        0,
        "Filters of S's first level, doubled at each halving of the resolution (segnet and fcn8s, "
        "like VGG-16, stop at eight times); 0 takes the network's own number.",
        only_for=_networks(
            "unet", "segnet", "fcn", "strided_unet", "fcn8s", "deeplab_v2", "deeplab_v2_vgg"
        ),
    )
    depth: int = option(
        0,
        "Number of times S halves the resolution; 0 takes the network's own number.",
        only_for=_networks("unet", "segnet", "fcn", "strided_unet"),
    )
    stage_convolutions: tuple[int, ...] = option(
        (),
        "Convolutions in each stage of segnet, the top one first; empty takes 2 in each of --depth "
        "stages. The paper's: 2,2,3,3,3.",
        only_for=_networks("segnet"),
    )
    segnet_decoder: SegNetDecoder = option(
        "mirrored",
        "Decoder of segnet. mirrored: the encoder's stages reversed, with plain logits. darkfield: "
        "the published darkfield network's, which clips its logits at 0.",
        only_for=_networks("segnet"),
    )
    upsampling: Upsampling = option(
        "auto",
        "Upsampling in S. transposed: transposed convolutions. resize: interpolate, then convolve. "
        "auto: the network's own.",
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
        "Allow an --up_kernel that covers pixels unevenly.",
        only_for=_networks("fcn", "strided_unet"),
    )
    backbone: BackboneName = option(
        "resnet50_v2",
        "Encoder of deeplabv3plus: one of KerasCV's ResNets.",
        only_for=_networks("deeplabv3plus"),
    )
    backbone_weights: str | None = option(
        None,
        "File of initial weights for the encoder of fcn8s or deeplabv3plus. Default: random ones.",
        only_for=_networks("fcn8s", "deeplabv3plus"),
    )
    blocks: tuple[int, ...] = option(
        (),
        "Bottlenecks in each stage of deeplab_v2; empty takes 3,4,23,3, a ResNet-101.",
        only_for=_networks("deeplab_v2"),
    )
    multi_level: bool = option(
        True, "Classify after the third stage of deeplab_v2, too.", only_for=_networks("deeplab_v2")
    )
    atrous_branches: int = option(
        4,
        "Branches summed by an atrous classifier, of its four; published AdaptSegNet weights were "
        "trained with 2.",
        only_for=_networks("deeplab_v2", "deeplab_v2_vgg"),
    )
    batch_norm: BatchNormMode = option(
        "published",
        "Batch norm of S in training. published: batch statistics (deeplab_v2: with fixed scale "
        "and offset). frozen: nothing moves. per_domain: as published, with separate moving "
        "statistics per domain.",
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
        "Convolution of a bottleneck that strides: 1x1 as in DeepLab, 3x3 as in torchvision; auto "
        "takes the place that --weights_source implies.",
        only_for=_networks("deeplab_v2"),
    )
    recompute: bool = option(
        False,
        "Recompute the activations of deeplab_v2's stages in the backward pass instead of keeping "
        "them: less memory, more time.",
        only_for=_networks("deeplab_v2"),
    )
    weights: str | None = option(
        None,
        "Published file of initial weights for deeplab_v2 or its VGG. Default: random ones.",
        only_for=_networks("deeplab_v2", "deeplab_v2_vgg"),
    )
    weights_source: WeightsSource = option(
        "exact",
        "Kind of file that --weights is, which decides what it may lack.",
        only_for=_networks("deeplab_v2", "deeplab_v2_vgg"),
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.stride_place == "auto" and self.segmenter == "deeplab_v2":
            place: StridePlace = "3x3" if self.weights_source == "torchvision_resnet" else "1x1"
            # A frozen dataclass has no other way to fill in what depends on another field.
            object.__setattr__(self, "stride_place", place)
        for name in ("width", "depth", "up_kernel"):
            if getattr(self, name) < 0:
                raise UserError(
                    f"--{name}={getattr(self, name)}: give more than 0, or 0 for the network's own."
                )
        if not 0 <= self.batch_norm_momentum < 1:
            raise UserError(
                f"--batch_norm_momentum={self.batch_norm_momentum}: must be at least 0 and below 1."
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
        if self.segmenter in ("fcn", "strided_unet"):
            kernel = own.up_kernel or (4 if own.upsampling == "transposed" else 3)
            return dataclasses.replace(own, up_kernel=kernel)
        return own

    def of_earlier_runs(self) -> "SegmenterConfig":
        """The same network as runs had it that do not record their batch norm's momentum."""
        if self.segmenter not in _WITH_MOMENTUM:
            return self
        return dataclasses.replace(self, batch_norm_momentum=0.99)

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
