"""The program `tfadvseg`, each case a process."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tfadvseg import __version__
from tfadvseg.commands.entry import COMMANDS, help_text

ROOT = Path(__file__).parents[2]
HELPERS = {"__init__", "entry"}
"""Modules of `commands` that are no commands."""


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """Runs `python -m tfadvseg`; says so on standard error where it imports TensorFlow."""
    program = (
        "import runpy, sys\n"
        f"sys.argv = ['tfadvseg', *{arguments!r}]\n"
        "try:\n"
        "    runpy.run_module('tfadvseg', run_name='__main__')\n"
        "finally:\n"
        "    if 'tensorflow' in sys.modules: print('imports TensorFlow', file=sys.stderr)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program], cwd=cwd, capture_output=True, text=True, timeout=60
    )


def test_each_command_has_a_module_and_a_script():
    modules = {path.stem for path in (ROOT / "tfadvseg/commands").glob("*.py")} - HELPERS
    assert modules == {name.replace("-", "_") for name in COMMANDS}
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")} - {"benchmark"}
    assert scripts == modules


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_in_the_help_call_the_command_by_its_name(name):
    path = ROOT / f"tfadvseg/commands/{name.replace('-', '_')}.py"
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert f"\n    tfadvseg {name} --" in doc


@pytest.mark.parametrize("argument", ["--help", "-h", "help"])
def test_help_lists_the_commands(argument):
    result = run(argument)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == help_text() + "\n"
    assert all(f"\n  {name} " in result.stdout for name in COMMANDS)


def test_without_a_command_the_help_is_an_error():
    result = run()
    assert (result.returncode, result.stdout, result.stderr) == (2, "", help_text() + "\n")


def test_the_version():
    assert run("--version").stdout == f"tfadvseg {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "tfadvseg trian: no such command; choose one of train, evaluate"),
        (["describe_data"], "Did you mean describe-data?"),
        (["--model=a"], "--model=a: the command comes before its flags"),
        (["predict"], "--model is required"),
        (["export", "--modle=a"], "Did you mean: model ? (tfadvseg export --help lists all flags)"),
    ],
)
def test_mistakes_are_one_line(arguments, message):
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.stderr
    assert message in result.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_and_of_its_script(name):
    result = run(name, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"tfadvseg {name} --" in result.stdout.partition("Flags:")[0]
    assert "--flagfile=FILE" in result.stdout
    script = f"scripts/{name.replace('-', '_')}.py"
    command = [sys.executable, script, "--help"]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (again.returncode, again.stdout, again.stderr) == (0, result.stdout, "")
