"""Kinds of published weight files: how their names differ and what may be missing or extra."""

from dataclasses import dataclass

from tfadvseg.config.segmenter import StridePlace, WeightsSource


@dataclass(frozen=True)
class Source:
    """A kind of published file, and the only ways in which it may differ from one of our networks.

    Names are matched from the front, up to a dot or completely.

    Attributes:
        name: for messages.
        prefix: added in front of every name in the file.
        renames: ((name in the file, without `prefix`; name in our network), ...).
        unused: entries of the file that our network lacks; they are ignored.
        fresh: entries of our network that the file lacks; they keep their initial values.
        stride_place: the convolution in which bottlenecks strided when the weights were trained.
        expects: format of the images used in training.
    """

    name: str
    prefix: str = ""
    renames: tuple[tuple[str, str], ...] = ()
    unused: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    stride_place: StridePlace | None = None
    expects: str = ""


_BGR = "BGR on 0-255 minus (104.00698793, 116.66876762, 122.67891434)"
_RGB = "RGB on 0-1 minus (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225)"

DEEPLAB_INIT = Source(
    name="DeepLab_resnet_pretrained_init",
    prefix="Scale.",
    # Its only classifier, for 21 classes on stage 4.
    unused=("layer5",),
    fresh=("layer5", "layer6"),
    stride_place="1x1",
    expects=_BGR,
)
"""`DeepLab_resnet_pretrained_init-f81d91e8.pth`, the initial weights of AdaptSegNet's training."""

GTA2CITYSCAPES = Source(name="GTA2Cityscapes_multi", stride_place="1x1", expects=_BGR)
"""`GTA2Cityscapes_multi-ed35151c.pth`, for a network with two levels; nothing may differ."""

GTA2CITYSCAPES_LAST_LEVEL = Source(
    name="the last level of GTA2Cityscapes_multi",
    renames=(("layer6", "layer5"),),
    unused=("layer5",),
    stride_place="1x1",
    expects=_BGR,
)
"""The same file, or a single-level one of that code, for a network with one level."""

TORCHVISION_RESNET = Source(
    name="torchvision's ResNet",
    unused=("fc",),
    fresh=("layer5", "layer6"),
    stride_place="3x3",
    expects=_RGB,
)
"""torchvision's `resnet50-*.pth`, `resnet101-*.pth`: ImageNet, strides in the 3x3."""

TORCHVISION_VGG16 = Source(
    name="torchvision's VGG-16",
    # Our body has no fourth pooling, so the index of everything behind it is one less.
    renames=tuple((f"features.{i + 1}", f"features.{i}") for i in (23, 25, 27)),
    unused=("classifier",),
    fresh=("features.29", "features.31", "classifier"),
    expects=_RGB,
)
"""torchvision's `vgg16-*.pth`. VGG-16 converted from Caffe has the same names and expects BGR."""

EXACT = Source(name="a file of exactly its weights")
"""Nothing may be missing or extra."""

SOURCES: dict[WeightsSource, Source] = {
    "exact": EXACT,
    "deeplab_init": DEEPLAB_INIT,
    "gta2cityscapes": GTA2CITYSCAPES,
    "gta2cityscapes_last_level": GTA2CITYSCAPES_LAST_LEVEL,
    "torchvision_resnet": TORCHVISION_RESNET,
    "torchvision_vgg16": TORCHVISION_VGG16,
}
"""Sources by the value of `--weights_source`."""
