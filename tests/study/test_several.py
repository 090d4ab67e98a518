import json

import pytest
from study_testing import finish, make_study
from test_conducting import SIX, finished

from tfadvseg.errors import UserError
from tfadvseg.reporting.metric_names import may_be_metric
from tfadvseg.study.conducting import look, result_of, write_results
from tfadvseg.study.forest_plot import forest_figure
from tfadvseg.study.several import differences_table, read_differences


def test_differences_of_a_study_read_back(tmp_path):
    study = finished(tmp_path, SIX, numbers=tuple(range(6)))
    write_results(result_of(look(study)))
    (each,) = read_differences(study.output)
    assert (each.study, each.arm, each.reference) == ("study", "against_d", "alone")
    assert each.has_d and (each.wins, each.pairs) == (6, 6)
    assert each.mean == pytest.approx(0.095 / 6)
    assert each.outcome == "helped"
    (_, row) = differences_table([each])
    # Mean 1.583, deviation 0.8010, t(0.975, 5) = 2.5706: 1.583 ± 0.841 points.
    assert row[5:] == ["+1.6", "+0.7 to +2.4", "6 of 6", "0.031", "helped"]
    forest_figure([each], tmp_path / "forest.png")
    assert (tmp_path / "forest.png").read_bytes().startswith(b"\x89PNG")


def test_a_smaller_distance_helps(tmp_path):
    study = finished(tmp_path, SIX, numbers=tuple(range(6)), metrics=("hd95",))
    write_results(result_of(look(study)))
    (each,) = read_differences(study.output / "results.json")
    assert each.mean < 0 and each.wins == 6 and each.outcome == "helped"


def test_rivals_without_d_stand_beside_the_main_reference_only(tmp_path):
    arms = ("alone: --method=supervised", "wide: --method=supervised --width=4")
    arms = (*arms, "against_d: --method=adversarial")
    study = make_study(tmp_path / "study", arms=arms, references=("alone", "wide"))
    from tfadvseg.study.plan import plan_runs

    for run in plan_runs(study):
        value = 0.5 + 0.01 * run.number + 0.02 * (run.arm == "wide")
        finish(run, {"miou": value, "accuracy": value})
    begun = {"arms": {"alone": []}, "unit": "seed", "metrics": ["miou"], "part": "validation"}
    (study.output / "study.json").write_text(json.dumps(begun))
    write_results(result_of(look(study)))
    found = [(each.arm, each.reference, each.has_d) for each in read_differences(study.output)]
    assert found == [
        ("wide", "alone", False),
        ("against_d", "alone", True),
        ("against_d", "wide", True),
    ]


def test_what_is_no_study(tmp_path):
    with pytest.raises(UserError, match=r"results.json: no such file; give a study's"):
        read_differences(tmp_path)
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(UserError, match=r"not the results of a study .*tfadvseg study --gather"):
        read_differences(tmp_path)
    write_results(result_of(look(finished(tmp_path, {"alone": {0: 0.5}, "against_d": {0: 0.6}}))))
    with pytest.raises(UserError, match="has fewer than two pairs to compare"):
        read_differences(tmp_path / "study")


def test_names_of_metrics():
    whole = "miou miou_16 v_rand v_rand_split ece boundary_iou"
    of_a_class = "f1_red_blood_cell hd95_cell darkfield_accuracy_cell"
    assert all(map(may_be_metric, f"{whole} {of_a_class}".split()))
    assert not any(map(may_be_metric, ["mIoU", "dice", "vrand", "", "miou_x", "iou"]))
