"""Flags of the command line as `Config`. Only commands import this module."""

from typing import Any, get_args

from absl import flags

from tfadvseg.config import Config, DataConfig, check_spacing, check_test_scales
from tfadvseg.evaluation.whole_images import TILE
from tfadvseg.export.choices import Network, Which
from tfadvseg.flags.flagfile import config_of
from tfadvseg.flags.kinds import kind_of
from tfadvseg.flags.table import ALL_FLAGS, DATA_FLAGS, define


def define_data_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags that select the examples to read."""
    define(DATA_FLAGS, values)


def define_train_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines every flag of a training run."""
    define(ALL_FLAGS, values)


def define_network_flags(
    default: tuple[Network, Which] | None = ("segmenter", "best"),
) -> tuple[flags.FlagHolder, flags.FlagHolder]:
    """Defines `--network` and `--which`, which select weights of a run.

    Args:
        default: default of both; None if the model need not be a run, to which they apply.
    """
    network, which = default or (None, None)
    return (
        flags.DEFINE_string(
            "network",
            network,
            "Network of a run: segmenter, or one trained by --compare, by its name there; "
            "standard if --compare was given without a value."
            + ("" if default else " Default: segmenter."),
        ),
        flags.DEFINE_enum(
            "which",
            which,
            get_args(Which),
            "Checkpoint of a run: best by the validation metric, or latest."
            + ("" if default else " Default: best."),
        ),
    )


def define_test_scales_flag() -> flags.FlagHolder[tuple[float, ...] | None]:
    """Defines `--test_scales` for commands that take a run, whose own value is the default."""
    return _define_numbers(
        "test_scales",
        "Scales of an image over which predictions are averaged. Default: the run's.",
    )


def define_spacing_flag() -> flags.FlagHolder[tuple[float, ...] | None]:
    """Defines `--spacing` for commands that take a run, whose own value is the default."""
    return _define_numbers(
        "spacing", "Height and width of a pixel in the unit of distances. Default: the run's."
    )


def _define_numbers(name: str, meaning: str) -> flags.FlagHolder[tuple[float, ...] | None]:
    kind = kind_of(tuple[float, ...])
    assert kind is not None
    parser, serializer = kind
    text = f"{meaning} Form: {parser.syntactic_help}."
    return flags.DEFINE(parser, name, None, text, serializer=serializer)


def define_tile_flag() -> flags.FlagHolder[int]:
    """Defines `--tile` for commands that predict whole images."""
    return flags.DEFINE_integer(
        "tile",
        TILE,
        "Side of a tile in pixels. Larger images are predicted in overlapping tiles. A smaller "
        f"tile needs less memory; below {TILE}, the field of view of a deep network exceeds the "
        "overlap.",
        lower_bound=1,
    )


def test_scales_of(holder: flags.FlagHolder[tuple[float, ...] | None]) -> tuple[float, ...]:
    """The value of `define_test_scales_flag`, or () if it was not given.

    Raises:
        UserError: a scale is out of range.
    """
    if holder.value is None:
        return ()
    check_test_scales(holder.value)
    return holder.value


def spacing_of(holder: flags.FlagHolder[tuple[float, ...] | None]) -> tuple[float, ...]:
    """The value of `define_spacing_flag`, or () if it was not given.

    Raises:
        UserError: it is not two lengths.
    """
    check_spacing(holder.value or ())
    return holder.value or ()


def data_config_from_flags(values: flags.FlagValues = flags.FLAGS) -> DataConfig:
    """The parsed flags as a `DataConfig`; fields without a flag here keep their defaults.

    Raises:
        UserError: a value does not fit its flag.
    """
    given: dict[str, Any] = {option.field: values[option.name].value for option in DATA_FLAGS}
    return DataConfig(**given)


def config_from_flags(values: flags.FlagValues = flags.FLAGS) -> Config:
    """The parsed flags as a `Config`.

    Raises:
        UserError: a value does not fit its flag.
    """
    return config_of(values)
