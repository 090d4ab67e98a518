import json
import sys

import pytest
from study_testing import SIZE

from tfadvseg.errors import UserError
from tfadvseg.study.arms import Arm
from tfadvseg.study.search import Range, Search, parse_range, run_search


def test_ranges():
    assert parse_range("lambda_adv: 1e-3..0.1 log") == Range("lambda_adv", 0.001, 0.1, True)
    assert parse_range("--width: 2..8") == Range("width", 2, 8)
    assert parse_range("gan: vanilla, ls") == Range("gan", choices=("vanilla", "ls"))


@pytest.mark.parametrize(
    "text", ["", "width", "width:", "width: 3", "width: 8..2", "width: 0..2 log", "a b: 1..2"]
)
def test_ranges_that_cannot_be(text):
    with pytest.raises(UserError, match="--range="):
        parse_range(text)


FAKE_TRAINING = """
import json, pathlib, sys
flags = dict(each.lstrip("-").partition("=")[::2] for each in sys.argv[1:])
rate = float(flags["s_learning_rate"])
if rate > 0.5:
    sys.exit("error: --s_learning_rate: training diverged.")
folder = pathlib.Path(flags["output_dir"])
folder.mkdir(parents=True)
summary = dict(dataset="membranes", split="validation", resize=[], test_scales=[1.0], updates=2)
summary |= dict(seconds=1.0, wall_seconds=1.0, peak_memory_mib=1, notices=[])
summary["networks"] = dict(segmenter=dict(miou=1 - abs(rate - 0.1)))
(folder / "summary.json").write_text(json.dumps(summary))
(folder / "metrics.csv").write_text("epoch,update\\n1,2\\n")
"""
"""A training whose best learning rate is 0.1, and that diverges above 0.5."""


def test_a_search_finds_the_best_and_goes_on(tmp_path):
    pytest.importorskip("optuna", reason="Optuna is not installed")
    arm = Arm("alone", ("--method=supervised", *SIZE.split()))
    ranges = (parse_range("s_learning_rate: 0.001..1 log"),)
    search = Search(arm, ranges, 0, "miou", 4, tmp_path)
    train = (sys.executable, "-c", FAKE_TRAINING)
    lines = []
    best = run_search(search, train, lines.append)
    values = [float(line.rpartition(" ")[2]) for line in lines]
    assert len(values) == 4
    found = json.loads((search.folder / "best.json").read_text())
    assert found["best"] == pytest.approx(max(values), abs=1e-4)
    assert float(best["s_learning_rate"]) < 0.5
    again: list[str] = []
    assert run_search(search, train, again.append) == best
    assert again == [], "enough trials have finished"


def test_every_trial_fails(tmp_path):
    pytest.importorskip("optuna", reason="Optuna is not installed")
    arm = Arm("alone", ("--method=supervised", *SIZE.split()))
    search = Search(arm, (parse_range("width: 2..3"),), 0, "miou", 1, tmp_path)
    with pytest.raises(UserError, match="every trial failed"):
        run_search(search, (sys.executable, "-c", "import sys; sys.exit(2)"))
