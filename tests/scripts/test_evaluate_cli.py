import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.scripts.cli_testing import (
    assert_one_line_error,
    expected_label,
    make_run,
    run_new_process,
    run_script,
)
from tfadvseg.data.resizing import resize_image, resize_label
from tfadvseg.export.run_model import load_run, load_run_segmenter
from tfadvseg.export.saved_model import export_saved_model
from tfadvseg.files import model_spec
from tfadvseg.files.model_spec import ModelSpec


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run, its networks, and a folder dataset of four images that it could have trained on."""
    folder = tmp_path_factory.mktemp("evaluate_cli")
    networks = make_run(folder / "run")
    rng = np.random.default_rng(0)
    for kind in ("images", "labels"):
        (folder / "data" / kind).mkdir(parents=True)
    for number, size in enumerate([(20, 27), (16, 16), (33, 18), (25, 25)]):
        image = rng.integers(0, 256, size, np.uint8)
        label = rng.integers(0, 2, size, np.uint8)
        Image.fromarray(image).save(folder / "data/images" / f"{number}.png")
        Image.fromarray(label).save(folder / "data/labels" / f"{number}.png")
    (folder / "train.txt").write_text("0\n1\n")
    (folder / "val.txt").write_text("2\n3\n")
    (folder / "run" / "trained_on.txt").write_text("0\n1\n")
    (folder / "run" / "run.flags").write_text(
        f"--dataset=folder\n--data_dir={folder}/data\n--class_names=membrane,cell\n"
        f"--train_list={folder}/train.txt\n--val_list={folder}/val.txt\n"
    )
    return folder, networks


def accuracy(folder, model, numbers) -> float:
    """Metrics over all pixels of the images, from the Keras model itself."""
    right, total = 0, 0
    for number in numbers:
        with Image.open(folder / f"data/images/{number}.png") as image:
            predicted = expected_label(model, np.array(image)[..., np.newaxis])
        with Image.open(folder / f"data/labels/{number}.png") as label:
            right += int((predicted == np.array(label)).sum())
        total += predicted.size
    return right / total


def test_a_run_on_its_own_validation_images(place):
    folder, networks = place
    result = run_new_process("evaluate.py", f"--model={folder}/run", cwd=folder)
    assert (result.returncode, result.stderr) == (0, "")
    file = folder / "run" / "evaluation_folder_validation_segmenter_best.json"
    assert f"json: {file}" in result.stdout
    measured = json.loads(file.read_text())
    assert measured["images"] == 2
    assert measured["model"] == f"{folder}/run/best/segmenter-5"
    expected = accuracy(folder, networks["segmenter"], [2, 3])
    assert measured["metrics"]["accuracy"] == pytest.approx(expected, abs=2e-3)
    confusion = np.array(measured["confusion"])
    assert confusion.trace() / confusion.sum() == measured["metrics"]["accuracy"]
    assert f"{measured['metrics']['accuracy']:.3f}" in result.stdout


def test_another_network_and_split_and_each_image(place):
    folder, networks = place
    arguments = (f"--model={folder}/run", "--which=latest", "--split=train", "--output_file=m.json")
    arguments += ("--per_image",)
    result = run_script("evaluate.py", *arguments, cwd=folder)
    assert (result.returncode, result.stderr) == (0, "")
    measured = json.loads((folder / "m.json").read_text())
    expected = accuracy(folder, networks["latest"], [0, 1])
    assert measured["metrics"]["accuracy"] == pytest.approx(expected, abs=2e-3)
    with (folder / "m_per_image.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["0", "1"]
    for number, row in enumerate(rows):
        expected = accuracy(folder, networks["latest"], [number])
        assert float(row["accuracy"]) == pytest.approx(expected, abs=5e-3)
    # Two classes need no figure of confusions.
    assert "per image: m_per_image.csv" in result.stdout
    assert not (folder / "m_confusion.png").exists()


@pytest.mark.slow
def test_images_that_trained_are_counted_where_the_division_is_another(place, tmp_path):
    """In other cases there is no warning: the other tests see no line on standard error."""
    folder, _ = place
    (tmp_path / "train.txt").write_text("0\n")
    (tmp_path / "val.txt").write_text("1\n2\n3\n")
    lists = ("--train_list=train.txt", "--val_list=val.txt", "--seed=0")
    result = run_script("evaluate.py", f"--model={folder}/run", *lists, cwd=tmp_path)
    assert result.returncode == 0
    assert "1 of these 3 images were trained on." in result.stderr
    # The file distinguishes it from an evaluation on the run's own split.
    choices = "train_list-train.txt_val_list-val.txt_seed-0"
    assert (folder / f"run/evaluation_folder_validation_{choices}_segmenter_best.json").exists()
    for split in ("train[:1]", "train[1:]"):
        slices = (f"--model={folder}/run", "--dataset=membranes", f"--split={split}")
        assert run_script("evaluate.py", *slices, cwd=tmp_path).returncode == 0
    files = [*(folder / "run").glob("evaluation_membranes_train-*_segmenter_best_*.json")]
    assert {json.loads(file.read_text())["split"] for file in files} == {"train[:1]", "train[1:]"}


def test_a_file_that_could_not_be_written_is_refused_before_measuring(place):
    folder, _ = place
    result = run_script(
        "evaluate.py", f"--model={folder}/run", "--output_file=train.txt/m.json", cwd=folder
    )
    assert_one_line_error(result, "--output_file=train.txt/m.json", "cannot write to")


@pytest.mark.slow
def test_a_run_that_resizes_at_either_resolution(place, tmp_path):
    folder, _ = place
    run, size = shutil.copytree(folder / "run", tmp_path / "run"), (16, 24)
    spec = dataclasses.replace(ModelSpec.load(run), resize=size)
    (run / model_spec.FILE_NAME).write_text(spec.to_json())
    with (run / "run.flags").open("a") as file:
        file.write("--resize=16,24\n")
    predictor = load_run(run)
    right = {"": [], "--resize=": []}
    for number in (2, 3):
        with Image.open(folder / f"data/images/{number}.png") as file:
            image = np.array(file)[..., np.newaxis]
        with Image.open(folder / f"data/labels/{number}.png") as file:
            label = np.array(file)
        for flag, (seen, truth) in {
            "": (resize_image(image, size), resize_label(label, size)),
            "--resize=": (image, label),
        }.items():
            predicted = predictor.predict_probabilities(seen[np.newaxis])[0].argmax(-1)
            right[flag] += list((predicted == truth).ravel())
    assert len(right["--resize="]) == 33 * 18 + 25 * 25
    for flag, expected in right.items():
        result = run_script("evaluate.py", f"--model={run}", *filter(None, [flag]), cwd=tmp_path)
        assert (result.returncode, result.stderr) == (0, "")
        name = "validation_resize-none" if flag else "validation"
        file = run / f"evaluation_folder_{name}_segmenter_best.json"
        measured = json.loads(file.read_text())
        assert measured["metrics"]["accuracy"] == pytest.approx(np.mean(expected), abs=1e-6)
        assert measured["resize"] == ([] if flag else [16, 24])


@pytest.mark.slow
def test_other_scales_than_the_runs_own(place):
    folder, _ = place
    right = []
    predictor = load_run(folder / "run", test_scales=(0.5, 1.5))
    for number in (2, 3):
        with Image.open(folder / f"data/images/{number}.png") as file:
            predicted = predictor.predict_probabilities(np.array(file)[np.newaxis, ..., np.newaxis])
        with Image.open(folder / f"data/labels/{number}.png") as file:
            right += list((predicted[0].argmax(-1) == np.array(file)).ravel())
    own = run_script("evaluate.py", f"--model={folder}/run", "--output_file=own.json", cwd=folder)
    assert own.returncode == 0
    result = run_script("evaluate.py", f"--model={folder}/run", "--test_scales=0.5,1.5", cwd=folder)
    assert (result.returncode, result.stderr) == (0, "")
    name = "evaluation_folder_validation_test_scales-0.5-1.5_segmenter_best_*.json"
    (file,) = (folder / "run").glob(name)
    measured = json.loads(file.read_text())
    assert measured["test_scales"] == [0.5, 1.5]
    assert measured["metrics"]["accuracy"] == pytest.approx(np.mean(right), abs=1e-6)
    before = json.loads((folder / "own.json").read_text())
    assert before["test_scales"] == [1.0]
    assert before["metrics"]["accuracy"] != measured["metrics"]["accuracy"]


def test_a_run_with_a_target_domain_is_measured_there(place, tmp_path):
    folder, networks = place
    run = shutil.copytree(folder / "run", tmp_path / "run")
    own = (run / "run.flags").read_text().replace("--", "--target_")
    (run / "run.flags").write_text(f"--method=source_only\n--dataset=membranes\n{own}")
    result = run_script("evaluate.py", f"--model={run}", "--output_file=m.json", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    measured = json.loads((tmp_path / "m.json").read_text())
    assert (measured["dataset"], measured["images"]) == ("folder", 2)
    expected = accuracy(folder, networks["segmenter"], [2, 3])
    assert measured["metrics"]["accuracy"] == pytest.approx(expected, abs=2e-3)


def test_an_export(place, tmp_path):
    folder, networks = place
    segmenter, spec = load_run_segmenter(folder / "run")
    export_saved_model(segmenter, spec, tmp_path / "export")
    result = run_script("evaluate.py", f"--model={tmp_path}/export", cwd=tmp_path)
    assert_one_line_error(result, "--dataset is required")
    result = run_script(
        "evaluate.py", "--model=export", "--dataset=membranes", "--test_scales=2", cwd=tmp_path
    )
    assert_one_line_error(result, "--model=export: is an export", "--test_scales")
    data = (
        "--dataset=folder",
        f"--data_dir={folder}/data",
        "--class_names=membrane,cell",
        "--split=all",
    )
    result = run_script("evaluate.py", f"--model={tmp_path}/export", *data, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    (file,) = tmp_path.glob(f"evaluation_folder_all_data_{tmp_path.name}_export_*.json")
    measured = json.loads(file.read_text())
    expected = accuracy(folder, networks["segmenter"], range(4))
    assert measured["images"] == 4
    assert measured["metrics"]["accuracy"] == pytest.approx(expected, abs=2e-3)


def test_refusals_write_nothing(place):
    folder, _ = place
    before = set(folder.rglob("*"))
    for arguments, messages in (
        (["--dataset=absent", "--model=run"], ("--dataset=absent", "isbi2012")),
        (["--model=run", "--class_names=a,b,c"], ("3 classes", "model has 2", "membrane, cell")),
        (["--model=run", "--test_scales=0.5,20"], ("--test_scales=0.5,20.0", "0.1 to 10")),
    ):
        assert_one_line_error(run_script("evaluate.py", *arguments, cwd=folder), *messages)
    assert set(folder.rglob("*")) == before


def test_the_images_are_read_before_the_model(place, tmp_path):
    """A run with a damaged checkpoint: unsuitable images are noticed before it."""
    folder, _ = place
    run = shutil.copytree(folder / "run", tmp_path / "run")
    for path in (run / "best").glob("*.data-*"):
        path.write_bytes(path.read_bytes()[:50])
    result = run_script("evaluate.py", f"--model={run}", "--class_names=a,b,c", cwd=tmp_path)
    assert_one_line_error(result, "has 3 classes, but the model has 2 (membrane, cell)")
    result = run_script("evaluate.py", f"--model={run}", cwd=tmp_path)
    assert result.returncode == 2
    assert f"error: {run}/best: " in result.stderr
    assert "and fits the network" in result.stderr
