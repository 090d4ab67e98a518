import json
import sys

import pytest
from study_testing import SIZE, finish, make_study

from tfadvseg.errors import UserError
from tfadvseg.study.conducting import (
    Commands,
    conduct,
    jobs_left,
    look,
    result_of,
    write_report,
    write_results,
)
from tfadvseg.study.estimate import duration_text, estimated_seconds
from tfadvseg.study.plan import TEST_FILE, plan_runs
from tfadvseg.study.record import record_study

COMMANDS = Commands(("train",), ("evaluate",))


def finished(tmp_path, values, **changes):
    """A study of two arms, with the given mean IoU per arm and seed."""
    study = make_study(tmp_path / "study", **changes)
    for run in plan_runs(study):
        if run.number in values[run.arm]:
            miou = values[run.arm][run.number]
            finish(run, {"miou": miou, "accuracy": miou + 0.1, "hd95": 1 / miou})
    record_study_quietly(study)
    return study


def record_study_quietly(study):
    study.output.mkdir(exist_ok=True, parents=True)
    plan = {
        "arms": {arm.name: list(arm.arguments) for arm in study.arms},
        "unit": study.unit,
        "metrics": list(study.metrics),
        "part": study.part,
    }
    (study.output / "study.json").write_text(json.dumps(plan))


SIX = {
    "alone": dict(enumerate((0.50, 0.52, 0.51, 0.49, 0.50, 0.53))),
    "against_d": dict(enumerate((0.52, 0.53, 0.525, 0.52, 0.51, 0.54))),
}


def test_a_whole_study(tmp_path):
    study = finished(tmp_path, SIX, numbers=tuple(range(6)))
    progress = look(study)
    assert jobs_left(progress, COMMANDS) == []
    made = write_report(result_of(progress), "tfadvseg study")
    text = (study.output / "results.md").read_text()
    names = ["results.md", "results.json", "report.html"]
    assert made == [study.output / name for name in names]
    # Differences 2, 1, 1.5, 3, 1, 1 points: mean 1.583, deviation 0.8010, t(0.975, 5) = 2.5706.
    assert (
        "On 6 paired seeds against_d changed mean IoU by +1.6 points against alone (95 % interval "
        "+0.7 to +2.4, better in 6 of 6 seeds): it helped." in text
    )
    fields = json.loads((study.output / "results.json").read_text())
    (miou, accuracy) = fields["comparisons"]
    assert (miou["metric"], accuracy["metric"]) == ("miou", "accuracy")
    assert miou["mean"] == pytest.approx(0.095 / 6)
    assert miou["sign_flip_p_value"] == 2 / 64
    assert fields["arms"]["alone"]["runs"]["3"]["metrics"]["miou"] == 0.49
    assert fields["arms"]["alone"]["runs"]["3"]["windows"] == {"image": 16}


def test_the_main_reference_comes_first_on_the_page(tmp_path):
    values = SIX | {"wide": {number: 0.5 for number in range(6)}}
    arms, numbers = ["alone:", "against_d: --width=3", "wide: --width=4"], tuple(range(6))
    study = finished(tmp_path, values, arms=arms, references=("alone", "wide"), numbers=numbers)
    write_report(result_of(look(study)), "tfadvseg study")
    page = (study.output / "report.html").read_text()
    shown, on_demand = page.split("<summary>Against the other references</summary>")
    assert "wide changed mean IoU by -0.8 points against alone" in shown
    assert "points against wide" not in shown
    assert "against_d changed mean IoU by +2.4 points against wide" in on_demand


def test_only_whole_pairs_are_compared(tmp_path):
    values = {"alone": {0: 0.5, 1: 0.6}, "against_d": {1: 0.7, 2: 0.9}}
    progress = look(finished(tmp_path, values))
    (comparison, _) = result_of(progress).comparisons
    assert comparison.numbers == (1,)
    left = [job.name for job in jobs_left(progress, COMMANDS)]
    assert left == ["against_d seed 0", "alone seed 2"]
    assert (
        "One pair tells nothing about chance" in write_results(result_of(progress))[0].read_text()
    )


def test_a_class_that_is_nowhere_makes_no_pair(tmp_path):
    study = finished(tmp_path, {"alone": {0: 0.5, 1: 0.6}, "against_d": {0: 0.6, 1: 0.8}})
    run = plan_runs(study)[0]
    finish(run, {"miou": None, "accuracy": 0.5})
    (miou, accuracy) = result_of(look(study)).comparisons
    assert (miou.numbers, accuracy.numbers) == ((1,), (0, 1))


