"""Kinds of flags that absl has no parser for: how their text is read and written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from tfadvseg.config import ClassWeighting


@dataclass(frozen=True)
class Text:
    """A kind of flag that absl has no parser for: a string, and the two ways."""

    parse: Callable[[str], Any]
    format: Callable[[Any], str]
    form: str


def list_of(item: Callable[[str], Any], form: str) -> Text:
    """`item,item,...`, a tuple; `form` says so to users."""
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


def _class_weights() -> Text:
    def parse(text: str) -> Any:
        rule = text.strip()
        return rule if rule in get_args(ClassWeighting) else NUMBERS.parse(text)

    def text_of(weighting: Any) -> str:
        return weighting if isinstance(weighting, str) else NUMBERS.format(weighting)

    return Text(parse, text_of, f"{', '.join(get_args(ClassWeighting))}, or number,number,...")


SIZE = list_of(int, "height,width")
COUNTS = list_of(int, "number,number,...")
NUMBERS = list_of(float, "number,number,...")
NAMES = list_of(str, "name,name,...")
VALUE_MAP = _pairs(int, "value:class,value:class,...")
BY_EPOCH = _pairs(float, "value, or epoch:value,epoch:value,...", single_key=0)
CLASS_WEIGHTS = _class_weights()
