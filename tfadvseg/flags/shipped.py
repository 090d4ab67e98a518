"""The flagfiles that come with the package, found by their names."""

from collections.abc import Iterable
from pathlib import Path

from tfadvseg.errors import UserError

SUFFIX = ".flags"

_PLACES = ("tfadvseg_configs", "configs")
"""Folders beside this package: as pip installs it, and as a checkout has it."""


def shipped_flagfiles() -> dict[str, Path]:
    """Flagfiles by name, in alphabetical order: `demo`, or `studies/streets` from a subfolder."""
    beside = Path(__file__).parents[2]
    folder = next((beside / name for name in _PLACES if (beside / name).is_dir()), None)
    if folder is None:
        return {}
    files = sorted(folder.rglob(f"*{SUFFIX}"))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}


def find_flagfile(name: str) -> Path:
    """The flagfile that `--flagfile=name` stands for.

    Args:
        name: path of a file, or the name of a shipped flagfile, with or without its suffix. A file
            comes first.

    Raises:
        UserError: there is neither.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    shipped = shipped_flagfiles()
    found = shipped.get(name.removesuffix(SUFFIX))
    if found is None:
        problem = "is a folder" if name and path.is_dir() else "no such file"
        raise UserError(
            f"--flagfile={name}: {problem}; give a file, or one of {', '.join(shipped)}."
        )
    return found


def by_name(argument: str) -> str:
    """An argument in which a shipped flagfile goes by its name, so that it holds elsewhere."""
    flag, _, path = argument.partition("=")
    if flag == "--flagfile":
        for name, shipped in shipped_flagfiles().items():
            if str(shipped) == path:
                return f"{flag}={name}"
    return argument


def with_found_flagfiles(arguments: Iterable[str]) -> list[str]:
    """A command line in which every `--flagfile` gives a path.

    Args:
        arguments: without the program's name; `--flagfile=X` and `--flagfile X`, with one dash or
            two, up to a bare `--`.

    Raises:
        UserError: a flagfile is not found.
    """
    given = list(arguments)
    end = given.index("--") if "--" in given else len(given)
    for number, argument in enumerate(given[:end]):
        name, equals, value = argument.partition("=")
        if name not in ("-flagfile", "--flagfile"):
            continue
        if equals:
            given[number] = f"{name}={find_flagfile(value)}"
        elif not equals and number + 1 < end:
            given[number + 1] = str(find_flagfile(given[number + 1]))
    return given
