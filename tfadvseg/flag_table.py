"""Every flag of a run: its name, the field of `Config` that it is, its help and its form."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from tfadvseg import config as c
from tfadvseg import segmenter_config as sc
from tfadvseg.data.descriptors import CATALOGUE

DATASET_NAMES = (*CATALOGUE, "folder")


@dataclass(frozen=True)
class Flag:
    """One flag, and the field of `Config` that it is.

    Attributes:
        name: what users type.
        section: the field of `Config`.
        help: what `--helpfull` says.
        kind: how its text is read and written; an enum's choices where it is a tuple.
        field: the field's name within its section, where it is not the flag's.
    """

    name: str
    section: str
    help: str
    kind: Any
    field: str = ""

    @property
    def attribute(self) -> str:
        return self.field or self.name


@dataclass(frozen=True)
class Text:
    """A kind of flag that absl has no parser for: a string, and the two ways."""

    parse: Callable[[str], Any]
    format: Callable[[Any], str]
    form: str


def _list(item: Callable[[str], Any], form: str) -> Text:
    return Text(
        lambda text: tuple(item(part.strip()) for part in text.split(",") if part.strip()),
        lambda values: ",".join(map(str, values)),
        form,
    )


def _pairs(value: Callable[[str], Any], form: str, single_key: int | None = None) -> Text:
    """`key:value,...`; a bare value means `single_key:value` where that is given."""

    def pair(text: str) -> tuple[int, Any]:
        if ":" not in text and single_key is not None:
            return single_key, value(text)
        left, right = text.split(":")
        return int(left), value(right)

    def text_of(pairs: Sequence[tuple[int, Any]]) -> str:
        if single_key is not None and [key for key, _ in pairs] == [single_key]:
            return str(pairs[0][1])
        return ",".join(f"{left}:{right}" for left, right in pairs)

    return Text(
        lambda text: tuple(pair(part) for part in text.split(",") if part.strip()), text_of, form
    )


_SIZE = _list(int, "height,width")
_COUNTS = _list(int, "number,number,...")
_NAMES = _list(str, "name,name,...")
_VALUE_MAP = _pairs(int, "value:class,value:class,...")
_BY_EPOCH = _pairs(float, "value, or epoch:value,epoch:value,...", single_key=0)

DATA_FLAGS = (
    Flag(
        "dataset",
        "data",
        "What to train on: an embedded set, a TFDS builder, or folder.",
        DATASET_NAMES,
    ),
    Flag(
        "data_dir", "data", "Folder of the raw files as downloaded. Embedded data needs none.", str
    ),
    Flag(
        "train_split",
        "data",
        "TFDS slice to train on, such as train[:20]. Default: the dataset's own.",
        str,
    ),
    Flag("val_split", "data", "TFDS slice to validate on. Default: the dataset's own.", str),
    Flag(
        "val_fraction",
        "data",
        "Share of the images that validates. Of folder (default 0.2) and darkfield (0.1), drawn by "
        "--seed; of camvid, stretches of train (default: val validates, or 0.2 without it).",
        float,
    ),
    Flag(
        "test_fraction",
        "data",
        "Share of the images that is kept for testing, drawn by --seed. For darkfield (default "
        "0.1).",
        float,
    ),
    Flag(
        "void_as_class",
        "data",
        "Count void as a twelfth class instead of ignoring it. For camvid.",
        bool,
    ),
    Flag("class_names", "data", "Names of the classes by id. For folder.", _NAMES),
    Flag(
        "value_map",
        "data",
        "Class id of each value in label files, as in 0:0,255:1. For folder.",
        _VALUE_MAP,
    ),
    Flag(
        "label_suffix",
        "data",
        "What label files have after the image's stem, such as _mask. For folder.",
        str,
    ),
    Flag(
        "train_list",
        "data",
        "Text file of stems to train on, one a line; with --val_list. For folder.",
        str,
    ),
    Flag("val_list", "data", "Text file of stems to validate on, one a line. For folder.", str),
    Flag(
        "prepared_dir",
        "data",
        "Where TFDS keeps its prepared copies. Default: ~/tensorflow_datasets.",
        str,
    ),
)

TRAIN_FLAGS = (
    Flag(
        "output_dir",
        "run",
        "Where everything goes. The same command continues a run found there.",
        str,
    ),
    Flag("seed", "run", "Of every random choice.", int),
    Flag(
        "method", "method", "supervised: S alone. adversarial: S against D.", get_args(c.MethodName)
    ),
    Flag(
        "schedule",
        "method",
        "joint: S and D in every step. alternating: a phase each, every epoch.",
        get_args(c.ScheduleName),
    ),
    Flag(
        "lambda_adv",
        "method",
        "Weight of S's adversarial loss; by epoch, from 0, as in 0:0.1,3:1.0.",
        _BY_EPOCH,
    ),
    Flag(
        "compare", "method", "Also train the standard network, S alone, on the same batches.", bool
    ),
    Flag("epochs", "run", "Number of epochs. A finished run goes on if it is raised.", int),
    Flag("steps_per_epoch", "run", "Updates of S an epoch.", int),
    Flag("global_batch_size", "run", "Windows an update, over all replicas.", int),
    Flag("crop_size", "data", "Size of a training window in pixels.", _SIZE),
    Flag("augment", "data", "Any of rotate,flip,elastic,photometric; empty for none.", _NAMES),
    Flag(
        "val_windows",
        "data",
        "Fixed windows to validate on after each epoch; 0: every image whole.",
        int,
    ),
    Flag("segmenter", "segmenter", "The segmenter S.", get_args(sc.SegmenterName)),
    Flag(
        "width",
        "segmenter",
        "Filters of S's first level, doubled at each halving of the resolution; 0: its own.",
        int,
    ),
    Flag("depth", "segmenter", "How often S halves the resolution; 0: its own.", int),
    Flag(
        "stage_convolutions",
        "segmenter",
        "Convolutions of each stage of segnet; empty: two each. The paper's: 2,2,3,3,3.",
        _COUNTS,
    ),
    Flag(
        "segnet_decoder",
        "segmenter",
        "mirrored: plain logits. darkfield: as published, which clips its logits at 0.",
        get_args(sc.SegNetDecoder),
    ),
    Flag(
        "upsampling",
        "segmenter",
        "transposed: transposed convolutions. resize: interpolate, then convolve.",
        get_args(sc.Upsampling),
    ),
    Flag(
        "up_kernel",
        "segmenter",
        "Kernel of each upsampling by 2 of fcn and strided_unet; 0: 4, or 3 with resize.",
        int,
    ),
    Flag(
        "allow_checkerboard",
        "segmenter",
        "Allow an --up_kernel that covers pixels unevenly.",
        bool,
    ),
    Flag("backbone", "segmenter", "Encoder of deeplabv3plus.", get_args(sc.BackboneName)),
    Flag(
        "backbone_weights",
        "segmenter",
        "File of weights that the encoder of fcn8s or deeplabv3plus starts from.",
        str,
    ),
    Flag("s_optimizer", "s_optimizer", "S's update rule.", get_args(c.OptimizerName), "optimizer"),
    Flag(
        "s_learning_rate", "s_optimizer", "S's learning rate, before decay.", float, "learning_rate"
    ),
    Flag(
        "s_decay",
        "s_optimizer",
        "Inverse-time decay an update: rate / (1 + decay * updates).",
        float,
        "decay",
    ),
    Flag(
        "discriminator",
        "discriminator",
        "The discriminator D: one logit a window (encoder) or a map of them (patch).",
        get_args(c.DiscriminatorName),
    ),
    Flag("d_width", "discriminator", "Filters of D's first level; doubled at each halving.", int),
    Flag("d_depth", "discriminator", "How often D halves the resolution.", int),
    Flag(
        "d_image", "discriminator", "How D sees the image beside the map.", get_args(c.ImageInput)
    ),
    Flag(
        "d_truth",
        "discriminator",
        "Form of labels for D: one_hot, or scaling: probabilities like S's own.",
        get_args(c.TruthForm),
    ),
    Flag(
        "d_truth_tau",
        "discriminator",
        "Least probability of the true class under --d_truth=scaling.",
        float,
    ),
    Flag("d_label_smoothing", "discriminator", "D's target for real maps is 1 minus this.", float),
    Flag("d_spectral_norm", "discriminator", "Spectral normalisation of the patch D.", bool),
    Flag("d_optimizer", "d_optimizer", "D's update rule.", get_args(c.OptimizerName), "optimizer"),
    Flag(
        "d_learning_rate", "d_optimizer", "D's learning rate, before decay.", float, "learning_rate"
    ),
    Flag("d_decay", "d_optimizer", "Inverse-time decay an update.", float, "decay"),
    Flag(
        "checkpoint_every", "run", "Updates between checkpoints; 0: at the end of each epoch.", int
    ),
    Flag("keep_checkpoints", "run", "How many checkpoints to keep.", int),
    Flag(
        "precision",
        "run",
        "Of activations; auto takes what the device runs fast.",
        get_args(c.Precision),
    ),
    Flag(
        "strategy",
        "run",
        "auto mirrors over the GPUs when there are several.",
        get_args(c.StrategyName),
    ),
    Flag("xla", "run", "Compile the steps with XLA. For one GPU; slower on CPUs.", bool),
    Flag(
        "deterministic", "run", "The same command on the same machine gives the same numbers.", bool
    ),
    Flag("export", "run", "Write a SavedModel when training ends.", bool),
)
