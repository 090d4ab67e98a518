"""Runs are timed by short ones; here a program that only reports what they would have taken."""

import sys

import pytest
from study_testing import make_study

from tfadvseg.errors import UserError
from tfadvseg.study import timing
from tfadvseg.study.plan import plan_runs

TRAIN = """
import json, pathlib, sys
flags = dict(each[2:].split("=", 1) for each in sys.argv[1:] if "=" in each)
if flags["method"] == "adversarial" and FAILS: sys.exit("error: no memory.")
cost = {"supervised": 0.5, "adversarial": 2.0}[flags["method"]]
folder = pathlib.Path(flags["output_dir"])
folder.mkdir()
seconds = 10 + cost * int(flags["steps_per_epoch"])
(folder / "summary.json").write_text(json.dumps({"seconds": seconds}))
"""


def train(tmp_path, fails=False):
    program = tmp_path / "train.py"
    program.write_text(f"FAILS = {fails}\n{TRAIN}")
    return (sys.executable, str(program))


def test_an_arm_is_timed_by_what_updates_cost_and_the_rest(tmp_path):
    """The process itself takes a moment; 100 updates of 0.5 s and of 2 s take the rest."""
    runs = plan_runs(make_study(tmp_path / "study", common="--epochs=3 --steps_per_epoch=102"))
    found = timing.time_arms(runs, train(tmp_path))
    assert list(found) == ["alone", "against_d"]
    assert found["alone"] == pytest.approx(50, abs=5)
    assert found["against_d"] == pytest.approx(200, abs=5)
    assert not (tmp_path / "study").exists()


def test_an_arm_that_cannot_be_timed(tmp_path):
    runs = plan_runs(make_study(tmp_path / "study"))
    with pytest.raises(UserError, match="--arm=against_d: cannot be timed: no memory"):
        timing.time_arms(runs, train(tmp_path, fails=True))
    runs = plan_runs(make_study(tmp_path / "study", common="--steps_per_epoch=0"))
    with pytest.raises(UserError, match="--arm=alone: --steps_per_epoch=0 depends on the number"):
        timing.time_arms(runs, train(tmp_path))
