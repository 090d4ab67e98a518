"""Comparisons of finished runs, against values computed by hand."""

import json
import math
from pathlib import Path

import pytest

from tfadvseg.errors import UserError
from tfadvseg.files.finished_runs import (
    FinishedRun,
    class_names,
    is_evaluation,
    measured_on,
    parse_runs,
    read_evaluation,
    read_run,
)
from tfadvseg.run.comparison import compare, json_text, markdown


def run(folder: str, road: float, sky: float = 0.5, **more: float) -> FinishedRun:
    metrics = {"accuracy": 0.9, "miou": (road + sky) / 2, "iou_road": road, "iou_sky": sky}
    return FinishedRun(folder, metrics | more, [], images="cells, validation")


RUNS = {
    "source_only": [run("a0", 0.2), run("a1", 0.4)],
    "adapted": [run("b0", 0.4), run("b1", 0.5), run("b2", 0.6)],
    "oracle": [run("c", 0.7, 0.4)],
}


SUMMARY = """{"dataset": "cells", "split": "validation", "resize": [], "test_scales": [1.0],
    "networks": {"%s": {}}}"""


def test_runs_are_named_in_order_with_their_seeds():
    parsed = parse_runs("source_only=runs/a, adapted = runs/b0+runs/b=1 ,oracle=c")
    assert list(parsed.items()) == [
        ("source_only", ["runs/a"]),
        ("adapted", ["runs/b0", "runs/b=1"]),
        ("oracle", ["c"]),
    ]


@pytest.mark.parametrize("text", ["", "runs/a", "=runs/a", "a=", "a=b+", "a=b,,c=d", "a=b,a=c"])
def test_other_forms_are_refused(text):
    with pytest.raises(UserError, match="--runs"):
        parse_runs(text)


def test_a_run_without_a_name_is_refused_with_the_expected_form():
    with pytest.raises(UserError, match="--runs=runs/a: wrong form; write name=run"):
        parse_runs("runs/a")


def test_means_and_deviations_are_over_seeds():
    sides = compare(RUNS, ["miou"])
    assert sides["adapted"].folders == ["b0", "b1", "b2"]
    assert sides["adapted"].mean["iou_road"] == pytest.approx(0.5)
    assert sides["adapted"].deviation["iou_road"] == pytest.approx(0.1)
    assert sides["source_only"].deviation["iou_road"] == pytest.approx(math.sqrt(0.02))
    assert sides["adapted"].deviation["iou_sky"] == 0
    assert math.isnan(sides["oracle"].deviation["miou"])


def test_gains_and_the_share_of_the_gap():
    sides = compare(RUNS, ["iou_road"])
    # Share of the way from 0.3 to 0.7.
    assert sides["adapted"].share == pytest.approx(0.5)
    assert sides["oracle"].share is None and sides["source_only"].share is None
    assert sides["adapted"].gain["iou_road"] == pytest.approx(0.2)
    assert sides["oracle"].gain["iou_sky"] == pytest.approx(-0.1)
    assert sides["source_only"].gain == {}
    # Share of the way from 0.4 to 0.55.
    assert compare(RUNS, ["miou"])["adapted"].share == pytest.approx(2 / 3)


def test_an_adaptation_that_harms_closes_less_than_nothing():
    harmed = RUNS | {"adapted": [run("b", 0.1)]}
    sides = compare(harmed, ["iou_road"])
    assert sides["adapted"].share == pytest.approx(-0.5)
    assert "closes −50.0 % of the gap" in markdown(sides, ["iou_road"], "cells, test")


def test_shares_run_by_run():
    runs = {
        "source_only": [run("a0", 0.2), run("a1", 0.4)],
        "adapted": [run("b0", 0.3), run("b1", 0.7)],
        "oracle": [run("c0", 0.6), run("c1", 0.8)],
    }
    side = compare(runs, ["iou_road"])["adapted"]
    assert side.share_by_run == pytest.approx([0.25, 0.75])
    assert "run by run 25.0, 75.0 %" in markdown({"adapted": side}, ["iou_road"], "cells, test")
    side = compare(RUNS, ["iou_road"])["adapted"]
    assert side.share_by_run == [], "no seed has its counterparts"


@pytest.mark.parametrize("absent", ["source_only", "oracle"])
def test_without_both_ends_there_is_no_gap(absent):
    some = {name: seeds for name, seeds in RUNS.items() if name != absent}
    sides = compare(some, ["miou"])
    assert all(side.share is None for side in sides.values())
    assert bool(sides["adapted"].gain) == (absent == "oracle")


def test_where_the_oracle_is_no_better_there_is_no_gap():
    assert compare(RUNS, ["iou_sky"])["adapted"].share is None


