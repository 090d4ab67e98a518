"""Options: fields of the configuration that carry their help and the values they apply to.

A field of a section (`DataConfig`, `RunConfig`, ...) that is declared with `option` becomes a flag
of the same name with this help, default and type; adding a flag needs nothing else.
"""

import dataclasses
import functools
import itertools
import numbers
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from tfadvseg.config.checks import as_flag, listed, require_choice
from tfadvseg.errors import UserError

T = TypeVar("T")

Scope = Literal["run", "domain", "examples"]
"""What an option applies to: the run; the training windows of each domain; or the examples to read,
which scripts other than training also take."""


def option(
    default: T,
    help: str,
    *,
    form: str = "",
    only_for: Mapping[str, Collection[object]] | None = None,
    needs: str = "",
    scope: Scope = "run",
    bare: T | None = None,
) -> T:
    """A dataclass field that is an option.

    Args:
        default: default value.
        help: text of `--help`. In a section used for both S and D, `{network}` stands for the
            network's letter and `--*_` for the prefix of its flags.
        form: form of the value as shown to users; derived from the type if empty.
        only_for: other fields of the section, each with the values that make this option effective.
            With any other value, the option must keep its default.
        needs: another field of the section, which must not be 0 or empty for this option to have an
            effect.
        scope: what the option applies to.
        bare: value of the flag without a value, as in `--compare`; `--nocompare` then stands for
            the default.
    """
    facts = {
        "help": help,
        "form": form,
        "only_for": dict(only_for or {}),
        "needs": needs,
        "scope": scope,
        "bare": bare,
    }
    return typing.cast(T, dataclasses.field(default=default, metadata=facts))


def section(factory: Callable[[], T], prefix: str = "") -> T:
    """A field of `Config` that is a section of options; its flags begin with `prefix`."""
    return typing.cast(T, dataclasses.field(default_factory=factory, metadata={"prefix": prefix}))


@dataclass(frozen=True)
class Option:
    """One option of a run.

    Attributes:
        name: name of the flag.
        section, field: location of the value: `getattr(getattr(config, section), field)`.
        type: type of the field.
        default: default in that section.
        help, form, scope, bare: as in `option`.
    """

    name: str
    section: str
    field: str
    type: Any
    default: Any
    help: str
    form: str
    scope: Scope
    bare: Any


@functools.cache
def options_of(config: type) -> tuple[Option, ...]:
    """All options of a configuration class whose fields are sections.

    The target domain's section contributes only the options that exist per domain.
    """
    return tuple(
        _option(field, owner.name, owner.metadata["prefix"], default)
        for owner in dataclasses.fields(config)
        for default in [_default_of(owner)]
        for field in dataclasses.fields(default)
        if owner.name != "target" or field.metadata["scope"] != "run"
    )


def default_sections(config: type) -> dict[str, Any]:
    """The sections of a configuration class with default values, by name."""
    return {owner.name: _default_of(owner) for owner in dataclasses.fields(config)}


def names_in(section: type, prefix: str = "") -> frozenset[str]:
    """Names of a section's flags; for the target domain, only those that exist per domain."""
    return frozenset(
        prefix + field.name
        for field in dataclasses.fields(section)
        if prefix != "target_" or field.metadata["scope"] != "run"
    )


_LARGEST = 2**31 - 1
"""Largest whole number of an option; products of two still fit into 64 bits."""


def check_options(section: Any, prefix: str = "") -> None:
    """Refuses values of another type, unknown choices, and values without effect.

    Args:
        section: an instance whose fields are options.
        prefix: prefix of its flags in messages.

    Raises:
        UserError: naming the flag, the values it applies to, and how to undo it.
    """
    for name, kind in types_of(type(section)).items():
        if typing.get_origin(kind) is Literal:
            require_choice(prefix + name, getattr(section, name), kind)
        elif not _is_of(value := getattr(section, name), kind):
            wanted = kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
            raise UserError(
                f"--{prefix}{name}={value}: is {type(value).__name__}; from Python give {wanted}."
            )
    for field in dataclasses.fields(section):
        value = getattr(section, field.name)
        if value == field.default:
            continue
        given = as_flag(prefix + field.name, value)
        if isinstance(value, int) and abs(value) > _LARGEST:
            raise UserError(f"{given}: too large a number; take at most {_LARGEST}.")
        for chooser, takers in field.metadata["only_for"].items():
            chosen = getattr(section, chooser)
            found = listed(chosen) if isinstance(chosen, tuple) else chosen
            if not {chosen, *(chosen if isinstance(chosen, tuple) else ())} & {*takers}:
                raise UserError(
                    f"{given}: is for --{prefix}{chooser}={', '.join(takers)}, not {found}; "
                    f"leave it out{_or_add([(prefix + field.name, field.default)])}."
                )
        needed = field.metadata["needs"]
        if needed and not getattr(section, needed):
            raise UserError(
                f"{given}: has no effect without --{prefix}{needed}; "
                f"leave it out{_or_add([(prefix + field.name, field.default)])}."
            )


