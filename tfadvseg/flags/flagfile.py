"""`Config` to and from flags as text, such as a flagfile; the command line's are `flags`'."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from tfadvseg.config import Config
from tfadvseg.errors import UserError, of_target
from tfadvseg.flags.kinds import Text
from tfadvseg.flags.table import DATA_FLAGS, TARGET_FLAGS, TRAIN_FLAGS, Flag

ALL_FLAGS = DATA_FLAGS + TARGET_FLAGS + TRAIN_FLAGS

MAY_CHANGE = frozenset(
    (
        "output_dir",
        "data_dir",
        "target_data_dir",
        "prepared_dir",
        "target_prepared_dir",
        "beam_options",
        "target_beam_options",
        "train_list",
        "val_list",
        "target_train_list",
        "target_val_list",
        "weights",
        "backbone_weights",
        "epochs",
        "checkpoint_every",
        "keep_checkpoints",
        "export",
        "patience",
    )
)
"""Flags that a run may be continued with another value of.

None changes what an update does: where files lie may change, as what they hold is compared, and
what only a run's start reads may be gone.
"""


def define(table: Sequence[Flag], values: flags.FlagValues) -> None:
    """Defines the flags of a table, with the configuration's own defaults."""
    default = _default_sections()
    for flag in table:
        value = getattr(default[flag.section], flag.attribute)
        match flag.kind:
            case tuple() as choices:
                flags.DEFINE_enum(flag.name, value, choices, flag.help, values)
            case Text() as text:
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


def config_of(values: flags.FlagValues) -> Config:
    """The parsed flags as a `Config`.

    Raises:
        UserError: a value does not fit its flag.
    """
    sections: dict[str, dict[str, Any]] = {field.name: {} for field in dataclasses.fields(Config)}
    for flag in ALL_FLAGS:
        sections[flag.section][flag.attribute] = value_of(flag, values)
    default = _default_sections()
    return Config(
        **{name: _section(name, default[name], fields) for name, fields in sections.items()}
    )


def value_of(flag: Flag, values: flags.FlagValues) -> Any:
    """What a parsed flag says, as its field of the configuration.

    Raises:
        UserError: it does not fit.
    """
    value: Any = values[flag.name].value
    return parsed(flag.name, flag.kind, value) if isinstance(flag.kind, Text) else value


def parsed(name: str, kind: Text, text: str) -> Any:
    """What the text of the flag `name` means.

    Raises:
        UserError: it is of another form.
    """
    try:
        return kind.parse(text)
    except ValueError:
        raise UserError(f"--{name}={text}: write it as {kind.form}.") from None


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
    define(ALL_FLAGS, values)
    lines = [line.strip() for line in Path(path).read_text().splitlines()]
    try:
        values(["train", *(line for line in lines if line and not line.startswith(("#", "//")))])
    except flags.Error as error:
        raise UserError(f"{path}: {error}") from None
    return config_of(values)


def differing_flags(old: Config, new: Config) -> list[str]:
    """Flags that keep `new` from continuing a run of `old`, with both values."""
    # By what they stand for: leaving a flag out is the same as giving the network's own value, or
    # the dataset's.
    before, now = (_flag_values(config.resolved()) for config in (old, new))
    return [
        f"--{flag.name} (was {_shown(flag, before[flag])}, now {_shown(flag, now[flag])})"
        for flag in before
        if before[flag] != now[flag] and flag.name not in MAY_CHANGE
    ]


def _section(name: str, default: Any, fields: dict[str, Any]) -> Any:
    """A section of `Config`; what is wrong with it is told by the flags of that very section."""
    try:
        return dataclasses.replace(default, **fields)
    except UserError as error:
        if name == "target":
            raise of_target(error) from None
        # Two sections are of one class, whose messages leave the prefix open.
        raise UserError(str(error).replace("--*_", f"--{name[0]}_")) from None


def _default_sections() -> dict[str, Any]:
    """Sections as they are by default, before a whole `Config` fills in what they leave to it."""
    made = {}
    for field in dataclasses.fields(Config):
        assert callable(field.default_factory)
        made[field.name] = field.default_factory()
    return made


def _flag_values(config: Config) -> dict[Flag, Any]:
    return {flag: getattr(getattr(config, flag.section), flag.attribute) for flag in ALL_FLAGS}


def _line(flag: Flag, value: Any) -> str:
    if flag.kind is bool:
        return f"--{flag.name}" if value else f"--no{flag.name}"
    return f"--{flag.name}={_shown(flag, value)}"


def _shown(flag: Flag, value: Any) -> str:
    return flag.kind.format(value) if isinstance(flag.kind, Text) else str(value)
