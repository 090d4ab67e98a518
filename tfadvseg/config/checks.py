"""Checks of flag values; each error names the flag."""

import math
from typing import get_args

from tfadvseg.errors import UserError


def require(condition: bool, message: str) -> None:
    """Raises `message` unless `condition` holds.

    Raises:
        UserError: `condition` is false.
    """
    if not condition:
        raise UserError(message)


MOST_HALVINGS = 8
"""Of the resolution, by S or D: a window of 256 x 256 pixels becomes one."""


def require_halvings(flag: str, count: int) -> None:
    """Refuses more halvings of the resolution than a network can be built with.

    Each doubles the filters, so that the weights grow by a factor of four.
    """
    require(
        count <= MOST_HALVINGS,
        f"--{flag}={count}: too many; take at most {MOST_HALVINGS}, which halve a window of "
        f"{2**MOST_HALVINGS} pixels down to one.",
    )


def require_choice(flag: str, value: str, choices: object) -> None:
    """Refuses a value that the `Literal` type `choices` does not list."""
    valid = get_args(choices)
    require(value in valid, f"--{flag}={value}: unknown; choose one of {', '.join(valid)}.")


def require_finite(name: str, value: float) -> None:
    """Refuses infinity and NaN."""
    require(math.isfinite(value), f"--{name}={value}: must be a finite number.")


def require_positive(owner: object, *names: str) -> None:
    """Refuses fields that are not finite and above 0."""
    for name in names:
        value = getattr(owner, name)
        require_finite(name, value)
        require(value > 0, f"--{name}={value}: must be greater than 0.")


def require_not_negative(owner: object, *names: str) -> None:
    """Refuses fields that are not finite and at least 0."""
    for name in names:
        value = getattr(owner, name)
        require_finite(name, value)
        require(value >= 0, f"--{name}={value}: must not be negative.")


def listed(values: tuple) -> str:
    """Values as users type them: joined by commas, pairs by a colon."""
    return ",".join(
        ":".join(map(str, value)) if isinstance(value, tuple) else str(value) for value in values
    )


def as_flag(name: str, value: object) -> str:
    """A flag and its value as users type them."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    if isinstance(value, tuple):
        # The only value of all epochs is written without the epoch.
        constant = len(value) == 1 and isinstance(value[0], tuple) and value[0][0] == 0
        if constant and isinstance(value[0][1], float):
            return f"--{name}={value[0][1]}"
        return f"--{name}={listed(value)}"
    return f"--{name}={value}"
