"""Converts published PyTorch weights to a model for the other commands, and a run to such a file.

    tfadvseg convert --weights=GTA2Cityscapes_multi.pth --output_dir=runs/published
    tfadvseg evaluate --model=runs/published --dataset=cityscapes_semseg --data_dir=D
    tfadvseg convert --weights=segnet.pth --segmenter=segnet --output_dir=runs/published_segnet
    tfadvseg convert --model=runs/adapted --to=adapted.pth

Files are PyTorch's .pth (extra `torch`), .npz and .safetensors. Every other command takes
--output_dir as --model. Flags default to the published network: for deeplab_v2 (AdaptSegNet) a
ResNet-101 with two classifiers, the 19 classes of Cityscapes, and images of 512 x 1024 in the
channel order blue, green, red, with their mean subtracted; for segnet the network of the darkfield
project, with its 3 classes, images of 256 x 256 and its normalisation. --to writes the state_dict
of a run's network as the published code loads it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from absl import flags

from tfadvseg import cli
from tfadvseg.config import ChannelOrder, DataConfig
from tfadvseg.config.resolve import architecture
from tfadvseg.config.segmenter import SegmenterConfig, SegmenterName, StridePlace, WeightsSource
from tfadvseg.data.sets.catalogue import DATASETS, descriptor_of
from tfadvseg.errors import UserError
from tfadvseg.export.choices import Which
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.flags.command_line import define_network_flags
from tfadvseg.interop.sources import SOURCES
from tfadvseg.run.conversion import CONVERTIBLE, make_model, write_weights


@dataclass(frozen=True)
class Published:
    """Settings of a published network: the defaults of the flags."""

    weights_source: WeightsSource
    dataset: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channel_order: ChannelOrder
    size: tuple[int, int]
    atrous_branches: int


_ADAPTSEGNET = Published(
    weights_source="gta2cityscapes",
    dataset="cityscapes_semseg",
    mean=(122.67891434, 116.66876762, 104.00698793),
    std=(1.0, 1.0, 1.0),
    channel_order="bgr",
    size=(512, 1024),
    atrous_branches=2,
)
_DARKFIELD_SEGNET = Published(
    weights_source="exact",
    dataset="darkfield",
    mean=(40.8, 49.9545, 65.2545),
    std=(56.3295, 62.628, 64.515),
    channel_order="rgb",
    size=(256, 256),
    # It has none: the default of networks without branches.
    atrous_branches=SegmenterConfig.atrous_branches,
)
_PUBLISHED = {
    "deeplab_v2": _ADAPTSEGNET,
    "deeplab_v2_vgg": _ADAPTSEGNET,
    "segnet": _DARKFIELD_SEGNET,
}
"""By `--segmenter`."""

_WEIGHTS = flags.DEFINE_string("weights", None, "File of published weights.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder to write the model to.")
_WEIGHTS_SOURCE = flags.DEFINE_enum(
    "weights_source",
    None,
    # The others lack a classifier; they are initial weights for training.
    [name for name, source in SOURCES.items() if not source.fresh],
    "Kind of the file. gta2cityscapes (default of deeplab_v2 and deeplab_v2_vgg): exactly the "
    "network's weights, as published. gta2cityscapes_last_level: only the last of two levels, for "
    "--nomulti_level. exact (default of segnet): exactly its weights, with any --stride_place.",
)
_SEGMENTER = flags.DEFINE_enum("segmenter", "deeplab_v2", CONVERTIBLE, "Network of the weights.")
_WIDTH = flags.DEFINE_integer("width", 0, "Filters of the first convolution; 0 takes 64.")
_BLOCKS = flags.DEFINE_list(
    "blocks", [], "Bottlenecks in each stage of deeplab_v2; empty takes 3,4,23,3 (ResNet-101)."
)
_MULTI_LEVEL = flags.DEFINE_boolean(
    "multi_level", True, "Auxiliary classifier after the third stage of deeplab_v2."
)
_ATROUS_BRANCHES = flags.DEFINE_integer(
    "atrous_branches",
    None,
    "Number of branches, out of four, that an atrous classifier sums. Default: 2, as published.",
)
_STRIDE_PLACE = flags.DEFINE_enum(
    "stride_place",
    "auto",
    ("auto", *get_args(StridePlace)),
    "Convolution of a bottleneck that has the stride: 1x1 as in DeepLab, 3x3 as in torchvision; "
    "auto takes 1x1.",
)
_DATASET = flags.DEFINE_enum(
    "dataset",
    None,
    [name for name, dataset in DATASETS.items() if dataset.describe is not None],
    "Dataset whose classes and colours the model has. Default: cityscapes_semseg; for segnet "
    "darkfield.",
)
_MEAN = flags.DEFINE_list(
    "mean",
    None,
    "Mean per channel (red,green,blue) on the 0-255 scale, subtracted from images. Default: as "
    "published.",
)
_STD = flags.DEFINE_list(
    "std", None, "Divisor per channel, applied after that. Default: as published."
)
_CHANNEL_ORDER = flags.DEFINE_enum(
    "channel_order",
    None,
    get_args(ChannelOrder),
    "Channel order of the network's input. Default: bgr; for segnet rgb.",
)
_RESIZE = flags.DEFINE_list(
    "resize",
    None,
    "height,width to which images are resized before the network; predictions are resized back. "
    "Empty: images keep their size. Default: 512,1024; for segnet 256,256.",
)
_TO = flags.DEFINE_string("to", None, "File to write the weights of --model to.")
_MODEL = flags.DEFINE_string("model", None, "Run whose weights are written: its --output_dir.")
_NETWORK, _WHICH = define_network_flags()

_OF_RUNS = (_MODEL, _NETWORK, _WHICH)
_OF_FILES: tuple[flags.FlagHolder[Any], ...] = (
    _WEIGHTS,
    _OUTPUT_DIR,
    _WEIGHTS_SOURCE,
    _SEGMENTER,
    _WIDTH,
    _BLOCKS,
    _MULTI_LEVEL,
    _ATROUS_BRANCHES,
    _STRIDE_PLACE,
    _DATASET,
    _MEAN,
    _STD,
    _CHANNEL_ORDER,
    _RESIZE,
)


def main(argv: list[str]) -> None:
    del argv
    if _TO.value:
        _refuse(_OF_FILES, "are not for --to, which writes a run's weights as they are")
        _write(_TO.value)
    else:
        _refuse(_OF_RUNS, "are for --to=FILE, which writes a run's weights")
        _make()


def _make() -> None:
    weights, output = cli.required(_WEIGHTS), Path(cli.required(_OUTPUT_DIR))
    published = _PUBLISHED[_SEGMENTER.value]
    source = cast(WeightsSource, _given(_WEIGHTS_SOURCE, published.weights_source))
    spec = _spec(published)
    report = make_model(weights, source, spec, output)
    size = " x ".join(map(str, spec.resize)) if spec.resize else "any size"
    print(f"weights: {weights}, {report}")
    print(f"classes: the {spec.num_classes} of {spec.dataset}")
    print(f"images: {size}, mean {spec.mean}, std {spec.std}, then {spec.channel_order}")
    print(f"model: {output}")


def _write(file: str) -> None:
    run_dir = cli.required(_MODEL)
    cli.check_output_file("--to", Path(file))
    network, which = _NETWORK.value, cast(Which, _WHICH.value)
    write_weights(run_dir, network, which, file)
    print(f"weights: {file} ({network}, {which})")


def _spec(published: Published) -> ModelSpec:
    """The model as the flags describe it."""
    segmenter = SegmenterConfig(
        segmenter=cast(SegmenterName, _SEGMENTER.value),
        width=_WIDTH.value,
        segnet_decoder="darkfield" if _SEGMENTER.value == "segnet" else "mirrored",
        blocks=_numbers(_BLOCKS, int, ()),
        multi_level=_MULTI_LEVEL.value,
        atrous_branches=_given(_ATROUS_BRANCHES, published.atrous_branches),
        stride_place=cast(StridePlace, _STRIDE_PLACE.value),
    )
    descriptor = descriptor_of(_given(_DATASET, published.dataset))
    # Checks what training checks of these flags.
    images = DataConfig(
        resize=_numbers(_RESIZE, int, published.size),
        mean=_numbers(_MEAN, float, published.mean),
        std=_numbers(_STD, float, published.std),
        channel_order=cast(ChannelOrder, _given(_CHANNEL_ORDER, published.channel_order)),
    )
    channels = descriptor.image_channels
    if len(images.mean) != channels:
        raise UserError(
            f"--mean and --std: {len(images.mean)} numbers each, but images of {descriptor.name} "
            f"have {channels} channels."
        )
    if images.channel_order == "bgr" and channels != 3:
        raise UserError(f"--channel_order=bgr: images of {descriptor.name} are grey; give rgb.")
    return ModelSpec(
        segmenter=architecture(segmenter),
        class_names=descriptor.class_names,
        palette=descriptor.palette,
        image_channels=channels,
        mean=images.mean,
        std=images.std,
        foreground_class=descriptor.foreground_class,
        dataset=descriptor.name,
        crop_size=images.resize or published.size,
        channel_order=images.channel_order,
        resize=images.resize,
        darkfield_accuracy=descriptor.darkfield_accuracy,
    )


def _given(flag: flags.FlagHolder[Any], default: Any) -> Any:
    return default if flag.value is None else flag.value


def _numbers(
    flag: flags.FlagHolder[list[str] | None],
    kind: Callable[[str], Any],
    default: tuple[Any, ...],
) -> tuple[Any, ...]:
    if flag.value is None:
        return default
    try:
        return tuple(map(kind, flag.value))
    except ValueError:
        text = ",".join(flag.value)
        raise UserError(f"--{flag.name}={text}: write it as number,number,....") from None


def _refuse(holders: Sequence[flags.FlagHolder[Any]], reason: str) -> None:
    given = [f"--{flag.name}" for flag in holders if flag.present]
    if given:
        raise UserError(f"{', '.join(given)}: {reason}; leave out one or the other.")
