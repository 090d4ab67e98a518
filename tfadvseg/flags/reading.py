"""Replaces flagfiles by their flags, independent of the locale and of the editor that saved them.

absl would read them in the locale's encoding and take a byte order mark for part of a flag's name.
"""

from collections.abc import Iterable
from pathlib import Path

from tfadvseg.config.method import METHOD_OPTIONS
from tfadvseg.errors import UserError
from tfadvseg.files.model_spec import RUN_FLAGS
from tfadvseg.files.text import read_text


def with_flagfiles_read(arguments: Iterable[str], within: tuple[str, ...] = ()) -> list[str]:
    """A command line with each `--flagfile` replaced by the flags in it.

    Blank lines and those that begin with # or // are left out; flagfiles may name flagfiles.

    Args:
        arguments: without the program's name, up to a bare `--`.
        within: the flagfiles that contain these arguments.

    Raises:
        UserError: a flagfile is absent or not text, or reads itself.
    """
    given = list(arguments)
    read: list[str] = []
    while given:
        argument = given.pop(0)
        if argument == "--":
            return [*read, argument, *given]
        name, equals, path = argument.partition("=")
        if name not in ("-flagfile", "--flagfile") or not (equals or given):
            read.append(argument)
            continue
        read += _flags_in(path if equals else given.pop(0), within)
    return read


_FILLED_IN = {
    "--discriminator=patch": "discriminator",
    "--d_width=32": "d_width",
    "--lambda_adv=0.1": "lambda_adv",
}
"""What earlier versions recorded for every method, whether it takes these flags or not."""


def _without_filled_in(recorded: list[str]) -> list[str]:
    """The flags of an earlier run without those that its method does not take and nobody gave."""
    methods = [line.partition("=")[2] for line in recorded if line.startswith("--method=")]
    taken = METHOD_OPTIONS.get(methods[-1]) if methods else None
    if taken is None:
        return recorded
    return [line for line in recorded if _FILLED_IN.get(line) in (None, *taken)]


def _flags_in(path: str, within: tuple[str, ...]) -> list[str]:
    if not path:  # as absl does
        return []
    if path in within:
        raise UserError(f"--flagfile={path}: reads itself; remove that line.")
    try:
        lines = [line.strip() for line in read_text(path).splitlines()]
    except OSError as error:
        raise UserError(f"--flagfile={path}: {error.strerror}; give a text file.") from None
    except UnicodeDecodeError:
        raise UserError(
            f"--flagfile={path}: not a text file; expected one flag per line."
        ) from None
    flags = [line for line in lines if line and not line.startswith(("#", "//"))]
    if Path(path).name == RUN_FLAGS:
        flags = _without_filled_in(flags)
    return with_flagfiles_read(flags, (*within, path))