def test_fewer_pairs_than_a_result_takes(tmp_path):
    """Differences of exactly 1 point and 1.02 points: the interval is above 0."""
    values = {"alone": {0: 0.5, 1: 0.5}, "against_d": {0: 0.51, 1: 0.5102}}
    text = write_results(result_of(look(finished(tmp_path, values))))[0].read_text()
    assert "too few pairs to rely on" in text


def test_less_is_better_of_a_distance(tmp_path):
    study = finished(tmp_path, SIX, numbers=tuple(range(6)), metrics=("hd95",))
    text = write_results(result_of(look(study)))[0].read_text()
    assert "changed hd95 by -0.06 against alone" in text
    assert "better in 6 of 6 seeds): it helped" in text


def test_a_failed_run_is_tried_again_and_shown_until_it_succeeds(tmp_path):
    values = {"alone": {0: 0.5, 1: 0.6}, "against_d": {0: 0.7}}
    study = finished(tmp_path, values, numbers=(0, 1))
    fail = "import sys; print('error: --x: is wrong.'); sys.exit(2)"
    conduct(look(study), Commands((sys.executable, "-c", fail), ("none",)), 1)
    text = (study.output / "results.md").read_text()
    assert (
        "- against_d, seed 1: --x: is wrong." in text and "3 of 4 runs finished, 1 failed" in text
    )
    again = look(study)
    assert again.failed == {("against_d", 1): "--x: is wrong."}
    finish(plan_runs(study)[3], {"miou": 0.9, "accuracy": 0.9})
    assert look(study).failed == {}


def test_a_test_part_is_measured_after_training(tmp_path):
    study = finished(tmp_path, {"alone": {0: 0.5}, "against_d": {}}, part="test", numbers=(0, 1))
    jobs = jobs_left(look(study), COMMANDS)
    assert [len(job.commands) for job in jobs] == [1, 2, 2, 2], "the first one is trained"
    (command,) = jobs[0].commands
    folder = study.output / "alone/seed_0"
    assert command == (
        "evaluate",
        f"--model={folder}",
        "--network=segmenter",
        "--which=latest",
        "--split=test",
        "--per_image",
        f"--output_file={folder / TEST_FILE}",
    )
    measured = {"dataset": "membranes", "split": "test", "resize": [], "test_scales": [1.0]}
    measured["metrics"] = {"miou": 0.25, "accuracy": 0.5}
    (folder / TEST_FILE).write_text(json.dumps(measured))
    run = look(study).runs["alone"][0]
    assert (run.metrics["miou"], run.images) == (0.25, "membranes, test")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": ("v_rand",)}, "--metric=v_rand: the arm alone has none; choose among miou"),
        ({"common": SIZE + " --width=3"}, "holds a run with other flags: --width (was 2, now 3)"),
        ({"common": SIZE + " --epochs=3"}, "holds a run with other flags: --epochs (was 1, now 3)"),
    ],
)
def test_folders_that_do_not_fit(tmp_path, changes, message):
    finished(tmp_path, SIX)
    with pytest.raises(UserError) as error:
        look(make_study(tmp_path / "study", **changes))
    assert message in str(error.value)


def test_mixed_runs_are_noted_or_refused(tmp_path):
    study = finished(tmp_path, SIX)
    run = plan_runs(study)[0]
    finish(run, {"miou": 0.5, "accuracy": 0.5}, precision="mixed_bfloat16")
    progress = look(study)
    expected = "Runs differ in precision: float32 in 5 runs, mixed_bfloat16 in 1 runs."
    assert expected in result_of(progress).notes
    with pytest.raises(UserError, match="--strict: Runs differ in precision"):
        result_of(progress, strict=True)


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="not empty, and holds no study"):
        record_study(make_study(tmp_path))
    other = make_study(tmp_path / "s", ["x:", "y: --width=3"], references=("x",))
    assert record_study(other) == []
    with pytest.raises(UserError, match="holds another study, of seeds and the arms x, y"):
        record_study(make_study(tmp_path / "s"))


def test_a_changed_decision_is_reported(tmp_path):
    record_study(make_study(tmp_path / "s"))
    study = make_study(tmp_path / "s", metrics=("accuracy",), part="test")
    assert record_study(study) == [
        "When this study was begun, the deciding metric was miou.",
        "When this study was begun, the validation part decided.",
    ]


def test_estimates(tmp_path):
    waiting = plan_runs(make_study(tmp_path))
    assert estimated_seconds(waiting, {}, 1) is None
    # Three runs of each arm: alone takes a minute; the other is taken to last as long.
    assert estimated_seconds(waiting, {"alone": [50, 70], "against_d": []}, 1) == 6 * 60
    assert estimated_seconds(waiting, {"alone": [60], "against_d": [180]}, 2) == 3 * 240 / 2
    assert [duration_text(s) for s in (10, 120, 7500)] == [
        "less than a minute",
        "2 min",
        "2 h 05 min",
    ]
