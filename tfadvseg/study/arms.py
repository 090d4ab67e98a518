"""Arms of a study: configurations written as a flagfile and changes to it."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from tfadvseg.config import Config
from tfadvseg.errors import UserError
from tfadvseg.flags.flagfile import config_of_arguments
from tfadvseg.flags.shipped import find_flagfile

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")

_SET_BY_STUDY = ("seed", "output_dir", "fold", "folds")
"""Flags that the study sets for each run."""


@dataclass(frozen=True)
class Arm:
    """One configuration that is compared.

    Attributes:
        name: name of its folder and of its column in tables.
        arguments: flags of training, later ones overriding earlier ones.
    """

    name: str
    arguments: tuple[str, ...]

    def config(self, *changes: str) -> Config:
        """The arm's configuration.

        Args:
            changes: flags that override the arm's own.

        Raises:
            UserError: a flagfile is missing, or a flag or its value is wrong; it names the arm.
        """
        return config_of_arguments((*self.arguments, *changes), f"--arm={self.name}")


def parse_arms(texts: Sequence[str], common: Sequence[str]) -> tuple[Arm, ...]:
    """Reads `NAME: FLAGFILE --flag=value ...` of each arm.

    Flagfiles are read first, the common ones before the arm's; then the common flags apply, then
    the arm's own. So an arm's flags override common ones, and these override flagfiles.

    Args:
        texts: one per arm.
        common: flagfiles and flags of all arms, in the same form without a name.

    Raises:
        UserError: an arm has another form, a name occurs twice, a flag is one that the study sets,
            or there are fewer than two arms.
    """
    common_files, common_flags = _split(" ".join(common), "common")
    arms: list[Arm] = []
    for text in texts:
        name, colon, rest = text.partition(":")
        name = name.strip()
        if not colon or not _NAME.fullmatch(name):
            raise UserError(
                f"--arm={text}: write it as NAME: FLAGFILE --flag=value ..., with a name of "
                "letters, digits, dots, hyphens and underscores."
            )
        if name in (arm.name for arm in arms):
            raise UserError(f"--arm={name}: this name is given twice; give each arm its own.")
        files, flags = _split(rest, f"arm={name}")
        arms.append(Arm(name, (*common_files, *files, *common_flags, *flags)))
    if len(arms) < 2:
        raise UserError("--arm: a study compares at least two arms; give one flag per arm.")
    return tuple(arms)


def _split(text: str, flag: str) -> tuple[list[str], list[str]]:
    """Flagfiles, as flags, and other flags."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError(f"--{flag}: {text.strip()}: {error}; close each quotation mark.") from None
    files, flags = [], []
    for word in words:
        if not word.startswith("-"):
            files.append(f"--flagfile={find_flagfile(word)}")
            continue
        name = word.lstrip("-").partition("=")[0]
        if name in _SET_BY_STUDY:
            raise UserError(f"--{flag}: --{name} is set by the study for each run; leave it out.")
        if name == "flagfile":
            raise UserError(f"--{flag}: {word}: write the flagfile without --flagfile=.")
        flags.append(word)
    return files, flags
