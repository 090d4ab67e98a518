import numpy as np
import pytest
from study_testing import finish, make_study

from tfadvseg.errors import UserError
from tfadvseg.study.gathering import read_study_run
from tfadvseg.study.pairing import check_pair
from tfadvseg.study.plan import plan_runs


def pair(tmp_path, change="", facts=None, **summary):
    """Two runs of one seed; the second arm's flags and what it left are changed."""
    arms = ["alone: --method=supervised", f"other: --method=supervised {change}"]
    first, second, *_ = plan_runs(make_study(tmp_path, arms))
    finish(first, {"miou": 0.5})
    finish(second, {"miou": 0.6}, facts, **summary)
    return read_study_run(second, "validation"), read_study_run(first, "validation")


def batch(*means, name="joint", tensor="image"):
    phase = {"name": name, "updates": 2, "windows": {}, "first_batch": {tensor: list(means)}}
    return {"phases": [phase]}


def test_what_is_shared_needs_no_words(tmp_path):
    assert check_pair(*pair(tmp_path, "--lambda_dice=1")) == []
    rounded = {"phases": batch(0.5 + 1e-5, -0.25)["phases"]}
    assert check_pair(*pair(tmp_path / "b", "", rounded)) == []


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"parts": {"train": "aa", "validation": "xx"}}, "their validation images or labels"),
        ({"parts": {"train": "xx", "validation": "bb"}}, "their train images or labels differ"),
        ({"initial_weights": "xx"}, "S begins with different weights although its flags agree"),
        (batch(0.5, 0.75), "their first batches differ in image although the flags agree"),
        (batch(0.5), "their first batches differ in image"),
    ],
)
def test_what_no_flag_explains_is_refused(tmp_path, facts, message):
    with pytest.raises(UserError, match=rf"alone of seed 0 cannot be paired: .*{message}"):
        check_pair(*pair(tmp_path, "--lambda_dice=1", facts))


@pytest.mark.parametrize(("key", "pixels"), [("b", 4), ("a", 5)], ids=["image", "label"])
def test_other_images_or_labels_of_the_measured_part_are_refused(tmp_path, key, pixels):
    """Each run's sums hold a 2x2 confusion matrix per image: its rows are the label's pixels."""
    arms = ["alone: --method=supervised", "other: --method=supervised --lambda_dice=1"]
    first, second, *_ = plan_runs(make_study(tmp_path, arms))
    for run, name, count in ((first, "a", 4), (second, key, pixels)):
        finish(run, {"miou": 0.5})
        confusion = np.array([[[count - 1, 1], [2, 7]]])
        np.savez(run.folder / "image_sums.npz", keys=[name], confusion=confusion)
    with pytest.raises(UserError, match="the images or labels that they were measured on differ"):
        check_pair(*(read_study_run(run, "validation") for run in (second, first)))


@pytest.mark.parametrize(
    ("change", "facts", "message"),
    [
        (
            "--train_split=train[:5]",
            {"parts": {"train": "xx", "validation": "bb"}},
            "train on different train images (--train_split)",
        ),
        ("--width=4", {"initial_weights": "xx"}, "different weights of S (--width)"),
        ("--augment=flip", batch(0.1, 0.2), "shown different windows (--augment)"),
        ("--global_batch_size=4", batch(0.5), "shown different windows (--global_batch_size)"),
    ],
)
def test_what_flags_explain_is_told(tmp_path, change, facts, message):
    (sentence,) = check_pair(*pair(tmp_path, change, facts))
    assert message in sentence


def test_a_method_that_changes_images_shows_other_windows(tmp_path):
    target = "--target_dataset=membranes --target_crop_size=16,16"
    arms = [f"alone: --method=adabn {target}", f"other: --method=fda {target}"]
    first, second, *_ = plan_runs(make_study(tmp_path, arms))
    finish(first, {"miou": 0.5})
    finish(second, {"miou": 0.6}, batch(0.1, 0.2))
    runs = (read_study_run(run, "validation") for run in (second, first))
    assert check_pair(*runs) == ["other and alone are shown different windows (--method)."]


def test_images_that_are_measured_must_be_the_same(tmp_path):
    changed = {"parts": {"train": "aa", "validation": "xx"}}
    with pytest.raises(UserError, match="their validation images"):
        check_pair(*pair(tmp_path, "--val_split=train[:5]", changed))
    with pytest.raises(UserError, match="measured on cells, validation, the other on membranes"):
        check_pair(*pair(tmp_path / "b", dataset="cells"))


def test_batches_of_another_kind_are_not_compared(tmp_path):
    other = batch(3.0, 4.0, name="discriminator")
    assert check_pair(*pair(tmp_path, "--lambda_dice=1", other)) == []


def test_runs_without_facts(tmp_path):
    runs = pair(tmp_path)
    (runs[0].plan.folder / "start.json").unlink()
    without = read_study_run(runs[0].plan, "validation")
    assert without.facts is None and without.windows == {}
    (sentence,) = check_pair(without, runs[1])
    assert "pairing was not checked" in sentence
