"""Kinds of flags that absl has no parser for: how their text is read and written."""

from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from absl import flags

from tfadvseg.config.checks import listed
from tfadvseg.config.weights import RATIO, Ramp, Weight, WeightSchedule


class Parser(flags.ArgumentParser):
    """Reads a value other than a plain text, number or choice.

    Attributes:
        syntactic_help: the form that it reads.
    """

    def __init__(self, read: Callable[[str], Any], form: str):
        self._read = read
        self.syntactic_help = form

    def parse(self, argument: Any) -> Any:
        """The value that `argument` stands for; what is not a text is a value already.

        Raises:
            ValueError: it has another form.
        """
        if not isinstance(argument, str):
            return argument
        try:
            return self._read(argument)
        except ValueError:
            raise ValueError(f"write it as {self.syntactic_help}") from None


class Serializer(flags.ArgumentSerializer):
    """Writes such a value as `Parser` reads it."""

    def serialize(self, value: Any) -> str:
        return listed((*map(_shortest, value),)) if isinstance(value, tuple) else str(value)


class BareFlag(flags.Flag):
    """A flag that may stand alone, as in `--compare`, or be switched off, as in `--nocompare`."""

    def __init__(
        self, parser: Parser, serializer: Serializer, name: str, default: Any, text: str, bare: Any
    ) -> None:
        words = {"true": bare, "false": default}
        either = Parser(
            lambda text: words[text] if text in words else parser.parse(text),
            parser.syntactic_help,
        )
        super().__init__(either, serializer, name, default, text, boolean=True)
        self._bare = bare
        self._list = serializer

    def _serialize(self, value: Any) -> str:
        if value in (self._bare, self.default):
            return f"--{'' if value == self._bare else 'no'}{self.name}"
        return f"--{self.name}={self._list.serialize(value)}"


class _ByEpochSerializer(Serializer):
    """Writes the only value of all epochs without an epoch."""

    def serialize(self, value: Any) -> str:
        if not isinstance(value, tuple):
            return str(value)
        return str(value[0][1]) if [epoch for epoch, _ in value] == [0] else listed(value)


def kind_of(type_: Any, form: str = "") -> tuple[Parser, Serializer] | None:
    """Parser and serializer for fields of a type; None where absl has them.

    Args:
        type_: the type: a tuple of values, a tuple of pairs, or a tuple or choice.
        form: the form as users read it; derived from the type where empty.
    """
    if type_ == Weight:
        return _weight(form)
    if get_origin(type_) is tuple:
        item = get_args(type_)[0]
        if get_origin(item) is tuple:
            return _pairs(get_args(item)[1], form)
        return Parser(_list_reader(item), form or f"{_word(item)},{_word(item)},..."), Serializer()
    kinds = get_args(type_)
    tuples = [kind for kind in kinds if get_origin(kind) is tuple and get_args(kind)]
    if not tuples:
        return None
    choices = [name for kind in kinds if get_origin(kind) is Literal for name in get_args(kind)]
    many = kind_of(tuples[0], form)
    assert many is not None
    if not choices:
        return many
    read = many[0].parse
    form = f"{', '.join(choices)}, or {many[0].syntactic_help}"
    return Parser(
        lambda text: text.strip() if text.strip() in choices else read(text), form
    ), Serializer()


def _shortest(value: Any) -> Any:
    """A whole float as the integer that users type for it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _list_reader(item: Any) -> Callable[[str], tuple]:
    read = item if item in (int, float) else str
    return lambda text: tuple(read(part.strip()) for part in text.split(",") if part.strip())


def _word(item: Any) -> str:
    return "number" if item in (int, float) else "name"


def _pairs(value: Callable[[str], Any], form: str) -> tuple[Parser, Serializer]:
    """`key:value,...`. Numbers are by epoch: a bare one is that of all epochs."""
    by_epoch = value is float

    def pair(text: str) -> tuple[int, Any]:
        if by_epoch and ":" not in text:
            return 0, value(text)
        left, right = text.split(":")
        return int(left), value(right)

    def read(text: str) -> tuple:
        return tuple(pair(part) for part in text.split(",") if part.strip())

    if by_epoch:
        form = form or "value, or epoch:value,epoch:value,..."
        return Parser(read, form), _ByEpochSerializer()
    return Parser(read, form or "number:number,number:number,..."), Serializer()


def _weight(form: str) -> tuple[Parser, Serializer]:
    """A weight by epoch, after the kind of its ramp and `ratio:`, if it has them."""
    steps, serializer = _pairs(float, form)

    def read(text: str) -> Weight:
        words = [part.strip() for part in text.split(":")]
        ratio = words[0] == RATIO
        ramps = get_args(Ramp)
        ramp = next((name for name in ramps if words[ratio : ratio + 1] == [name]), None)
        pieces = steps.parse(":".join(words[ratio + (ramp is not None) :]))
        if not ratio and ramp in (None, "step"):
            return pieces
        if not pieces:
            raise ValueError(text)
        return WeightSchedule(pieces, ramp or "step", ratio)

    form = (
        f"{steps.syntactic_help}; linear: in front of these, or gaussian:epochs:value; "
        f"{RATIO}: in front of any"
    )
    return Parser(read, form), serializer


def text_of(flag: flags.Flag, value: Any) -> str:
    """A value of a flag as it is typed."""
    return flag.serializer.serialize(value) if flag.serializer and value is not None else str(value)
