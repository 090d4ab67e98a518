from pathlib import Path

import pytest
from study_testing import make_study

from tfadvseg.errors import UserError
from tfadvseg.study.arms import parse_arms
from tfadvseg.study.plan import check_references, parse_numbers, plan_runs


def test_later_flags_win(tmp_path):
    """Flagfile, then what is common, then the arm's own."""
    flagfile = tmp_path / "base.flags"
    flagfile.write_text("--epochs=1\n--width=3\n--depth=2\n")
    arms = parse_arms(
        [f"a: {flagfile}", f"b: {flagfile} --width=5 --val_split='train[:2]'"],
        ["--width=4", "--depth=1"],
    )
    first, second = (arm.config("--seed=7") for arm in arms)
    assert (first.run.epochs, first.segmenter.width, first.segmenter.depth) == (1, 4, 1)
    assert (second.segmenter.width, second.data.val_split, second.run.seed) == (5, "train[:2]", 7)


def test_shipped_flagfiles_are_found_by_name():
    arm = parse_arms(["a: demo", "b: demo --width=4"], [])[0]
    assert arm.config().segmenter.width == 12


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a: --epochs=1"], "compares at least two arms"),
        (["a --epochs=1", "b:"], "--arm=a --epochs=1: write it as NAME: FLAGFILE"),
        (["a/b: demo", "b:"], "--arm=a/b: demo: write it as"),
        (["a:", "a: --epochs=1"], "--arm=a: this name is given twice"),
        (["a: --seed=3", "b:"], "--arm=a: --seed is set by the study"),
        (["a: --output_dir=x", "b:"], "--arm=a: --output_dir is set by the study"),
        (["a: --class_names='x", "b:"], "--arm=a: --class_names='x: No closing quotation"),
        (["a: absent_file", "b:"], "--flagfile=absent_file: no such file"),
    ],
)
def test_arms_that_cannot_be(texts, message):
    with pytest.raises(UserError) as error:
        parse_arms(texts, [])
    assert message in str(error.value)


def test_flags_that_are_wrong_name_their_arm(tmp_path):
    for flag in ("--epochs=0", "--no_such_flag=1", "--lambda_adv=x"):
        with pytest.raises(UserError, match=rf"^--arm=b: .*{flag[2:8]}"):
            plan_runs(make_study(tmp_path, ["alone:", f"b: {flag}"]))


def test_runs_of_a_pair_come_together(tmp_path):
    runs = plan_runs(make_study(tmp_path / "s", numbers=(4, 2)))
    order = [(run.arm, run.number) for run in runs]
    assert order == [("alone", 4), ("against_d", 4), ("alone", 2), ("against_d", 2)]
    assert runs[0].folder == tmp_path / "s/alone/seed_4"
    assert runs[0].config.run.seed == 4
    assert Path(runs[0].config.run.output_dir) == runs[0].folder
    assert runs[0].config.method.method == "supervised"


def test_each_reference_is_compared_with_those_before_it(tmp_path):
    arms = [f"{name}: --width={i + 2}" for i, name in enumerate("abcd")]
    study = make_study(tmp_path, arms, references=("b", "a"))
    assert study.comparisons() == [("a", "b"), ("c", "b"), ("d", "b"), ("c", "a"), ("d", "a")]


def test_numbers():
    assert parse_numbers("0,2-4, 9", "seeds") == (0, 2, 3, 4, 9)
    for text, message in (
        ("", "write numbers and ranges"),
        ("a", "write numbers and ranges"),
        ("-1", "write numbers and ranges"),
        ("4-2", "4-2 falls; write 2-4"),
        ("1,1-2", "a number comes twice"),
    ):
        with pytest.raises(UserError, match=rf"--seeds={text}: {message}"):
            parse_numbers(text, "seeds")


def test_references():
    arms = parse_arms(["a:", "b: --width=2"], [])
    assert check_references([], arms) == ("a",)
    with pytest.raises(UserError, match="--reference=c: no such arm; choose among a, b"):
        check_references(["c"], arms)
    with pytest.raises(UserError, match="a name comes twice"):
        check_references(["a", "a"], arms)
