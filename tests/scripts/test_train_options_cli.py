"""Losses, optimizers, averages and early stopping from the command line."""

import csv
import json

import numpy as np
import pytest

from tests.scripts.cli_testing import assert_one_line_error, run_script
from tests.testing_utils import assert_training_refuses

SMALL = (
    "--dataset=cells",
    "--train_split=train[:4]",
    "--val_split=validation[:2]",
    "--resize=48,40",
    "--crop_size=32,32",
    "--global_batch_size=2",
    "--segmenter=fcn",
    "--width=4",
    "--depth=2",
    "--precision=float32",
    "--output_dir=run",
)


@pytest.mark.slow
def test_everything_at_once_stops_early_and_is_finished(tmp_path):
    arguments = (
        *SMALL,
        "--epochs=9",
        "--steps_per_epoch=0",
        "--d_width=4",
        "--d_depth=2",
        "--class_weights=median_frequency",
        "--lambda_dice=0.5",
        "--lambda_focal=0.5",
        "--boundary_weight=5",
        "--augment=rotate,flip,scale,photometric,colour",
        "--s_optimizer=adamw",
        "--s_learning_rate=1e-9",
        "--s_weight_decay=0.01",
        "--s_clip_norm=1",
        "--s_rate=cosine",
        "--s_warmup=2",
        "--ema=0.9999",
        "--best_metric=darkfield_accuracy_red_blood_cell",
        "--patience=2",
        "--test_scales=0.5,1",
    )
    result = run_script("train.py", *arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "--patience" in result.stderr
    run = tmp_path / "run"
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    # Weights that hardly move (there is no batch norm, either): no epoch is better than the first,
    # and two are waited for. 4 images are 2 updates.
    assert [int(row["update"]) for row in rows] == [2, 4, 6]
    summary = json.loads((run / "summary.json").read_text())
    assert np.sum(summary["confusion"]["segmenter best"]) == 2 * 48 * 40, "every pixel is counted"
    best, metric = summary["best"]["segmenter"], "darkfield_accuracy_red_blood_cell"
    assert best[metric] == max(float(row[f"val/segmenter/{metric}"]) for row in rows)
    assert 0 < float(rows[-1]["val/segmenter/loss_seg"]) < 10
    assert "darkfield_accuracy_present_spirochaete" in summary["networks"]["segmenter"]
    for name in ("classes.png", "confusion_segmenter.png", "metrics.png", "overlays.png"):
        assert (run / "plots" / name).stat().st_size > 0
    kept = json.loads((run / "model.json").read_text())
    assert kept["test_scales"] == [0.5, 1.0]
    # The final evaluation averages over them; validation after epochs does not.
    assert best[metric] != summary["networks"]["segmenter best"][metric]
    again = run_script("train.py", *arguments, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "this run is finished; no epoch was better within --patience;" in again.stderr
    more = run_script("train.py", *arguments, "--patience=3", cwd=tmp_path)
    assert more.returncode == 0, more.stderr
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    assert [int(row["update"]) for row in rows] == [2, 4, 6, 8], "it goes on, for an epoch"


@pytest.mark.slow
def test_a_longer_run_with_a_falling_rate_is_another_one(tmp_path):
    arguments = (*SMALL, "--method=supervised", "--epochs=1", "--steps_per_epoch=1", "--noexport")
    arguments = (*arguments, "--s_rate=poly")
    first = run_script("train.py", *arguments, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    longer = run_script("train.py", *arguments, "--epochs=2", cwd=tmp_path)
    assert_one_line_error(longer, "--rate_epochs (was 1, now 2)")


def test_a_mistake_ends_in_one_line(tmp_path):
    result = run_script("train.py", *SMALL, "--class_weights=1,2", cwd=tmp_path)
    assert_one_line_error(result, "--class_weights=1,2", "3 classes")
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (["--class_weights=heavy"], ["class_weights=heavy"]),
        (
            ["--best_metric=miuo"],
            ["--best_metric=miuo", "iou_spirochaete", "darkfield_accuracy_present_spirochaete"],
        ),
        (
            # For whole images only.
            ["--best_metric=darkfield_accuracy_red_blood_cell", "--val_windows=2"],
            ["--best_metric=darkfield_accuracy_red_blood_cell", "give --val_windows=0"],
        ),
        (["--mean=1", "--std=1"], ["--mean", "3 channels"]),
        (["--mean=1,2,3"], ["--mean", "--std"]),
        (["--resize=20,20"], ["--crop_size=32,32"]),
        (["--augment=scale", "--scale_range=2,1"], ["--scale_range"]),
        (["--augment=flip", "--scale_range=1,2"], ["--scale_range=1.0,2.0", "--augment=scale"]),
        (["--focal_gamma=3"], ["--focal_gamma=3.0", "--lambda_focal"]),
        (["--boundary_sigma=3"], ["--boundary_sigma=3.0", "--boundary_weight"]),
        (["--class_names=a/b,c"], ["--class_names=a/b,c", "slash"]),
        (["--class_names=a,a"], ["--class_names=a,a", "occurs twice"]),
        (["--s_weight_decay=0.1"], ["--s_weight_decay", "adamw"]),
        (["--ema=1"], ["--ema"]),
    ],
)
def test_mistakes_are_refused(arguments, messages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_training_refuses([*SMALL, *arguments], messages)
    assert not list(tmp_path.iterdir()), "nothing is left behind"
