"""Exit status of scripts and their one line on standard error. Each case is a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = '''"""Doubles a number.

Example: python doubler.py --number=3
"""

import errno
import os
import sys

from absl import flags

from tfadvseg import cli
from tfadvseg.errors import UserError

_NUMBER = flags.DEFINE_integer("number", 1, "What to double.", lower_bound=0)
_COLOUR = flags.DEFINE_enum("colour", "red", ["red", "blue"], "Of the number.")
_WHO = flags.DEFINE_string("who", None, "Whose number.")
_LIST = flags.DEFINE_list("items", ["a", "b"], "Things.")
flags.DEFINE_bool("loud", False, "Whether to shout.")


def main(argv: list[str]) -> None:
    match _NUMBER.value:
        case 100:
            raise UserError("--number=100: too\\nlarge; take less.")
        case 101:
            raise KeyboardInterrupt
        case 102:
            raise ZeroDivisionError("a defect")
        case 103:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/some/file")
        case 106:
            import tensorflow as tf

            tf.zeros([2**20, 2**20, 2**10]).numpy()
        case 105:
            print(cli.required(_WHO))
        case 104:
            for _ in range(100_000):
                print("much output")
    print(2 * _NUMBER.value)
    assert "tensorflow" not in sys.modules


if __name__ == "__main__":
    cli.run(main)
'''


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("script")
    (folder / "doubler.py").write_text(SCRIPT)
    (folder / "picture.flags").write_bytes(b"\x89PNG\r\n\x1a\n\0")

    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "doubler.py", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)

    run.folder = folder
    return run


def test_success(run):
    result = run("--number=21")
    assert (result.returncode, result.stdout, result.stderr) == (0, "42\n", "")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--number=100", "--number=100: too large; take less."),
        ("--numbr=3", "Unknown command line flag 'numbr'. Did you mean: number"),
        ("--number=many", "--number=many: invalid literal for int"),
        ("--number=-1", "--number=-1: -1 is not a non-negative integer"),
        ("--colour=green", "--colour=green: value should be one of <red|blue>"),
        ("--who", "Missing value for flag --who"),
        ("--number=105", "--who is required: Whose number."),
        ("3", "3: unexpected argument"),
        ("--flagfile=absent.flags", "absent.flags"),
        ("--flagfile=picture.flags", "--flagfile=picture.flags: not a text file"),
        ("--number=103", "/some/file: Permission denied."),
        ("--number=106", "Out of device memory."),
    ],
)
def test_mistakes_are_one_line(run, argument, message):
    result = run(argument)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


def test_names_are_utf8_in_any_locale(run):
    (run.folder / "é.flags").write_text("--number=21", encoding="utf-8")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "doubler.py", "--flagfile=é.flags"]
    done = subprocess.run(command, cwd=run.folder, env=os.environ | plain, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"42\n", b"")


def test_interruption(run):
    result = run("--number=101")
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "interrupted\n")


def test_defects_keep_their_traceback(run):
    result = run("--number=102")
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "ZeroDivisionError: a defect" in result.stderr


def test_a_reader_that_leaves_early(run):
    command = f"{sys.executable} doubler.py --number=104 | head -n 1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", command], cwd=run.folder, capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stdout, result.stderr) == (141, "much output\n", "")


@pytest.mark.parametrize("flag", ["--help", "--helpfull", "--helpshort", "-h", "-help"])
def test_help_is_about_our_flags(run, flag):
    result = run(flag)
    assert result.returncode == 0
    assert result.stderr == ""
    text = result.stdout
    assert text.startswith("Doubles a number.\n\nExample: python doubler.py --number=3\n")
    assert "  --number=N\n      What to double. (default: 1)" in text
    assert "  --colour=<red|blue>\n      Of the number. (default: red)\n" in text
    assert "  --items=A,B,...\n      Things. (default: a,b)" in text
    assert "  --who=TEXT\n      Whose number.\n" in text
    assert "  --[no]loud\n" in text
    assert "--flagfile=FILE" in text
    assert "run_with_pdb" not in text
    assert len(text.splitlines()) < 40


def test_a_home_folder_is_found_within_a_flag(run):
    result = run("--who=~/someone", "--number=105")
    assert result.stdout.splitlines()[0] == str(Path.home() / "someone")


def test_flagfiles_are_read(run):
    (run.folder / "my.flags").write_text("# twice\n--number=4\n")
    assert run("--flagfile=my.flags").stdout == "8\n"
