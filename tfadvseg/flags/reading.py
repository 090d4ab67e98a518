"""Flagfiles as arguments, read the same whatever the locale and the editor that saved them.

absl reads them in the encoding of the locale and takes a byte order mark for the first flag's name.
"""

from collections.abc import Iterable

from tfadvseg.errors import UserError
from tfadvseg.files.text import read_text


def with_flagfiles_read(arguments: Iterable[str], within: tuple[str, ...] = ()) -> list[str]:
    """A command line in which the flags of each `--flagfile` stand in its place.

    Blank lines and those that begin with # or // are left out; flagfiles within flagfiles are read.

    Args:
        arguments: without the program's name, up to a bare `--`.
        within: flagfiles that are being read.

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
    return with_flagfiles_read(flags, (*within, path))
