"""Start and end of every command: parsed flags, one-line errors, exit status.

Commands import TensorFlow inside `main` only, so that `--help` and mistyped flags answer at once.
"""

import os
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from logging import INFO, LogRecord
from pathlib import Path
from typing import NoReturn

from absl import app, flags, logging

from tfadvseg.errors import UserError
from tfadvseg.files import atomic
from tfadvseg.flags.reading import with_flagfiles_read
from tfadvseg.flags.shipped import with_found_flagfiles

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130  # what shells report for a program stopped by SIGINT: 128 + 2
EXIT_BROKEN_PIPE = 141  # likewise for SIGPIPE: 128 + 13

_HELP_ARGUMENTS = frozenset(
    dashes + word
    for dashes in ("-", "--")
    for word in ("h", "?", "help", "helpshort", "helpfull", "help=true", "helpfull=true")
)


def run(main: Callable[[list[str]], None]) -> NoReturn:
    """Parses the command line, calls `main` and ends the process.

    The exit status is 0 if `main` returned; 2 for a user's mistake (a flag, a file, a value),
    reported in one line on standard error; 130 if interrupted. Anything else that `main` raises is
    a defect of ours and keeps its traceback (status 1).

    Args:
        main: function of the command line without flags, which is the program's name alone,
            because other arguments are refused. The docstring of its module begins the text of
            `--help`.
    """
    _use_utf8()
    logging.get_absl_handler().addFilter(_is_no_saver_s_notice)
    try:
        app.run(main, flags_parser=partial(_parse_flags, main.__module__))
    except UserError as error:
        fail(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output (`| head`) is gone. Python would complain again when it flushes
        # standard output at exit, so that output is discarded.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_BROKEN_PIPE)
    except OSError as error:
        # A full disk, a missing permission, a folder where a file should be.
        logging.debug("The error came from here:", exc_info=True)
        fail(describe_os_error(error))
    except Exception as error:
        if not _lacks_memory(error):
            raise
        fail(
            "Out of device memory. To train, take a smaller --global_batch_size, --crop_size or "
            "--width, --precision=auto where that is bfloat16 or float16, or for deeplab_v2 "
            "--recompute; existing checkpoints are intact. To predict or evaluate, take a smaller "
            "--tile."
        )
    raise AssertionError("app.run always ends the process")


def _is_no_saver_s_notice(record: LogRecord) -> bool:
    """Drops how long TensorFlow took to divide a checkpoint, which it tells from 2.16 on."""
    return record.filename != "functional_saver.py" or record.levelno > INFO


def _use_utf8() -> None:
    """Restarts the program in Python's UTF-8 mode, unless file names are in UTF-8 already.

    Runs are written in UTF-8. In another locale, Python would neither find the folders named in
    them nor print their texts.
    """
    if sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _lacks_memory(error: Exception) -> bool:
    tensorflow = sys.modules.get("tensorflow")  # not imported here: it may not have been needed
    if tensorflow is None or not isinstance(error, tensorflow.errors.ResourceExhaustedError):
        return False
    # TensorFlow calls a full disk by the same name.
    return "No space left" not in str(error)


def required(flag: flags.FlagHolder[str | None]) -> str:
    """The value of a required flag.

    Raises:
        UserError: it was not given.
    """
    if not flag.value:
        meaning = flags.FLAGS[flag.name].help
        raise UserError(f"--{flag.name} is required: {meaning}")
    return flag.value


def check_output_file(flag: str, path: Path) -> None:
    """Refuses, before long work, an output file that cannot be written.

    Raises:
        UserError: it is a folder, or its folder is not writable.
    """
    if path.is_dir():
        raise UserError(f"{flag}={path}: a folder; name a file.")
    if place := atomic.unwritable_place(path.parent):
        raise UserError(f"{flag}={path}: cannot write to {place}.")


def describe_os_error(error: OSError) -> str:
    """One line with the file, if the system named one, and what is wrong with it."""
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}." if error.filename else f"{reason}."


