import json

import pytest

from tests.study.study_testing import add_pictures, finish, make_study
from tfadvseg.reporting.page.render import render
from tfadvseg.run.page import run_page
from tfadvseg.study.plan import plan_runs

METRICS = {"miou": 0.5, "accuracy": 0.75, "ece": 0.125, "iou_membrane": 0.25, "iou_cell": 0.75}


@pytest.fixture
def run(tmp_path):
    return plan_runs(make_study(tmp_path))[0]


def page(run, networks, **changes):
    finish(run, networks["segmenter"], networks=networks, images_per_second=9.5, seed=0, **changes)
    summary = json.loads((run.folder / "summary.json").read_text())
    return run_page(run.folder, summary)


def test_a_page_of_one_run(run):
    run.folder.mkdir(parents=True)
    add_pictures(run, 0.9)
    made = page(run, {"segmenter": METRICS}, notices=["D is always right. Try a smaller D."])
    assert made.verdicts == ["The last state of S reaches a mean IoU of 0.500."]
    text = render(made)
    for words in (
        "Measured on 4 images of membranes, validation, after 2 updates",
        "D is always right.",
        "section 3",
        "S has 1,234 parameters.",
        "--method=supervised",
        f"--flagfile={run.folder}/run.flags",
    ):
        assert words in text, words


def test_the_other_network_of_a_comparison(run):
    run.folder.mkdir(parents=True)
    add_pictures(run, 0.9)
    made = page(run, {"segmenter": METRICS, "standard": METRICS | {"miou": 0.48, "ece": None}})
    assert "difference of +2.0 points. One pair tells nothing about chance" in made.verdicts[1]
    assert "n/a" in render(made)


def test_a_run_that_kept_no_pictures(run):
    run.folder.mkdir(parents=True)
    add_pictures(run, 0.9)
    for name in ("samples.npz", "image_sums.npz"):
        (run.folder / name).unlink()
    titles = [section.title for section in page(run, {"segmenter": METRICS}).sections]
    assert titles == ["Metrics", "Curves", "What was run"]