def test_a_class_that_is_nowhere_counts_for_nothing():
    runs = {
        "source_only": [run("a", 0.2, math.nan, miou=0.2)],
        "adapted": [run("b0", 0.4, math.nan, miou=0.4), run("b1", 0.4, 0.3)],
    }
    sides = compare(runs, ["miou"])
    assert sides["adapted"].mean["iou_sky"] == pytest.approx(0.3)
    assert math.isnan(sides["adapted"].deviation["iou_sky"])
    assert math.isnan(sides["adapted"].gain["iou_sky"])
    text = markdown(sides, ["miou"], "cells, test")
    assert [line.split("|")[2:4] for line in text.splitlines() if "iou_sky" in line] == [
        ["         n/a ", "         0.300 "],
        ["     n/a ", ""],
    ]
    assert "adapted: 1 classes gain, 0 lose." in text
    names = json.loads(json_text(sides, ["miou"], "cells, test"))["names"]
    assert names["source_only"]["mean"]["iou_sky"] is None


def test_the_text_shows_the_metric_and_each_class():
    sides = compare(RUNS, ["accuracy"])
    text = markdown(sides, ["accuracy"], measured_on(RUNS), "segmenter best")
    lines = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("|")]
    table = {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines[:7]}
    assert list(table)[2:] == ["seeds", "accuracy", "miou", "iou_road", "iou_sky"]
    assert table["seeds"] == ["2", "3", "1"]
    assert table["iou_road"] == ["0.300 ± 0.141", "0.500 ± 0.100", "0.700"]
    gains = {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines[7:]}
    assert gains["iou_road"] == ["+0.200", "+0.400"]
    assert gains["iou_sky"] == ["+0.000", "−0.100"]
    title = "segmenter best of finished runs on whole images of cells, validation: mean ± standard"
    assert text.startswith(title) and "oracle: 1 classes gain, 1 lose." in text


def test_several_metrics_are_shown_and_the_first_has_the_gap():
    runs = {
        "source_only": [run("a", 0.2, f1_road=0.1)],
        "adapted": [run("b", 0.5, f1_road=0.2)],
        "oracle": [run("c", 0.8, f1_road=0.5)],
    }
    metrics = ["f1_road", "accuracy"]
    sides = compare(runs, metrics)
    # 0.1 of 0.4; mean IoU closes half of its gap.
    assert sides["adapted"].share == pytest.approx(0.25)
    text = markdown(sides, metrics, "cells, test")
    names = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    shown = ["f1_road", "accuracy", "miou", "iou_road", "iou_sky"]
    assert [name for name in names if not name.startswith("-")] == ["", "seeds", *shown, "", *shown]
    assert "closes 25.0 % of the gap in f1_road" in text
    assert json.loads(json_text(sides, metrics, "cells, test"))["metric"] == "f1_road"
    with pytest.raises(UserError, match="--metric=v_rand: not in a"):
        compare(runs, ["f1_road", "v_rand"])


def test_runs_of_other_classes_and_unknown_metrics_are_refused():
    assert class_names(RUNS) == ["road", "sky"]
    with pytest.raises(UserError, match="a0 and d have different classes"):
        class_names(RUNS | {"other": [run("d", 0.5, iou_tree=0.1)]})
    with pytest.raises(UserError, match="--metric=v_rand: not in a0; choose one of accuracy"):
        compare(RUNS, ["v_rand"])