def fail(message: str) -> NoReturn:
    """Ends the process as a user's mistake: one line on standard error, status 2."""
    print(f"error: {_one_line(message)}", file=sys.stderr)
    sys.exit(EXIT_USER_ERROR)


def _one_line(message: str) -> str:
    return " ".join(message.split())


def _parse_flags(module: str, argv: list[str]) -> list[str]:
    """Parses flags for `absl.app`: returns the remaining arguments, or raises UserError.

    Args:
        module: of the command's `main`.
        argv: the command line.
    """
    if not _HELP_ARGUMENTS.isdisjoint(argv[1:]):
        print(_help_text(module, argv[0]))
        sys.exit(0)
    program = f"python {argv[0]}" if argv[0].endswith(".py") else argv[0]
    try:
        left = flags.FLAGS([argv[0], *with_flagfiles_read(with_found_flagfiles(argv[1:]))])
    except flags.Error as error:
        message = _one_line(str(error)).rstrip(".")
        message = message.removeprefix("ERROR:: ").removeprefix("flag ")
        raise UserError(f"{message} ({program} --help lists all flags).") from None
    for flag in map(flags.FLAGS.__getitem__, flags.FLAGS):
        # Shells do not expand ~ within --name=~/folder.
        if isinstance(flag.value, str) and (flag.value + "/").startswith("~/"):
            flag.value = os.path.expanduser(flag.value)  # noqa: PTH111
    if len(left) > 1:
        raise UserError(
            f"{left[1]}: unexpected argument; write flags as --name=value "
            f"({program} --help lists them)."
        )
    return left


def _help_text(module: str, program: str) -> str:
    """A command's docstring and flags, without the flags of libraries.

    absl's own `--help` ends with status 1 and lists only the flags of the main module, which is not
    the command's module in `tfadvseg train`; its `--helpfull` adds every library's flags.
    """
    doc = (sys.modules[module].__doc__ or "").strip()
    by_module = flags.FLAGS.flags_by_module_dict()
    own = [name for name in by_module if name.split(".")[0] != "absl"]
    own.sort(key=lambda name: (name not in (module, program), name))
    described = [_describe_flag(flag) for module in own for flag in by_module[module]]
    sections = [doc, "\n".join(["Flags:", *described])]
    sections.append(
        "Flags of every command:\n"
        + _entry(
            "--flagfile=FILE",
            "Reads flags from a file, one per line; # starts a comment. Files that come with the "
            "package, such as demo, are found by name.",
        )
        + "\n"
        + _entry("--verbosity=N", "-1 logs warnings only, 0 (default) also progress, 1 more.")
        + "\n"
        + _entry("--helpxml", "All of these and the logging library's own flags, as XML.")
    )
    return "\n\n".join(section for section in sections if section)


def _describe_flag(flag: flags.Flag) -> str:
    text = _one_line(flag.help or "")
    if flag.boolean:
        name = f"--[no]{flag.name}"
    elif isinstance(flag, flags.EnumFlag):
        choices = f"<{'|'.join(flag.parser.enum_values)}>"
        name = f"--{flag.name}={choices}"
        text = text.removeprefix(f"{choices}: ")  # which absl adds
    else:
        name = f"--{flag.name}={_value_hint(flag)}"
    default = (flag.default_as_str or "").strip("'")
    return _entry(name, f"{text} (default: {default})" if default else text)


def _value_hint(flag: flags.Flag) -> str:
    kind = flag.flag_type()
    hints = {"string": "TEXT", "int": "N", "float": "X"}
    return hints.get(kind, "A,B,..." if kind.startswith("comma") else "VALUE")


def _entry(name: str, text: str) -> str:
    body = textwrap.fill(text, width=96, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return f"  {name}\n{body}" if text else f"  {name}"
