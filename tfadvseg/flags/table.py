"""Every flag of a run, derived from the options of `Config`."""

from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from absl import flags

from tfadvseg.config import Config
from tfadvseg.config.methods import METHOD_RULES
from tfadvseg.config.options import Option, options_of
from tfadvseg.data.sets.catalogue import DATASETS, known_dataset, takers_text
from tfadvseg.flags.kinds import BareFlag, kind_of

DATASET_NAMES = tuple(
    f"{name}:NAME" if dataset.takes_name else name for name, dataset in DATASETS.items()
)

ALL_FLAGS: tuple[Option, ...] = options_of(Config)
"""Every option of a run, in the order of `Config`."""

DATA_FLAGS = tuple(
    option for option in ALL_FLAGS if option.section == "data" and option.scope == "examples"
)
"""The options that say which examples to read."""


def define(options: Iterable[Option], values: flags.FlagValues) -> None:
    """Defines the flags of options, with the configuration's own defaults."""
    for option in options:
        name, default, text = option.name, option.default, option.help
        if option.section == "data" and (takers := takers_text(option.name)):
            text = f"{text} {takers}"
        type_ = _type_of(option)
        if option.name == "dataset":
            names = DatasetParser([*DATASET_NAMES])
            text = f"<{'|'.join(DATASET_NAMES)}>: {text}"
            flags.DEFINE(names, name, default, text, values, flags.ArgumentSerializer())
        elif kind := kind_of(type_, option.form):
            parser, serializer = kind
            text = f"{text} Form: {parser.syntactic_help}."
            if option.bare is None:
                flags.DEFINE(parser, name, default, text, values, serializer)
            else:
                flag = BareFlag(parser, serializer, name, default, text, option.bare)
                flags.DEFINE_flag(flag, values)
        elif get_origin(type_) is Literal:
            flags.DEFINE_enum(name, default, get_args(type_), text, values)
        elif type_ is bool:
            flags.DEFINE_boolean(name, default, text, values)
        elif type_ is int:
            flags.DEFINE_integer(name, default, text, flag_values=values)
        elif type_ is float:
            flags.DEFINE_float(name, default, text, flag_values=values)
        else:
            assert type_ is str, f"{name}: no kind of flag for {type_}"
            flags.DEFINE_string(name, default, text, values)


class DatasetParser(flags.EnumParser):
    """Takes the name of a dataset, with what follows its colon (`tfds:NAME`)."""

    def parse(self, argument: str) -> str:
        # Which there are is for the data to say.
        return argument if known_dataset(argument) else super().parse(argument)


def _type_of(option: Option) -> Any:
    """The type of an option's value where it is given."""
    if option.name == "method":
        return Literal[tuple(METHOD_RULES)]
    kinds = [kind for kind in get_args(option.type) if kind is not type(None)]
    return kinds[0] if type(None) in get_args(option.type) else option.type
