"""absl flags to and from `Config`. The only module that touches FLAGS; only scripts import it."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from absl import flags

from tfadvseg import config as c
from tfadvseg.config import Config, DataConfig
from tfadvseg.data.descriptors import CATALOGUE
from tfadvseg.errors import UserError

DATASET_NAMES = (*CATALOGUE, "folder")


@dataclass(frozen=True)
class _Flag:
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
class _Text:
    """A kind of flag that absl has no parser for: a string, and the two ways."""

    parse: Callable[[str], Any]
    format: Callable[[Any], str]
    form: str


def _list(item: Callable[[str], Any], form: str) -> _Text:
    return _Text(
        lambda text: tuple(item(part.strip()) for part in text.split(",") if part.strip()),
        lambda values: ",".join(map(str, values)),
        form,
    )


def _pairs(value: Callable[[str], Any], form: str, single_key: int | None = None) -> _Text:
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

    return _Text(
        lambda text: tuple(pair(part) for part in text.split(",") if part.strip()), text_of, form
    )


_SIZE = _list(int, "height,width")
_NAMES = _list(str, "name,name,...")
_VALUE_MAP = _pairs(int, "value:class,value:class,...")
_BY_EPOCH = _pairs(float, "value, or epoch:value,epoch:value,...", single_key=0)

_DATA_FLAGS = (
    _Flag(
        "dataset",
        "data",
        "What to train on: an embedded set, a TFDS builder, or folder.",
        DATASET_NAMES,
    ),
    _Flag(
        "data_dir", "data", "Folder of the raw files as downloaded. Embedded data needs none.", str
    ),
    _Flag(
        "train_split",
        "data",
        "TFDS slice to train on, such as train[:20]. Default: the dataset's own.",
        str,
    ),
    _Flag("val_split", "data", "TFDS slice to validate on. Default: the dataset's own.", str),
    _Flag("class_names", "data", "Names of the classes by id. For folder.", _NAMES),
    _Flag(
        "value_map",
        "data",
        "Class id of each value in label files, as in 0:0,255:1. For folder.",
        _VALUE_MAP,
    ),
    _Flag(
        "label_suffix",
        "data",
        "What label files have after the image's stem, such as _mask. For folder.",
        str,
    ),
    _Flag(
        "val_fraction",
        "data",
        "Share of the images that validates, drawn by --seed. For folder.",
        float,
    ),
    _Flag(
        "train_list",
        "data",
        "Text file of stems to train on, one a line; with --val_list. For folder.",
        str,
    ),
    _Flag("val_list", "data", "Text file of stems to validate on, one a line. For folder.", str),
    _Flag(
        "prepared_dir",
        "data",
        "Where TFDS keeps its prepared copies. Default: ~/tensorflow_datasets.",
        str,
    ),
)

_TRAIN_FLAGS = (
    _Flag(
        "output_dir",
        "run",
        "Where everything goes. The same command continues a run found there.",
        str,
    ),
    _Flag("seed", "run", "Of every random choice.", int),
    _Flag(
        "method", "method", "supervised: S alone. adversarial: S against D.", get_args(c.MethodName)
    ),
    _Flag(
        "schedule",
        "method",
        "joint: S and D in every step. alternating: a phase each, every epoch.",
        get_args(c.ScheduleName),
    ),
    _Flag(
        "lambda_adv",
        "method",
        "Weight of S's adversarial loss; by epoch, from 0, as in 0:0.1,3:1.0.",
        _BY_EPOCH,
    ),
    _Flag(
        "compare", "method", "Also train the standard network, S alone, on the same batches.", bool
    ),
    _Flag("epochs", "run", "Number of epochs. A finished run goes on if it is raised.", int),
    _Flag("steps_per_epoch", "run", "Updates of S an epoch.", int),
    _Flag("global_batch_size", "run", "Windows an update, over all replicas.", int),
    _Flag("crop_size", "data", "Size of a training window in pixels.", _SIZE),
    _Flag("augment", "data", "Any of rotate,flip,elastic,photometric; empty for none.", _NAMES),
    _Flag(
        "val_windows",
        "data",
        "Fixed windows to validate on after each epoch; 0: every image whole.",
        int,
    ),
    _Flag("segmenter", "segmenter", "The segmenter S.", get_args(c.SegmenterName)),
    _Flag("width", "segmenter", "Filters of S's first level; doubled at each pooling.", int),
    _Flag("depth", "segmenter", "Number of S's 2x2 poolings.", int),
    _Flag("s_optimizer", "s_optimizer", "S's update rule.", get_args(c.OptimizerName), "optimizer"),
    _Flag(
        "s_learning_rate", "s_optimizer", "S's learning rate, before decay.", float, "learning_rate"
    ),
    _Flag(
        "s_decay",
        "s_optimizer",
        "Inverse-time decay an update: rate / (1 + decay * updates).",
        float,
        "decay",
    ),
    _Flag(
        "discriminator",
        "discriminator",
        "The discriminator D: one logit a window (encoder) or a map of them (patch).",
        get_args(c.DiscriminatorName),
    ),
    _Flag("d_width", "discriminator", "Filters of D's first level; doubled at each halving.", int),
    _Flag("d_depth", "discriminator", "How often D halves the resolution.", int),
    _Flag(
        "d_image", "discriminator", "How D sees the image beside the map.", get_args(c.ImageInput)
    ),
    _Flag(
        "d_truth",
        "discriminator",
        "Form of labels for D: one_hot, or scaling: probabilities like S's own.",
        get_args(c.TruthForm),
    ),
    _Flag(
        "d_truth_tau",
        "discriminator",
        "Least probability of the true class under --d_truth=scaling.",
        float,
    ),
    _Flag("d_label_smoothing", "discriminator", "D's target for real maps is 1 minus this.", float),
    _Flag("d_spectral_norm", "discriminator", "Spectral normalisation of the patch D.", bool),
    _Flag("d_optimizer", "d_optimizer", "D's update rule.", get_args(c.OptimizerName), "optimizer"),
    _Flag(
        "d_learning_rate", "d_optimizer", "D's learning rate, before decay.", float, "learning_rate"
    ),
    _Flag("d_decay", "d_optimizer", "Inverse-time decay an update.", float, "decay"),
    _Flag(
        "checkpoint_every", "run", "Updates between checkpoints; 0: at the end of each epoch.", int
    ),
    _Flag("keep_checkpoints", "run", "How many checkpoints to keep.", int),
    _Flag(
        "precision",
        "run",
        "Of activations; auto takes what the device runs fast.",
        get_args(c.Precision),
    ),
    _Flag(
        "strategy",
        "run",
        "auto mirrors over the GPUs when there are several.",
        get_args(c.StrategyName),
    ),
    _Flag("xla", "run", "Compile the steps with XLA. For one GPU; slower on CPUs.", bool),
    _Flag(
        "deterministic", "run", "The same command on the same machine gives the same numbers.", bool
    ),
    _Flag("export", "run", "Write a SavedModel when training ends.", bool),
)

MAY_CHANGE = frozenset(
    (
        "output_dir",
        "data_dir",
        "prepared_dir",
        "epochs",
        "checkpoint_every",
        "keep_checkpoints",
        "export",
    )
)
"""Flags that a run may be continued with another value of: none changes what an update does."""


def define_data_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags that say which examples to read."""
    _define(_DATA_FLAGS, values)


