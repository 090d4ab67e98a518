import json

import pytest

from tfadvseg.files.finished_runs import FinishedRun
from tfadvseg.study.finished_pairs import paired_comparisons, why_unpaired


def run(folder, miou, evaluated=False):
    return FinishedRun(str(folder), {"miou": miou}, [], "cells, validation", (1.0,), evaluated)


@pytest.fixture
def place(tmp_path):
    """Runs a0, a1, b0, b1 of seeds 0 and 1."""
    for name in ("a0", "a1", "b0", "b1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(json.dumps({"seed": int(name[1])}))
    return tmp_path


def test_pairs_are_runs_in_the_same_place(place):
    runs = {
        "alone": [run(place / "a0", 0.5), run(place / "a1", 0.6)],
        "d": [run(place / "b0", 0.52), run(place / "b1", 0.64)],
    }
    assert why_unpaired(runs) == ""
    (comparison,) = paired_comparisons(runs, "alone", ["miou"])
    assert comparison.result.mean == pytest.approx(0.03)
    assert (comparison.arm, comparison.reference, comparison.numbers) == ("d", "alone", (0, 1))


def test_a_class_that_is_nowhere_makes_no_pair(place):
    runs = {"a": [run(place / "a0", float("nan"))], "b": [run(place / "b0", 0.5)]}
    (comparison,) = paired_comparisons(runs, "a", ["miou"])
    assert comparison.result is None


def test_what_makes_no_pairs(place):
    first = [run(place / "a0", 0.5), run(place / "a1", 0.6)]
    assert "one name only" in why_unpaired({"a": first})
    assert "(a 2, b 1)" in why_unpaired({"a": first, "b": [run(place / "b0", 0.5)]})
    swapped = {"a": first, "b": [run(place / "b1", 0.5), run(place / "b0", 0.5)]}
    reason = why_unpaired(swapped)
    assert reason.startswith("runs in place 1 have different seeds") and "b1 1" in reason
    measured = {name: [run(f"{name}.json", 0.5, True)] for name in "ab"}
    assert why_unpaired(measured) == "", "evaluations do not know their seeds"
