import json

import pytest
from PIL import Image

from tests.scripts.cli_testing import assert_one_line_error, run_new_process, run_script


@pytest.fixture
def place(tmp_path):
    """Four finished runs: source_only, two seeds of an adaptation, and an oracle."""
    for name, miou in (("a", 0.2), ("b0", 0.3), ("b1", 0.5), ("c", 0.6)):
        (tmp_path / name).mkdir()
        last = {"miou": miou, "iou_road": miou, "iou_sky": miou}
        best = {metric: value + 0.2 for metric, value in last.items()}
        summary = {
            "dataset": "cells",
            "split": "validation",
            "resize": [],
            "test_scales": [1.0],
            "networks": {"segmenter": last, "segmenter best": best},
        }
        (tmp_path / name / "summary.json").write_text(json.dumps(summary))
        (tmp_path / name / "metrics.csv").write_text(
            f"update,val/segmenter/miou\n10,{miou / 2}\n20,{miou}\n"
        )
    return tmp_path


def test_a_comparison_leaves_tables_and_pictures(place):
    runs = "--runs=source_only=a,adapted=b0+b1,oracle=c"
    result = run_new_process("compare.py", runs, cwd=place)
    assert (result.returncode, result.stderr) == (0, "")
    assert "0.400 ± 0.141" in result.stdout and "closes 50.0 % of the gap in miou" in result.stdout
    made = place / "compared"
    assert (made / "compared.md").read_text() in result.stdout
    compared = json.loads((made / "compared.json").read_text())
    assert compared["network"] == "segmenter", "not the best, which the target's labels chose"
    assert compared["names"]["adapted"]["share_of_gap_closed"] == pytest.approx(0.5)
    for name in ("iou_bars.png", "curves.png"):
        assert f"{made.name}/{name}" in result.stdout
        with Image.open(made / name) as picture:
            assert picture.format == "PNG"


def test_runs_in_the_same_place_are_pairs(place):
    """The network trained alone beside D, and D's: +10 and +20 points."""
    for name, alone in (("b0", 0.2), ("b1", 0.3)):
        path = place / name / "summary.json"
        summary = json.loads(path.read_text())
        summary["networks"]["standard"] = {"miou": alone, "iou_road": alone, "iou_sky": alone}
        path.write_text(json.dumps(summary))
    runs = "--runs=alone=b0:standard+b1:standard,against_d=b0+b1"
    result = run_script("compare.py", runs, cwd=place)
    assert (result.returncode, result.stderr) == (0, "")
    assert "On 2 paired seeds against_d changed mean IoU by +15.0 points against alone" in (
        result.stdout
    )
    (pair,) = json.loads((place / "compared/compared.json").read_text())["pairs"]
    assert pair["differences"] == pytest.approx([0.1, 0.2])


def test_another_checkpoint_and_folder(place):
    arguments = ["--runs=a=a,c=c", "--which=best", "--output_dir=elsewhere"]
    assert run_script("compare.py", *arguments, cwd=place).returncode == 0
    compared = json.loads((place / "elsewhere" / "compared.json").read_text())
    assert compared["network"] == "segmenter best"
    assert compared["names"]["a"]["mean"]["miou"] == pytest.approx(0.4)


@pytest.fixture
def measured(tmp_path):
    """JSON files of evaluations: two seeds each of two trainings, and one of another split."""
    for name, split, miou in (
        ("a0", "test", 0.2),
        ("a1", "test", 0.4),
        ("b0", "test", 0.5),
        ("b1", "test", 0.7),
        ("other", "train", 0.9),
    ):
        metrics = {"accuracy": miou + 0.1, "miou": miou, "iou_road": miou, "iou_sky": None}
        fields = {"model": name, "dataset": "darkfield", "split": split, "images": 3, "resize": []}
        fields["test_scales"] = [1.0]
        (tmp_path / f"{name}.json").write_text(json.dumps(fields | {"metrics": metrics}))
    return tmp_path


def test_evaluations_are_compared_without_curves(measured):
    arguments = ["--runs=a=a0.json+a1.json,b=b0.json+b1.json", "--metric=accuracy,miou"]
    result = run_script("compare.py", *arguments, cwd=measured)
    assert (result.returncode, result.stderr) == (0, "")
    made = measured / "compared"
    text = (made / "compared.md").read_text()
    assert text in result.stdout
    title = "evaluations on whole images of darkfield, test: mean ± standard deviation over seeds."
    assert text.startswith(title)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert ["accuracy", "0.400 ± 0.141", "0.700 ± 0.141"] in rows
    assert ["miou", "0.300 ± 0.141", "0.600 ± 0.141"] in rows
    assert json.loads((made / "compared.json").read_text())["images"] == "darkfield, test"
    with Image.open(made / "iou_bars.png") as picture:
        assert picture.format == "PNG"
    assert not (made / "curves.png").exists() and "curves" not in result.stdout


def test_a_metric_of_the_end_alone_is_compared_without_curves(place):
    result = run_script("compare.py", "--runs=a=a", "--metric=iou_sky", cwd=place)
    assert (result.returncode, result.stderr) == (0, "")
    assert "curves: none; a has no val/segmenter/iou_sky at any update." in result.stdout
    assert (place / "compared/compared.md").exists()
    assert not (place / "compared/curves.png").exists()


def test_refusals_write_nothing(place, measured):
    for arguments, message in (
        (["--runs=a=a0.json", "--which=best"], "--network and --which: are for runs"),
        (["--runs=a=a", "--metric=nope"], "--metric=nope: not in a; choose one of"),
    ):
        assert_one_line_error(run_script("compare.py", *arguments, cwd=place), message)
    assert not (place / "compared").exists()
