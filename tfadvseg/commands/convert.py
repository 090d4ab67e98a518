"""Turns a published PyTorch checkpoint into a model for the other commands, and a run into a file.

    tfadvseg convert --weights=GTA2Cityscapes_multi.pth --output_dir=runs/published
    tfadvseg evaluate --model=runs/published --dataset=cityscapes_semseg --data_dir=D
    tfadvseg convert --model=runs/adapted --to=adapted.pth

The files are PyTorch's .pth (extra `torch`), .npz and .safetensors. --output_dir can be given to
every other command as --model. The defaults are those of the published AdaptSegNet: a ResNet-101
classified on two levels, the 19 classes of Cityscapes, and images of 512 x 1024, in the order blue,
green, red, less their mean. --to writes the state_dict of a run's network, as that code loads it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast, get_args

from absl import flags

from tfadvseg import cli
from tfadvseg.config import ChannelOrder, DataConfig
from tfadvseg.config.segmenter import SegmenterConfig, SegmenterName, StridePlace, WeightsSource
from tfadvseg.data.sets.catalogue import DATASETS, descriptor_of
from tfadvseg.data.sets.cityscapes_semseg import CITYSCAPES
from tfadvseg.errors import UserError
from tfadvseg.export.choices import Network, Which
from tfadvseg.files import atomic, model_spec
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.flags.command_line import define_network_flags
from tfadvseg.interop.sources import SOURCES
from tfadvseg.interop.tensor_files import check_writable

_SEGMENTERS = ("deeplab_v2", "deeplab_v2_vgg")
_WINDOW = (512, 1024)
"""(height, width) that the published code trains on."""

_WEIGHTS = flags.DEFINE_string("weights", None, "The published file.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "The folder to make of it.")
_WEIGHTS_SOURCE = flags.DEFINE_enum(
    "weights_source",
    "gta2cityscapes",
    # Others lack a classifier: they are starts for training.
    [name for name, source in SOURCES.items() if not source.fresh],
    "What the file is. gta2cityscapes: exactly the network's weights, as published. "
    "gta2cityscapes_last_level: of two levels only the last, for --nomulti_level. exact: exactly "
    "its weights, wherever these stride.",
)
_SEGMENTER = flags.DEFINE_enum("segmenter", "deeplab_v2", _SEGMENTERS, "Its network.")
_WIDTH = flags.DEFINE_integer("width", 0, "Filters of its first convolution; 0: 64.")
_BLOCKS = flags.DEFINE_list(
    "blocks", [], "Bottlenecks in each stage of deeplab_v2; empty: 3,4,23,3, a ResNet-101."
)
_MULTI_LEVEL = flags.DEFINE_boolean(
    "multi_level", True, "deeplab_v2 classifies after its third stage, too."
)
_ATROUS_BRANCHES = flags.DEFINE_integer(
    "atrous_branches",
    2,
    "How many of an atrous classifier's four branches are summed; published weights: 2.",
)
_STRIDE_PLACE = flags.DEFINE_enum(
    "stride_place",
    "auto",
    ("auto", *get_args(StridePlace)),
    "Convolution of a bottleneck that strides: 1x1 as DeepLab, 3x3 as torchvision; auto: 1x1.",
)
_DATASET = flags.DEFINE_enum(
    "dataset",
    CITYSCAPES.name,
    [name for name, dataset in DATASETS.items() if dataset.describe is not None],
    "Whose classes and colours the model has.",
)
_MEAN = flags.DEFINE_list(
    "mean",
    ["122.67891434", "116.66876762", "104.00698793"],
    "Of each channel (red,green,blue), subtracted from 0-255.",
)
_STD = flags.DEFINE_list("std", ["1", "1", "1"], "What each channel is then divided by.")
_CHANNEL_ORDER = flags.DEFINE_enum(
    "channel_order",
    "bgr",
    get_args(ChannelOrder),
    "In which the network sees the channels of colour images, after that.",
)
_RESIZE = flags.DEFINE_list(
    "resize",
    [str(pixels) for pixels in _WINDOW],
    "height,width that images are brought to before the network, and its answers back from; empty: "
    "it takes images as they are.",
)
_TO = flags.DEFINE_string("to", None, "The file to write weights of --model to.")
_MODEL = flags.DEFINE_string("model", None, "The run whose weights to write: its --output_dir.")
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
        _write_weights(_TO.value)
    else:
        _refuse(_OF_RUNS, "are for --to=FILE, which writes a run's weights")
        _make_model()


def _make_model() -> None:
    """Makes of a published file what the other scripts look for in a run."""
    weights, output = cli.required(_WEIGHTS), Path(cli.required(_OUTPUT_DIR))
    spec = _spec()
    if output.exists():
        raise UserError(f"--output_dir={output}: exists already; give another.")
    if not Path(weights).is_file():
        raise UserError(f"--weights={weights}: no such file.")
    # Only now, so that what is wrong with the flags is said at once.
    import tensorflow as tf

    from tfadvseg.files.checkpoints import save_checkpoint
    from tfadvseg.interop.weights import initialise
    from tfadvseg.models.segmenters import build_segmenter

    model = build_segmenter(spec.segmenter, spec.num_classes, spec.image_channels)
    report = initialise(model, weights, SOURCES[cast(WeightsSource, _WEIGHTS_SOURCE.value)])
    with atomic.new_folder(output) as folder:
        (folder / model_spec.FILE_NAME).write_text(spec.to_json())
        save_checkpoint(
            tf.train.Checkpoint(model=model), folder / "best", update=0, keep=1, prefix="segmenter"
        )
    size = " x ".join(map(str, spec.resize)) if spec.resize else "any size"
    print(f"weights: {weights}, {report}")
    print(f"classes: the {spec.num_classes} of {spec.dataset}")
    print(f"images: {size}, mean {spec.mean}, std {spec.std}, then {spec.channel_order}")
    print(f"model: {output}")


def _write_weights(file: str) -> None:
    run_dir = cli.required(_MODEL)
    check_writable(file)
    cli.check_output_file("--to", Path(file))
    network, which = cast(Network, _NETWORK.value), cast(Which, _WHICH.value)
    segmenter_name = ModelSpec.load(run_dir).segmenter.segmenter
    if segmenter_name not in _SEGMENTERS:
        raise UserError(
            f"--model={run_dir}: is a {segmenter_name}; only {' and '.join(_SEGMENTERS)} can be "
            "written."
        )
    from tfadvseg.export.run_model import load_run_segmenter
    from tfadvseg.interop.weights import save

    segmenter, _ = load_run_segmenter(run_dir, network, which)
    save(segmenter, file)
    print(f"weights: {file} ({network}, {which})")


def _spec() -> ModelSpec:
    """The model as the flags describe it."""
    segmenter = SegmenterConfig(
        segmenter=cast(SegmenterName, _SEGMENTER.value),
        width=_WIDTH.value,
        blocks=_numbers(_BLOCKS, int),
        multi_level=_MULTI_LEVEL.value,
        atrous_branches=_ATROUS_BRANCHES.value,
        stride_place=cast(StridePlace, _STRIDE_PLACE.value),
    )
    descriptor = descriptor_of(_DATASET.value)
    # Checks what training checks of these flags.
    images = DataConfig(
        resize=_numbers(_RESIZE, int),
        mean=_numbers(_MEAN, float),
        std=_numbers(_STD, float),
        channel_order=cast(ChannelOrder, _CHANNEL_ORDER.value),
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
        segmenter=segmenter.architecture(),
        class_names=descriptor.class_names,
        palette=descriptor.palette,
        image_channels=channels,
        mean=images.mean,
        std=images.std,
        foreground_class=descriptor.foreground_class,
        dataset=descriptor.name,
        crop_size=images.resize or _WINDOW,
        channel_order=images.channel_order,
        resize=images.resize,
        darkfield_accuracy=descriptor.darkfield_accuracy,
    )


def _numbers(flag: flags.FlagHolder[list[str]], kind: Callable[[str], Any]) -> tuple[Any, ...]:
    try:
        return tuple(map(kind, flag.value))
    except ValueError:
        text = ",".join(flag.value)
        raise UserError(f"--{flag.name}={text}: write it as number,number,....") from None


def _refuse(holders: Sequence[flags.FlagHolder[Any]], reason: str) -> None:
    given = [f"--{flag.name}" for flag in holders if flag.present]
    if given:
        raise UserError(f"{', '.join(given)}: {reason}; leave out one or the other.")
