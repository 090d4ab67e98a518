"""Conversion between `Config` and flags as text, such as a flagfile."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from tfadvseg.config import Config
from tfadvseg.config.method import METHOD_OPTIONS
from tfadvseg.config.options import default_sections, idle_options, refuse_idle
from tfadvseg.config.resolve import resolve
from tfadvseg.data.sets.catalogue import with_own_shares
from tfadvseg.errors import UserError, of_target
from tfadvseg.files.model_spec import RUN_FLAGS
from tfadvseg.files.seals import is_whole
from tfadvseg.files.text import read_text
from tfadvseg.flags.kinds import text_of
from tfadvseg.flags.reading import with_flagfiles_read
from tfadvseg.flags.shipped import find_flagfile
from tfadvseg.flags.table import ALL_FLAGS, define

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
        "test_list",
        "colour_map",
        "annotations",
        "target_train_list",
        "target_val_list",
        "target_test_list",
        "target_colour_map",
        "target_annotations",
        "weights",
        "backbone_weights",
        "epochs",
        "checkpoint_every",
        "keep_checkpoints",
        "data_service",
        "export",
        "patience",
        "outlines",
        "spacing",
    )
)
"""Flags whose value may change when a run is continued.

None of them changes an update. Paths may change because the contents of files are compared, and
files that only the start of a run reads may be gone.
"""


def config_of(values: flags.FlagValues) -> Config:
    """The parsed flags as a `Config`.

    Raises:
        UserError: a value does not fit its flag.
    """
    sections: dict[str, dict[str, Any]] = {name: {} for name in default_sections(Config)}
    for option in ALL_FLAGS:
        sections[option.section][option.field] = values[option.name].value
    built = {
        name: _section(name, default, sections[name])
        for name, default in default_sections(Config).items()
    }
    # `Config` accepts what it fills in for methods without D, such as --lambda_adv=0.1; on a
    # command line that is a mistake.
    method = built["method"].method
    typed = [
        (option, values[option.name].value)
        for option in idle_options(ALL_FLAGS, method, METHOD_OPTIONS)
        if values[option.name].present and values[option.name].value != option.default
    ]
    refuse_idle(typed, method, METHOD_OPTIONS, built["method"].rules.without)
    return Config(**built)


def flags_text(config: Config) -> str:
    """`config` as a flagfile: one flag per line. Reading it gives `config` again."""
    values = _defined_flags()
    for option in ALL_FLAGS:
        values[option.name].value = config.value_of(option)
    return values.flags_into_string()


def flag_values(config: Config) -> dict[str, str | float | bool]:
    """The value of every flag of a run: numbers and booleans as such, others as text."""
    values = _defined_flags()
    found: dict[str, str | float | bool] = {}
    for option in ALL_FLAGS:
        value = config.value_of(option)
        plain = isinstance(value, (bool, int, float, str))
        found[option.name] = value if plain else text_of(values[option.name], value)
    return found


def read_flagfile(path: str | Path) -> Config:
    """The `Config` that the flagfile of a run describes, independent of the command line.

    Flags without effect for the method, which earlier versions accepted and recorded, are ignored.

    Args:
        path: path of the file, or the name of one that comes with the package.

    Raises:
        UserError: it does not exist or is not text, a line is not a flag of a run, or it is a run's
            and is empty or was changed later.
    """
    values = _defined_flags()
    path = find_flagfile(str(path))
    lines = with_flagfiles_read([f"--flagfile={path}"])
    if Path(path).name == RUN_FLAGS:
        _check_whole(path, lines)
    try:
        left = values(["train", *lines])
    except flags.Error as error:
        raise UserError(f"{path}: {error}") from None
    if len(left) > 1:
        raise UserError(f"{path}: {left[1]!r} is no flag; write one per line as --name=value.")
    for option in idle_options(ALL_FLAGS, str(values["method"].value), METHOD_OPTIONS):
        values[option.name].value = option.default
    config = config_of(values)
    if Path(path).name == RUN_FLAGS and not values["batch_norm_momentum"].present:
        return dataclasses.replace(config, segmenter=config.segmenter.of_earlier_runs())
    return config


def _check_whole(path: str | Path, lines: Sequence[str]) -> None:
    """Refuses the flags of a run where they are not what the run wrote.

    Args:
        path: of the file.
        lines: the flags in it.
    """
    if not lines:
        raise UserError(
            f"{path}: empty, so that nothing says what the run was trained on; write its flags "
            "into it, one per line, as they were given."
        )
    if not is_whole(read_text(path)):
        raise UserError(
            f"{path}: is not what the run wrote there: it differs from the checksum in its first "
            "line. Undo the edit, or remove that line to take the flags as they are."
        )


def config_of_arguments(arguments: Sequence[str], where: str) -> Config:
    """The `Config` that flags describe, `--flagfile` included, later ones overriding earlier ones.

    Args:
        arguments: one flag each, as on a command line.
        where: the place where they were written, with which errors begin.

    Raises:
        UserError: a flagfile cannot be read, or a flag is unknown or its value wrong.
    """
    values = _defined_flags()
    try:
        values(["train", *with_flagfiles_read(arguments)])
        return config_of(values)
    except (flags.Error, UserError) as error:
        raise UserError(f"{where}: {error}") from None


def differing_flags(old: Config, new: Config) -> list[str]:
    """Flags that keep `new` from continuing a run of `old`, with both values."""
    # Used values are compared: leaving a flag out equals giving the default of the network or of
    # the dataset.
    before, now = _used(old), _used(new)
    return [
        f"--{option.name} (was {_text(option.name, before.value_of(option))}, "
        f"now {_text(option.name, now.value_of(option))})"
        for option in ALL_FLAGS
        if before.value_of(option) != now.value_of(option) and option.name not in MAY_CHANGE
    ]


def _defined_flags() -> flags.FlagValues:
    """Every flag of a run, separate from those of the command line."""
    values = flags.FlagValues()
    define(ALL_FLAGS, values)
    return values


def _used(config: Config) -> Config:
    """The same run with the values that are used if flags are left out."""
    return dataclasses.replace(
        resolve(config),
        data=with_own_shares(config.data),
        target=with_own_shares(config.target),
    )


def _section(name: str, default: Any, fields: dict[str, Any]) -> Any:
    """A section of `Config`; errors name the flags of this section."""
    try:
        return dataclasses.replace(default, **fields)
    except UserError as error:
        if name == "target":
            raise of_target(error) from None
        # S's and D's optimizers are of one class, whose messages leave the prefix open.
        raise UserError(str(error).replace("--*_", f"--{name[0]}_")) from None


def _text(name: str, value: Any) -> str:
    """A flag's value as text, as on a command line."""
    return text_of(_defined_flags()[name], value)
