import json

import numpy as np
import pytest
from cli_testing import assert_one_line_error, expected_label, make_run, run_script
from PIL import Image

from tfadvseg.export.run_model import load_run_segmenter
from tfadvseg.export.saved_model import export_saved_model


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
    (folder / "run" / "run.flags").write_text(
        f"--dataset=folder\n--data_dir={folder}/data\n--class_names=membrane,cell\n"
        f"--train_list={folder}/train.txt\n--val_list={folder}/val.txt\n"
    )
    return folder, networks


def accuracy(folder, model, numbers) -> float:
    """Over all pixels of the images, from the Keras model itself."""
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
    result = run_script("evaluate.py", f"--model={folder}/run", cwd=folder)
    assert (result.returncode, result.stderr) == (0, "")
    file = folder / "run" / "evaluation_folder_validation_segmenter_best.json"
    assert f"json: {file}" in result.stdout
    measured = json.loads(file.read_text())
    assert measured["images"] == 2
    assert measured["model"] == f"{folder}/run/best/segmenter-5"
    expected = accuracy(folder, networks["segmenter"], [2, 3])
    assert measured["metrics"]["accuracy"] == pytest.approx(expected, abs=2e-3)
    assert f"{measured['metrics']['accuracy']:.3f}" in result.stdout


def test_another_network_and_split(place):
    folder, networks = place
    arguments = (f"--model={folder}/run", "--which=latest", "--split=train", "--output_file=m.json")
    result = run_script("evaluate.py", *arguments, cwd=folder)
    assert (result.returncode, result.stderr) == (0, "")
    measured = json.loads((folder / "m.json").read_text())
    expected = accuracy(folder, networks["latest"], [0, 1])
    assert measured["metrics"]["accuracy"] == pytest.approx(expected, abs=2e-3)


def test_an_export(place, tmp_path):
    folder, networks = place
    segmenter, spec = load_run_segmenter(folder / "run")
    export_saved_model(segmenter, spec, tmp_path / "export")
    data = (
        "--dataset=folder",
        f"--data_dir={folder}/data",
        "--class_names=membrane,cell",
        "--split=all",
    )
    result = run_script("evaluate.py", f"--model={tmp_path}/export", *data, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    measured = json.loads((tmp_path / "evaluation_folder_all.json").read_text())
    expected = accuracy(folder, networks["segmenter"], range(4))
    assert measured["images"] == 4
    assert measured["metrics"]["accuracy"] == pytest.approx(expected, abs=2e-3)


def test_refusals_write_nothing(place):
    folder, _ = place
    before = set(folder.rglob("*"))
    for arguments, messages in (
        (["--dataset=absent", "--model=run"], ("--dataset=absent", "isbi2012")),
        (["--model=run", "--class_names=a,b,c"], ("3 classes", "model 2", "membrane, cell")),
        (["--model=run", "--split=test"], ("--split=test",)),
    ):
        assert_one_line_error(run_script("evaluate.py", *arguments, cwd=folder), *messages)
    assert set(folder.rglob("*")) == before
