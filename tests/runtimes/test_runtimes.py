"""`make check-exports` for one segmenter, and for all of them as a slow test."""

from pathlib import Path

import pytest

from tests.runtimes.cases import case_names
from tests.runtimes.check import check, failures, table

NEWEST = Path(__file__).parents[2] / ".venv-newest" / "bin" / "python"


@pytest.mark.slow
def test_every_runtime_predicts_the_same(tmp_path):
    pytest.importorskip("tf2onnx", reason="needs the extra onnx")
    pytest.importorskip("openvino", reason="needs the extra test")
    if not NEWEST.exists():
        pytest.skip(f"no {NEWEST}: `make check-exports` makes it")
    text, failed = check(case_names(), tmp_path, str(NEWEST))
    print(text)
    assert failed == []


def test_failures_are_found():
    """By probability, by label, by a case's error and by a runtime's."""
    fine = {"largest": 2e-7, "wrong": 0}
    results = {
        "good": {"version": "1", "cases": {"a": fine, "b": fine}},
        "bad": {"version": "2", "cases": {"a": {"largest": 2e-5, "wrong": 0}, "b": {"error": "e"}}},
        "nan": {"version": "2", "cases": {"a": {"largest": float("nan"), "wrong": 0}, "b": fine}},
        "wrong": {"version": "3", "cases": {"a": fine, "b": {"largest": 0.0, "wrong": 1}}},
        "gone": {"version": "", "cases": {}, "error": "no such module"},
    }
    found = failures(results, ["a", "b"])
    assert [line.split(":")[0] for line in found] == [
        "bad, a",
        "bad, b",
        "nan, a",
        "wrong, b",
        "gone",
    ]
    assert table(results, ["a", "b"]).splitlines()[2] == "| a | 2.0 | 200.0 | nan | 2.0 | - |"
