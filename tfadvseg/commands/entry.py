"""The program `tfadvseg`: runs the command that its first argument names.

A command's module is imported only when it runs: each defines flags of its own, some by the same
name, and `tfadvseg --help` answers at once.
"""

import difflib
import importlib
import sys
from typing import NoReturn

from tfadvseg import __version__, cli

COMMANDS = {
    "train": "Trains a segmenter, alone or against a discriminator.",
    "evaluate": "Measures a run or an export on labelled images.",
    "predict": "Predicts the labels of image files with a run or an export.",
    "export": "Writes a run's checkpoint as a SavedModel for TensorFlow Serving.",
    "compare": "Compares finished runs, or their evaluations: a table and pictures.",
    "study": "Compares arms over paired seeds or folds, with a verdict.",
    "convert": "Converts published PyTorch weights to a model, and a run to such a file.",
    "serve-data": "Makes training windows for a run on another machine.",
    "describe-data": "Describes a dataset: means, deviations and each class's pixels.",
}
"""Summary of each command. `describe-data` is `commands/describe_data.py`."""

_HELP = frozenset(("help", "-h", "-?", "-help", "--help", "--helpshort", "--helpfull"))


def main() -> NoReturn:
    """Runs `tfadvseg COMMAND --name=value ...` and ends the process as `cli.run` does."""
    arguments = sys.argv[1:]
    if not arguments:
        print(help_text(), file=sys.stderr)
        sys.exit(cli.EXIT_USER_ERROR)
    name, *rest = arguments
    if name in _HELP:
        print(help_text())
        sys.exit(0)
    if name in ("--version", "-version"):
        print(f"tfadvseg {__version__}")
        sys.exit(0)
    if name not in COMMANDS:
        cli.fail(_unknown(name))
    command = importlib.import_module(f"tfadvseg.commands.{name.replace('-', '_')}")
    # The name of the command in messages.
    sys.argv = [f"tfadvseg {name}", *rest]
    cli.run(command.main)


def help_text() -> str:
    """What `tfadvseg --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {summary}" for name, summary in COMMANDS.items()]
    return "\n".join(
        [
            "Adversarial training for semantic segmentation.",
            "",
            "    tfadvseg train --flagfile=demo",
            "    tfadvseg evaluate --model=runs/demo",
            "",
            "Commands:",
            *lines,
            "",
            "tfadvseg COMMAND --help lists a command's flags.",
        ]
    )


def _unknown(name: str) -> str:
    if name.startswith("-"):
        return f"{name}: the command comes before its flags: tfadvseg COMMAND {name}."
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"tfadvseg {name}: no such command; choose one of {', '.join(COMMANDS)}.{hint}"
