"""Domain adaptation from the command line, on tiny embedded streets."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.scripts.cli_testing import assert_one_line_error, run_script
from tests.testing_utils import assert_training_refuses

SMALL = (
    "--dataset=streets_game",
    "--train_split=train[:6]",
    "--crop_size=48,64",
    "--target_dataset=streets_camera",
    "--target_train_split=train[:4]",
    "--target_val_split=validation[:2]",
    "--target_crop_size=40,80",
    "--segmenter=deeplab_v2",
    "--blocks=1,1,1,1",
    "--width=4",
    "--d_width=4",
    "--s_optimizer=sgd",
    "--s_learning_rate=0.01",
    "--s_rate=poly",
    "--epochs=2",
    "--rate_epochs=2",
    "--d_optimizer=torch_adam",
    "--global_batch_size=2",
    "--steps_per_epoch=2",
    "--iter_size=2",
    "--precision=float32",
    "--noexport",
)
ADAPT = (*SMALL, "--method=adaptation", "--compare")


def rows_of(run: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((run / "metrics.csv").open()))


@pytest.fixture(scope="module")
def adapted(tmp_path_factory) -> Path:
    """A run of two epochs."""
    place = tmp_path_factory.mktemp("adapted")
    result = run_script("train.py", *ADAPT, "--epochs=2", "--output_dir=run", cwd=place)
    assert result.returncode == 0, result.stderr
    return place / "run"


@pytest.mark.slow
def test_both_levels_learn_against_a_discriminator_each(adapted):
    rows = rows_of(adapted)
    assert [int(row["update"]) for row in rows] == [2, 4]
    for row in rows:
        assert float(row["lambda_adv"]) == 0.001
        assert row["val/segmenter/loss_seg"] != row["val/standard/loss_seg"]
        for name in ("segmenter/loss_seg", "segmenter/aux_loss_seg", "d/loss_d", "aux_d/loss_d"):
            assert float(row[f"train/{name}"]) > 0
        for name in ("d/accuracy_source", "d/accuracy_target", "aux_d/fooling_rate"):
            assert 0 <= float(row[f"train/{name}"]) <= 1
    summary = json.loads((adapted / "summary.json").read_text())
    assert 0 <= summary["networks"]["standard"]["miou"] <= 1
    assert summary["peak_memory_mib"] > 100
    assert "segmenter best" not in summary["networks"], "the target's labels choose nothing"
    assert (adapted / "best/segmenter-4.index").exists()
    for name in ("patches_epoch_002", "source_epoch_002", "metrics", "classes", "overlays"):
        assert (adapted / f"plots/{name}.png").stat().st_size > 0


@pytest.mark.slow
def test_a_run_in_two_sittings_ends_as_one_in_one(adapted, tmp_path):
    for epochs in (1, 2):
        result = run_script(
            "train.py", *ADAPT, f"--epochs={epochs}", "--output_dir=run", cwd=tmp_path
        )
        assert result.returncode == 0, result.stderr
    assert (tmp_path / "run/metrics.csv").read_bytes() == (adapted / "metrics.csv").read_bytes()


@pytest.mark.slow
def test_a_target_folder_needs_images_only(tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    images = tmp_path / "target/images"
    images.mkdir(parents=True)
    for number in range(3):
        pixels = generator.integers(0, 256, (48, 64, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(images / f"{number}.png")
    arguments = [flag for flag in ADAPT if "target" not in flag and flag != "--compare"]
    result = run_script(
        "train.py",
        *arguments,
        "--target_dataset=folder",
        "--target_data_dir=target",
        "--target_crop_size=32,32",
        "--val_split=validation[:2]",
        "--nomulti_level",
        "--gan=ls",
        "--class_weights=median_frequency",
        "--epochs=1",
        "--output_dir=run",
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert "no labels to validate on" in result.stderr
    (row,) = rows_of(tmp_path / "run")
    assert float(row["train/d/loss_d"]) > 0
    assert not [name for name in row if "aux" in name], "what one level does not need is not built"
    measured = run_script("evaluate.py", "--model=run", cwd=tmp_path)
    assert measured.returncode == 0, measured.stderr
    shutil.rmtree(images)
    images.mkdir()
    monkeypatch.chdir(tmp_path)
    empty = ("--target_dataset=folder", "--target_data_dir=target", "--output_dir=other")
    assert_training_refuses([*arguments, *empty], ["target domain"])
    assert not (tmp_path / "other").exists()


def test_a_mistake_ends_at_once_in_one_line(tmp_path):
    arguments = (*SMALL, "--method=adaptation", "--target_dataset=nowhere")
    result = run_script("train.py", *arguments, cwd=tmp_path)
    assert_one_line_error(result, "--target_", "nowhere")
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (["--target_dataset="], ["--target_dataset", "--method=adaptation"]),
        (["--target_dataset=cells", "--target_train_split="], ["--target_", "classes"]),
        (
            [
                *("--method=source_only", "--d_width=0", "--d_optimizer=adam"),
                *("--target_dataset=cells", "--target_train_split="),
            ],
            ["--target_", "classes"],
        ),
        (["--patience=1"], ["--patience=1", "--best_metric"]),
        (["--lambda_adv=0", "--lambda_adv_aux=0"], ["--lambda_adv", "adabn"]),
        (["--target_crop_size=31,64"], ["--target_crop_size=31,64", "32"]),
        (["--target_crop_size=256,256"], ["--target_crop_size=256,256"]),
        (["--weights_source=deeplab_init"], ["--weights_source", "--weights"]),
        (["--iter_size=0"], ["--iter_size=0"]),
        (["--discriminator=encoder"], ["--discriminator=encoder"]),
        (["--weights=absent.npz"], ["absent.npz"]),
        (["--blocks=1,1,1"], ["--blocks=1,1,1", "four"]),
        (["--boundary_weight=1"], ["--boundary_weight"]),
        (["--method=supervised", "--iter_size=1"], ["--target_dataset", "adaptation"]),
    ],
)
def test_mistakes_are_refused(arguments, messages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_training_refuses([*SMALL, "--method=adaptation", *arguments], messages)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.slow
def test_a_segmenter_without_levels_adapts_too(tmp_path):
    networks = ("--segmenter", "--blocks", "--width")
    arguments = [flag for flag in ADAPT if not flag.startswith(networks)]
    result = run_script(
        "train.py",
        *arguments,
        "--segmenter=unet",
        "--width=2",
        "--depth=2",
        "--epochs=1",
        "--output_dir=run",
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    (row,) = rows_of(tmp_path / "run")
    assert float(row["train/d/loss_d"]) > 0
    assert row["val/segmenter/loss_seg"] != row["val/standard/loss_seg"]