@pytest.mark.parametrize(
    ("summary", "table", "message"),
    [
        (None, "update\n1\n", "summary.json: no such file; is .* a finished run"),
        (SUMMARY % "segmenter", None, "metrics.csv: no such file"),
        ("[]", "update\n1\n", "not from a run"),
        (SUMMARY % "segmenter", "update\nx\n", "not from a run"),
        (SUMMARY % "standard", "update\n1\n", "has no segmenter, only standard"),
    ],
)
def test_what_is_no_finished_run_is_refused(summary, table, message, tmp_path):
    for name, text in (("summary.json", summary), ("metrics.csv", table)):
        if text is not None:
            (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        read_run(str(tmp_path), "segmenter")


def test_what_a_run_left_is_read(tmp_path):
    images = {"dataset": "folder", "data_dir": "/a/b", "split": "validation", "resize": [48, 64]}
    summary = images | {
        "test_scales": [0.5, 1],
        "networks": {"segmenter": {"miou": 0.5, "iou_sky": None}},
    }
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    (tmp_path / "metrics.csv").write_text("update,val/segmenter/miou\n5,0.25\n10,\n")
    read = read_run(str(tmp_path), "segmenter")
    assert read.metrics["miou"] == 0.5 and math.isnan(read.metrics["iou_sky"])
    assert (read.evaluated, read.test_scales) == (False, (0.5, 1))
    assert read.images == "folder /a/b, validation at 48 x 64"
    key = "val/segmenter/miou"
    assert read.rows == [{"update": 5.0, key: 0.25}, {"update": 10.0, key: None}]


def evaluation(
    path: Path,
    accuracy: float,
    split: str = "test",
    resize: tuple[int, ...] = (256, 256),
    test_scales: tuple[float, ...] = (1.0,),
) -> str:
    """Writes the file that scripts/evaluate.py would write for a model, and returns its path."""
    metrics = {"accuracy": accuracy, "miou": accuracy / 2, "iou_sky": None}
    fields = {
        "model": "runs/a/best/segmenter-5",
        "dataset": "darkfield",
        "split": split,
        "images": 37,
        "resize": resize,
        "test_scales": test_scales,
        "metrics": metrics,
    }
    path.write_text(json.dumps(fields))
    return str(path)


def test_evaluations_are_read_as_seeds(tmp_path):
    paths = [evaluation(tmp_path / f"{seed}.json", 0.6 + seed / 10) for seed in range(3)]
    assert all(map(is_evaluation, paths))
    runs = {"plain": [read_evaluation(path) for path in paths]}
    first = runs["plain"][0]
    assert (first.folder, first.rows) == (paths[0], [])
    assert first.metrics["accuracy"] == 0.6 and math.isnan(first.metrics["iou_sky"])
    images = measured_on(runs)
    assert images == "darkfield, test at 256 x 256"
    sides = compare(runs, ["accuracy"])
    text = markdown(sides, ["accuracy"], images)
    assert text.startswith(f"evaluations on whole images of {images}: mean ± standard deviation")
    assert "0.700 ± 0.100" in text and "0.350 ± 0.050" in text
    fields = json.loads(json_text(sides, ["accuracy"], images))
    assert fields["images"] == images and fields["network"] is None
    assert fields["names"]["plain"]["runs"] == paths


def test_evaluations_of_other_images_and_runs_are_not_compared(tmp_path):
    test = read_evaluation(evaluation(tmp_path / "test.json", 0.5))
    train = read_evaluation(evaluation(tmp_path / "train.json", 0.5, split="train"))
    assert measured_on(RUNS) == "cells, validation"
    with pytest.raises(UserError, match=r"darkfield, test at .*train\.json is .* darkfield, train"):
        measured_on({"a": [test, train]})
    full = read_evaluation(evaluation(tmp_path / "full.json", 0.5, resize=()))
    with pytest.raises(UserError, match=r"test at 256 x 256; .*full\.json is .* darkfield, test\."):
        measured_on({"a": [test], "b": [full]})
    with pytest.raises(UserError, match=r"test\.json is an evaluation of .*; a0 is a finished run"):
        measured_on({"b": [test], **RUNS})


def test_evaluations_at_other_scales_are_no_seeds_of_one_thing(tmp_path):
    one = read_evaluation(evaluation(tmp_path / "one.json", 0.5))
    three = read_evaluation(evaluation(tmp_path / "three.json", 0.6, test_scales=(0.8, 1.0, 1.25)))
    message = r"--runs: a mixes .*scales \(.*one\.json at 1; .*three\.json at 0\.8, 1, 1\.25\)"
    with pytest.raises(UserError, match=message):
        compare({"a": [one, three]}, ["accuracy"])
    sides = compare({"a": [one], "b": [three]}, ["accuracy"])
    text = markdown(sides, ["accuracy"], "darkfield, test")
    (row,) = [line for line in text.splitlines() if "test scales" in line]
    assert [cell.strip() for cell in row.split("|")[2:-1]] == ["1", "0.8, 1, 1.25"]
    names = json.loads(json_text(sides, ["accuracy"], "darkfield, test"))["names"]
    assert names["b"]["test_scales"] == [0.8, 1.0, 1.25]
    alone = compare({"a": [one]}, ["accuracy"])
    assert "test scales" not in markdown(alone, ["accuracy"], "darkfield, test")


def test_what_is_no_evaluation_is_refused(tmp_path):
    assert not is_evaluation(str(tmp_path / "absent.json"))
    assert not is_evaluation(str(tmp_path))
    (tmp_path / "folder.json").mkdir()
    assert not is_evaluation(str(tmp_path / "folder.json")), "a run may have such a name"
    path = tmp_path / "summary.json"
    other = {"dataset": "darkfield", "split": "test"}
    for text in ("[]", "{", '{"networks": {}}', json.dumps(other | {"metrics": []})):
        path.write_text(text)
        with pytest.raises(UserError, match=r"summary\.json: not the JSON file of an evaluation"):
            read_evaluation(str(path))
