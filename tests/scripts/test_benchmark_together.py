"""Networks that several processes train together, in the benchmark. Nothing here asserts a time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def _import_from_the_checkout(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def test_efficiency_by_hand():
    from benchmarks.together_report import all_reduce_seconds, efficiency

    # 100 MB among 8: each GPU sends 175 MB, which takes 14 ms at 100 Gbit/s.
    assert all_reduce_seconds(100_000_000, 8, 100) == pytest.approx(0.014)
    assert efficiency(100_000_000, 8, 100, step=0.1) == pytest.approx(100 / 114)
    assert all_reduce_seconds(100_000_000, 1, 100) == 0


@pytest.mark.parametrize(
    ("cores", "count", "shares"),
    [
        ({0, 1, 2, 3}, 1, [[0, 1, 2, 3]]),
        ({0, 1, 2, 3}, 2, [[0, 1], [2, 3]]),
        ({4, 5}, 4, [[4], [5], [4], [5]]),
        ({3}, 2, [[3], [3]]),
    ],
)
def test_cores_are_divided_evenly(cores, count, shares, monkeypatch):
    from benchmarks.together import shared_cores

    monkeypatch.setattr(os, "sched_getaffinity", lambda process: cores)
    assert [shared_cores(index, count) for index in range(count)] == shares


@pytest.mark.slow
def test_one_two_and_four_processes_are_measured(tmp_path):
    path = tmp_path / "figures.json"
    command = [sys.executable, str(ROOT / "scripts/benchmark.py"), "--quick"]
    command += ["--only=together_unet", "--precisions=float32", f"--output_json={path}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    entries = json.loads(path.read_text())["together"]
    assert [entry["processes"] for entry in entries] == [1, 2, 4]
    for entry in entries:
        assert len(entry["seconds"]) == entry["settings"]["rounds"] == 2
        assert len(entry["reduce_seconds"]) == (2 if entry["processes"] > 1 else 0)
        assert entry["gradient_bytes"] == entries[0]["gradient_bytes"] > 4
    lines = [line for line in result.stdout.splitlines() if line.startswith("U-Net")]
    assert len(lines) == 4, "three measured, one on paper"
    assert lines[0].endswith(" 1.00")