def _is_of(value: object, kind: Any) -> bool:
    """Whether a value is of an option's type, any text for a choice; whole numbers are numbers."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return isinstance(value, tuple(map(type, arguments)))
    if origin in (typing.Union, types.UnionType):
        return any(_is_of(value, each) for each in arguments)
    if origin is tuple and isinstance(value, tuple):
        # Of any number, or as many as there are kinds: another number is refused elsewhere.
        kinds = itertools.repeat(arguments[0]) if arguments[-1] is Ellipsis else arguments
        return all(map(_is_of, value, kinds))
    if kind in (int, float):
        numeric = numbers.Integral if kind is int else numbers.Real
        return isinstance(value, numeric) and not isinstance(value, bool)
    return isinstance(value, origin or kind)


def idle_options(
    options: Iterable[Option], method: str, taken: Mapping[str, Collection[str]]
) -> list[Option]:
    """The method-specific options that `method` does not take.

    Args:
        options: all options of a run.
        method: the run's method.
        taken: for each method, the names of the options that it takes. An option that no method
            lists is not method-specific, unless it is in the section `method`.
    """
    of_methods = frozenset().union(*taken.values())
    return [
        each
        for each in options
        if (each.name in of_methods or each.section == "method")
        and each.name not in (*taken[method], "method")
    ]


def refuse_idle(
    idle: Iterable[tuple[Option, object]],
    method: str,
    taken: Mapping[str, Collection[str]],
    why: Mapping[str, str],
) -> None:
    """Refuses options that the method does not take, in one message.

    Args:
        idle: options that the method does not take, with the values given for them.
        method: the run's method.
        taken: as in `idle_options`.
        why: reasons why the method does not take some of them, by name.

    Raises:
        UserError: `idle` is not empty. The message names the methods that take these options, and
            the flags that undo those of a flagfile.
    """
    given = [*idle]
    if not given:
        return
    takers = [name for name, names in taken.items() if {each.name for each, _ in given} <= {*names}]
    what = " ".join(as_flag(each.name, value) for each, value in given)
    verb, them = ("is", "it") if len(given) == 1 else ("are", "them")
    reason = (
        f"{verb} for --method={', '.join(takers)}, not {method}"
        if takers
        else f"{'has' if len(given) == 1 else 'have'} no effect with --method={method}"
    )
    reasons = dict.fromkeys(why[each.name] for each, _ in given if each.name in why)
    if reasons:
        reason += f" ({' and '.join(reasons)})"
    undo = _or_add([(each.name, each.default) for each, _ in given])
    raise UserError(f"{what}: {reason}; leave {them} out{undo}.")


def types_of(section: type) -> Mapping[str, Any]:
    """The types of a section's fields, by name."""
    return _type_hints(section)


_type_hints = functools.cache(typing.get_type_hints)


def _default_of(owner: dataclasses.Field) -> Any:
    assert callable(owner.default_factory), f"{owner.name}: not declared with `section`"
    return owner.default_factory()


def _option(field: dataclasses.Field, owner: str, prefix: str, default: Any) -> Option:
    facts = field.metadata
    if owner == "target":
        text = f"As --{field.name}, for the target domain."
    else:
        text = facts["help"].replace("{network}", prefix[:1].upper()).replace("--*_", f"--{prefix}")
    return Option(
        prefix + field.name,
        owner,
        field.name,
        types_of(type(default))[field.name],
        getattr(default, field.name),
        text,
        facts["form"],
        facts["scope"],
        facts["bare"],
    )


def _or_add(flags: Iterable[tuple[str, object]]) -> str:
    """The part of a message that says how to undo the flags of a flagfile."""
    undo = [as_flag(name, default) for name, default in flags if default is not None]
    return f", or add {' '.join(undo)}" if undo else ""
