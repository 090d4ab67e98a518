"""The command `tfadvseg study`, each case a process; runs themselves are tests/study's."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts.cli_testing import run_script

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "configs/studies").glob("*.flags"))
ARMS = ("--arm=alone: demo --method=supervised --nocompare", "--arm=d: demo --nocompare")


def study(*arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    """The command's process."""
    return run_script("study.py", *arguments, cwd=cwd)


def test_planning_imports_neither_tensorflow_nor_scipy(tmp_path):
    program = (
        "import runpy, sys\n"
        "sys.argv = ['tfadvseg', 'study', '--flagfile=studies/demo', '--dry_run']\n"
        "try:\n"
        "    runpy.run_module('tfadvseg', run_name='__main__')\n"
        "finally:\n"
        "    print({'tensorflow', 'scipy.stats'} & {*sys.modules}, file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "set()\n")
    assert result.stdout.count("tfadvseg train ") >= 12


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_studies_that_we_ship_can_be_planned(path, tmp_path):
    result = study(f"--flagfile=studies/{path.stem}", "--dry_run", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    runs = result.stdout.count("tfadvseg train ")
    assert runs >= (6 if path.stem == "darkfield_balance" else 12), "six seeds where D is judged"
    assert f"--output_dir=studies/{path.stem}/" in result.stdout
    assert not list(tmp_path.iterdir()), "a dry run writes nothing"


def test_commands_for_a_scheduler(tmp_path):
    arguments = (*ARMS, "--seeds=3,5", "--output_dir=out", "--print_commands")
    lines = study(*arguments, cwd=tmp_path).stdout.splitlines()
    assert len(lines) == 4
    assert all(" -m tfadvseg train --flagfile=" in line for line in lines)
    assert lines[1].endswith("--nocompare --seed=3 --output_dir=out/d/seed_3")
    gathered = study(*ARMS, "--seeds=3,5", "--output_dir=out", "--gather", cwd=tmp_path)
    assert (gathered.returncode, gathered.stderr) == (0, "")
    assert "0 of 4 runs finished." in (tmp_path / "out/results.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*ARMS, "--seeds=3"), "--seeds=3: a study needs at least two seeds"),
        ((*ARMS, "--reference=x"), "--reference=x: no such arm; choose among alone, d"),
        ((*ARMS, "--folds=1"), "--folds=1: give at least 2"),
        ((*ARMS, "--folds=3", "--seeds=0,1"), "--folds: pairs are folds or seeds"),
        ((*ARMS, "--metric="), "--metric: name at least one metric"),
        ((*ARMS, "--metric=mIoU"), "--metric=mIoU: no such metric; take miou, accuracy,"),
        (ARMS[:1], "--arm: a study compares at least two arms"),
        ((*ARMS, "--search=x"), "--search=x: no such arm; choose among alone, d"),
        ((*ARMS, "--search=d"), "--search: give at least one --range"),
        ((*ARMS, "--search=d", "--range=width: 2..4"), "--search_seed=0: the study reports this"),
        ((*ARMS, "--common=--epochs=0"), "--arm=alone: --epochs=0: must be greater than 0"),
    ],
)
def test_mistakes_are_one_line(arguments, message, tmp_path):
    result = study(*arguments, "--output_dir=out", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.stderr
    assert message in result.stderr
    assert not list(tmp_path.iterdir())
