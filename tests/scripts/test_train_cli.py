"""scripts/train.py as used from a terminal. Each run is a process."""

import csv
import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.scripts.cli_testing import (
    ROOT,
    assert_one_line_error,
    run_new_process,
    run_script,
    start_script,
)
from tfadvseg.export.model_source import load_predictor
from tfadvseg.files.checkpoints import checkpoint_paths
from tfadvseg.flags.flagfile import read_flagfile

TINY = (
    "--dataset=folder",
    "--crop_size=16,16",
    "--global_batch_size=4",
    "--width=4",
    "--depth=1",
    "--d_width=4",
    "--d_depth=2",
    "--precision=float32",
    "--val_windows=10",
)

FLAGFILES = sorted((ROOT / "configs").glob("*.flags"))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    """Ten images whose bright blocks are class 1."""
    folder = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(0)
    for part in ("images", "labels"):
        (folder / part).mkdir()
    for number in range(10):
        label = (generator.uniform(size=(6, 6)) < 0.5).repeat(4, 0).repeat(4, 1)
        image = 60 + 120 * label + 20 * generator.normal(size=label.shape)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"images/{number}.png")
        Image.fromarray(label.astype(np.uint8)).save(folder / f"labels/{number}.png")
    return folder


@pytest.fixture(scope="module")
def isbi_dir(tmp_path_factory) -> Path:
    """The challenge's files in miniature."""
    folder = tmp_path_factory.mktemp("isbi2012")
    generator = np.random.default_rng(0)
    cells = generator.uniform(size=(30, 6, 6)) < 0.8
    labels = 255 * cells.repeat(4, 1).repeat(4, 2).astype(np.uint8)
    images = (labels // 2 + generator.integers(0, 60, labels.shape)).astype(np.uint8)
    stacks = {"train-volume": images, "train-labels": labels, "test-volume": images}
    for name, stack in stacks.items():
        first, *others = [Image.fromarray(page) for page in stack]
        first.save(folder / f"{name}.tif", save_all=True, append_images=others)
    return folder


def logged_steps(folder: Path) -> list[tuple[str, int, float]]:
    values = []
    for path in folder.glob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                number = tf.make_ndarray(value.tensor)
                if number.ndim == 0:
                    values.append((value.tag, event.step, float(number)))
    return sorted(values)


def kill_when(path: Path, *arguments: str, cwd: Path) -> int:
    """Starts scripts/train.py, kills it once `path` exists; returns its exit status."""
    process = start_script("train.py", *arguments, cwd=cwd, said=cwd)
    deadline = time.monotonic() + 120
    while not path.exists() and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.join()
    return process.exitcode


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["joint", "alternating"])
def test_a_killed_run_continues_to_the_very_same_end_past_a_damaged_checkpoint(
    schedule, data_dir, tmp_path
):
    arguments = [
        *TINY,
        f"--data_dir={data_dir}",
        f"--schedule={schedule}",
        "--compare",
        "--augment=rotate,flip,scale,elastic,photometric",
        "--class_weights=median_frequency",
        "--lambda_dice=0.5",
        "--ema=0.9",
        "--epochs=2",
        "--steps_per_epoch=4",
        "--checkpoint_every=2",
        "--noexport",
    ]
    whole = run_script("train.py", *arguments, "--output_dir=whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    checkpoint = tmp_path / "killed/checkpoints/ckpt-6.index"
    status = kill_when(checkpoint, *arguments, "--output_dir=killed", cwd=tmp_path)
    assert status == -signal.SIGKILL
    assert not (tmp_path / "killed/summary.json").exists()
    newest = checkpoint_paths(tmp_path / "killed/checkpoints")[0]
    os.truncate(f"{newest}.data-00000-of-00001", 1000)
    again = run_script("train.py", *arguments, "--output_dir=killed", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert f"{Path(newest).name} is damaged" in again.stderr

    for name in ("metrics.csv", "model.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    rows = list(csv.DictReader((tmp_path / "killed/metrics.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    summaries = [
        json.loads((tmp_path / name / "summary.json").read_text()) for name in ("whole", "killed")
    ]
    assert summaries[0]["networks"] == summaries[1]["networks"]
    logs = [logged_steps(tmp_path / name / "tensorboard") for name in ("whole", "killed")]
    assert logs[0] == logs[1]
    assert len(logs[0]) == len({(tag, step) for tag, step, _ in logs[0]}), "no duplicate rows"


@pytest.fixture(scope="module")
def finished_run(data_dir, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    result = run_new_process("train.py", *run_arguments(data_dir), cwd=folder)
    assert result.returncode == 0, result.stderr
    (folder / "stdout").write_text(result.stdout)
    (folder / "stderr").write_text(result.stderr)
    return folder / "run"


def run_arguments(data_dir: Path) -> list[str]:
    return [
        *TINY,
        f"--data_dir={data_dir}",
        "--compare",
        "--epochs=2",
        "--steps_per_epoch=3",
        "--output_dir=run",
    ]


def test_what_a_run_leaves(finished_run):
    for name in (
        "run.flags",
        "model.json",
        "metrics.csv",
        "summary.json",
        "plots/metrics.png",
        "plots/samples_epoch_001.png",
        "plots/samples_epoch_002.png",
        "export/1/saved_model.pb",
    ):
        assert (finished_run / name).stat().st_size > 0, name
    trained_on = set((finished_run / "trained_on.txt").read_text().split())
    assert len(trained_on) == 8 and trained_on < set(map(str, range(10)))
    summary = json.loads((finished_run / "summary.json").read_text())
    assert set(summary["networks"]) == {
        "segmenter",
        "segmenter best",
        "standard",
        "standard best",
    }
    assert 0 < summary["networks"]["segmenter"]["miou"] < 1
    assert summary["updates"] == 6
    assert summary["seed"] == 0
    assert 0 < summary["seconds"] < summary["wall_seconds"]
    printed = (finished_run.parent / "stdout").read_text()
    for path in ("run/metrics.csv", "run/plots/metrics.png", "run/export/1"):
        assert path in printed
    progress = (finished_run.parent / "stderr").read_text()
    assert "epoch 2" in progress and "loss_seg" in progress
    for noise in ("Addons", "cuda", "AutoGraph", "Traceback", "oneDNN"):
        assert noise not in progress


DATASETS = ROOT / "datasets"
SMALL_D = ("--d_width=4", "--d_depth=2")
SMALL_RESNET = ("--blocks=1,1,1,1", "--width=4", "--d_width=4", "--global_batch_size=2")

TINY_FOR = {
    "demo": TINY[1:],
    "isbi2012": TINY[1:],
    "darkfield": (
        f"--data_dir={DATASETS / 'darkfield/dummy_data'}",
        "--val_fraction=0.2",
        "--test_fraction=0.2",
        "--resize=32,32",
        "--crop_size=32,32",
        "--global_batch_size=2",
        "--width=4",
        "--depth=2",
        *SMALL_D,
    ),
    "camvid": (
        f"--data_dir={DATASETS / 'camvid/dummy_data'}",
        "--crop_size=16,16",
        "--global_batch_size=2",
        "--width=4",
        "--depth=2",
    ),
    "camvid_best": (
        f"--data_dir={DATASETS / 'camvid/dummy_data'}",
        "--crop_size=16,16",
        "--global_batch_size=2",
    ),
    "gta5": (
        f"--data_dir={DATASETS / 'gta5/dummy_data'}",
        f"--target_data_dir={DATASETS / 'cityscapes_semseg/dummy_data'}",
        "--noskip_damaged",
        "--resize=32,48",
        "--crop_size=32,48",
        "--target_resize=32,64",
        "--target_crop_size=32,64",
        "--weights_source=exact",
        *SMALL_RESNET,
    ),
    "cityscapes": (
        f"--data_dir={DATASETS / 'cityscapes_semseg/dummy_data'}",
        "--resize=32,64",
        "--crop_size=32,64",
        "--weights_source=exact",
        *SMALL_RESNET,
    ),
    "streets": (
        "--train_split=train[:4]",
        "--crop_size=32,64",
        "--target_train_split=train[:4]",
        "--target_val_split=validation[:2]",
        "--target_crop_size=32,32",
        *SMALL_RESNET,
    ),
}
"""Overrides that make each experiment tiny, by its flagfile's name or the beginning of that."""


REPRESENTATIVES = {"camvid_fcn"}
"""Others are slow tests; their methods and networks have quicker ones of their own."""


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path,
            id=path.stem,
            marks=[] if path.stem in REPRESENTATIVES else pytest.mark.slow,
        )
        for path in FLAGFILES
    ],
)
def test_every_flagfile_takes_real_steps_on_tiny_data(path, isbi_dir, tmp_path):
    kind = path.stem if path.stem in TINY_FOR else path.stem.split("_")[0]
    config = read_flagfile(path)
    overrides = [flag for flag in TINY_FOR[kind] if config.target.dataset or "target" not in flag]
    if config.data.dataset == "streets_camera":
        overrides.append("--val_split=validation[:2]")
    result = run_script(
        "train.py",
        f"--flagfile={path}",
        *([f"--data_dir={isbi_dir}"] if kind == "isbi2012" else []),
        *overrides,
        "--precision=float32",
        "--epochs=1",
        "--steps_per_epoch=2",
        f"--prepared_dir={tmp_path / 'prepared'}",
        "--output_dir=run",
        "--noexport",
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    (row,) = csv.DictReader((tmp_path / "run/metrics.csv").open())
    assert float(row["train/segmenter/loss_seg"]) > 0
    assert ("train/standard/loss_seg" in row) == bool(config.method.compare)
    against_d = config.method.rules.discriminator is not None
    assert ("train/d/loss_d" in row) == against_d
    if against_d:
        assert float(row["train/d/loss_d"]) > 0


@pytest.mark.slow
def test_run_flags_repeat_the_run(finished_run, data_dir, tmp_path):
    flagfile = shutil.copy(finished_run / "run.flags", tmp_path)
    # The remains of a run that failed before its first checkpoint do no harm.
    (tmp_path / "again").mkdir()
    (tmp_path / "again/run.flags").write_text(Path(flagfile).read_text() + "--lambda_adv=0.5\n")
    fields = json.loads((finished_run / "model.json").read_text())
    (tmp_path / "again/model.json").write_text(json.dumps(fields | {"data_fingerprint": "other"}))
    result = run_script("train.py", f"--flagfile={flagfile}", "--output_dir=again", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "again/metrics.csv").read_bytes() == (
        finished_run / "metrics.csv"
    ).read_bytes()


def test_a_converted_model_is_not_trained_over(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/model.json").write_text("{}")
    result = run_script("train.py", "--output_dir=run", cwd=tmp_path)
    assert_one_line_error(result, "--output_dir=run", "converted model")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["model.json"]


@pytest.mark.slow
def test_a_finished_run_is_reported_and_trains_no_more(finished_run, data_dir, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    for path in (run / "plots").iterdir():
        path.unlink()
    result = run_script("train.py", *run_arguments(data_dir), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "this run is finished; raise --epochs to go on.\n" in result.stderr
    assert "miou" in result.stdout
    assert (run / "metrics.csv").read_bytes() == (finished_run / "metrics.csv").read_bytes()
    assert not (run / "export/2").exists()
    (run / "summary.json").unlink()
    for flag in ("--noexport", "--export"):
        result = run_script("train.py", *run_arguments(data_dir), flag, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    # The export of before is of this very state.
    assert json.loads((run / "summary.json").read_text())["export"] == "export/1"
    assert not (run / "export/2").exists()


def test_another_configuration_in_the_same_folder_is_refused(finished_run, data_dir):
    result = run_script(
        "train.py", *run_arguments(data_dir), "--lambda_adv=0.5", cwd=finished_run.parent
    )
    assert_one_line_error(result, "--lambda_adv (was 0.1, now 0.5)", "--output_dir=run")


def test_other_data_in_the_same_folder_is_refused(finished_run, data_dir, tmp_path):
    other = shutil.copytree(data_dir, tmp_path / "other")
    Image.fromarray(np.zeros((24, 24), np.uint8)).save(other / "images/3.png")
    arguments = [a for a in run_arguments(other) if "output_dir" not in a]
    result = run_script("train.py", *arguments, f"--output_dir={finished_run}", cwd=tmp_path)
    assert_one_line_error(result, "other data")


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (["--dataset=isbi2012"], ["--data_dir"]),
        (["--dataset=isbi2012", "--data_dir=nowhere"], ["nowhere"]),
        (["--dataset=isbi2012", "--data_dir=."], ["train-volume.tif"]),
        (["--dataset=mnist"], ["--dataset", "membranes"]),
        (["--method=magic"], ["--method", "adversarial"]),
        (["--nosuchflag"], ["nosuchflag"]),
        (["--crop_size=16"], ["--crop_size"]),
        (["--strategy=mirrored", "--global_batch_size=0"], ["--global_batch_size"]),
    ],
)
def test_mistakes_end_at_once_in_one_line(arguments, messages, tmp_path):
    result = run_script("train.py", "--output_dir=out", *arguments, cwd=tmp_path)
    assert_one_line_error(result, *messages)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_a_window_larger_than_the_images_is_refused(data_dir, tmp_path):
    result = run_script(
        "train.py",
        *TINY,
        f"--data_dir={data_dir}",
        "--crop_size=32,16",
        "--output_dir=out",
        cwd=tmp_path,
    )
    assert_one_line_error(result, "--crop_size")
    assert not list(tmp_path.iterdir())


def test_a_loss_that_is_not_finite_stops_the_run_by_name(data_dir, tmp_path):
    alone = ("--method=supervised", "--d_width=0", "--d_depth=3")
    arguments = [*TINY, f"--data_dir={data_dir}", "--output_dir=run", *alone]
    arguments += ["--steps_per_epoch=20", "--checkpoint_every=1", "--noexport"]
    result = run_script("train.py", *arguments, "--s_learning_rate=1e38", cwd=tmp_path)
    assert result.returncode == 2
    error = result.stderr.splitlines()[-1]
    assert error.startswith("error: ") and "finite" in error and "--precision=float32" in error
    assert "update" in error or "weight" in error
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.glob("run/export*"))


def test_an_output_directory_that_cannot_be_written_is_refused(data_dir, tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = run_script(
        "train.py", *TINY, f"--data_dir={data_dir}", "--output_dir=file/run", cwd=tmp_path
    )
    assert_one_line_error(result, "--output_dir=file/run")


def test_a_run_keeps_others_out_and_saves_upon_sigterm(data_dir, tmp_path):
    arguments = [*TINY, f"--data_dir={data_dir}", f"--output_dir={tmp_path / 'run'}", "--noexport"]
    arguments += ["--epochs=1", "--steps_per_epoch=100000", "--checkpoint_every=50"]
    process = start_script("train.py", *arguments, cwd=tmp_path, said=tmp_path)
    try:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "run/checkpoints").glob("*.index")):
            assert time.monotonic() < deadline and process.is_alive()
            time.sleep(0.05)
        other = run_script("train.py", *arguments, cwd=tmp_path)
        assert_one_line_error(other, "another process trains there", "--output_dir=")
        process.terminate()
        process.join(timeout=60)
    finally:
        process.kill()
    assert process.exitcode == 75
    stderr = (tmp_path / "err").read_text()
    assert "the same command continues" in stderr
    stopped_at = int(stderr.split("stopped after update ")[1].split(";")[0])
    assert (tmp_path / f"run/checkpoints/ckpt-{stopped_at}.index").exists()


@pytest.mark.parametrize(
    ("spoil", "messages"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-200]), ["train-labels.tif"]),
        (lambda file: file.write_bytes(b"no image at all"), ["train-labels.tif", "TIFF"]),
        (
            lambda file: Image.fromarray(np.zeros((64, 64), np.uint8)).save(file, "TIFF"),
            ["train-labels.tif", "1 page"],
        ),
    ],
)
def test_spoilt_files_are_named_and_nothing_is_left(spoil, messages, isbi_dir, tmp_path):
    raw = shutil.copytree(isbi_dir, tmp_path / "raw")
    spoil(raw / "train-labels.tif")
    result = run_script(
        "train.py",
        "--dataset=isbi2012",
        f"--data_dir={raw}",
        "--prepared_dir=prepared",
        "--output_dir=run",
        cwd=tmp_path,
    )
    assert result.returncode == 2, result.stderr
    preparing, error = result.stderr.splitlines()
    assert "repar" in preparing and error.startswith("error: ")
    assert all(message in error for message in messages)
    assert not (tmp_path / "run").exists()
    assert not list((tmp_path / "prepared").glob("**/*.json")), "no half of a preparation"


@pytest.mark.slow
def test_a_finished_run_whose_best_checkpoint_is_damaged_still_ends(finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    (run / "summary.json").unlink()
    for file in (run / "best").glob("segmenter-*.data-*"):
        file.write_bytes(file.read_bytes()[:-100])
    leftovers = [run / ".metrics.csv.unfinished-x", run / "best/.segmenter-6.unfinished-x"]
    leftovers[0].write_text("half")
    leftovers[1].mkdir()
    result = run_script("train.py", f"--flagfile={run / 'run.flags'}", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert not any(path.exists() for path in leftovers)
    assert "using the last weights" in result.stderr
    networks = json.loads((run / "summary.json").read_text())["networks"]
    assert "segmenter best" not in networks
    assert "segmenter" in networks
    image = np.random.default_rng(0).integers(0, 256, (1, 24, 24, 1), np.uint8)
    exported, last = (
        load_predictor(model, network, which).predict_probabilities(image)
        for model, network, which in ((run / "export", None, None), (run, "segmenter", "latest"))
    )
    np.testing.assert_allclose(exported, last, atol=1e-5)