def define_train_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines every flag of a training run."""
    _define(_DATA_FLAGS + _TRAIN_FLAGS, values)


def data_config_from_flags(values: flags.FlagValues = flags.FLAGS) -> DataConfig:
    """The parsed flags as a `DataConfig`; fields without a flag here keep their defaults.

    Raises:
        UserError: a value does not fit its flag.
    """
    return DataConfig(**{flag.attribute: _value(flag, values) for flag in _DATA_FLAGS})


def config_from_flags(values: flags.FlagValues = flags.FLAGS) -> Config:
    """The parsed flags as a `Config`.

    Raises:
        UserError: a value does not fit its flag.
    """
    sections: dict[str, dict[str, Any]] = {field.name: {} for field in dataclasses.fields(Config)}
    for flag in _DATA_FLAGS + _TRAIN_FLAGS:
        sections[flag.section][flag.attribute] = _value(flag, values)
    default = Config()
    return Config(
        **{
            name: dataclasses.replace(getattr(default, name), **fields)
            for name, fields in sections.items()
        }
    )


def flags_text(config: Config) -> str:
    """`config` as a flagfile: one flag a line. Feeding it back gives `config` again."""
    lines = [
        _line(flag, value) for flag, value in _flag_values(config).items() if value is not None
    ]
    return "\n".join(lines) + "\n"


def read_flagfile(path: str | Path) -> Config:
    """The `Config` that a flagfile describes, whatever the command line says.

    Raises:
        UserError: a line is not one of our flags.
    """
    values = flags.FlagValues()
    define_train_flags(values)
    lines = [line.strip() for line in Path(path).read_text().splitlines()]
    try:
        values(["train", *(line for line in lines if line and not line.startswith(("#", "//")))])
    except flags.Error as error:
        raise UserError(f"{path}: {error}") from None
    return config_from_flags(values)


def differing_flags(old: Config, new: Config) -> list[str]:
    """Flags that keep `new` from continuing a run of `old`, with both values."""
    before, now = _flag_values(old), _flag_values(new)
    return [
        f"--{flag.name} (was {_shown(flag, before[flag])}, now {_shown(flag, now[flag])})"
        for flag in before
        if before[flag] != now[flag] and flag.name not in MAY_CHANGE
    ]


def _define(table: Sequence[_Flag], values: flags.FlagValues) -> None:
    default = Config()
    for flag in table:
        value = getattr(getattr(default, flag.section), flag.attribute)
        match flag.kind:
            case tuple() as choices:
                flags.DEFINE_enum(flag.name, value, choices, flag.help, values)
            case _Text() as text:
                help_text = f"{flag.help} Form: {text.form}."
                flags.DEFINE_string(flag.name, text.format(value), help_text, values)
            case _ if flag.kind is bool:
                flags.DEFINE_boolean(flag.name, value, flag.help, values)
            case _ if flag.kind is int:
                flags.DEFINE_integer(flag.name, value, flag.help, flag_values=values)
            case _ if flag.kind is float:
                flags.DEFINE_float(flag.name, value, flag.help, flag_values=values)
            case _:
                flags.DEFINE_string(flag.name, value, flag.help, values)


def _value(flag: _Flag, values: flags.FlagValues) -> Any:
    value: Any = values[flag.name].value
    if not isinstance(flag.kind, _Text):
        return value
    try:
        return flag.kind.parse(value)
    except ValueError:
        raise UserError(f"--{flag.name}={value}: write it as {flag.kind.form}.") from None


def _flag_values(config: Config) -> dict[_Flag, Any]:
    return {
        flag: getattr(getattr(config, flag.section), flag.attribute)
        for flag in _DATA_FLAGS + _TRAIN_FLAGS
    }


def _line(flag: _Flag, value: Any) -> str:
    if flag.kind is bool:
        return f"--{flag.name}" if value else f"--no{flag.name}"
    return f"--{flag.name}={_shown(flag, value)}"


def _shown(flag: _Flag, value: Any) -> str:
    return flag.kind.format(value) if isinstance(flag.kind, _Text) else str(value)
