"""The entry point for every dataset."""

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfadvseg.config import DataConfig
from tfadvseg.data.sources import load_split, load_splits
from tfadvseg.errors import UserError
from tfadvseg_datasets.isbi2012 import isbi2012_dataset_builder
from tfadvseg_datasets.membranes.generate import generate_section

DUMMY_DATA = Path(isbi2012_dataset_builder.__file__).parent / "dummy_data"


def isbi(tmp_path: Path, **options) -> DataConfig:
    options = {"train_split": "train[:2]", "val_split": "train[2:]", **options}
    return DataConfig(
        dataset="isbi2012", data_dir=str(DUMMY_DATA), prepared_dir=str(tmp_path), **options
    )


@pytest.fixture
def folder(tmp_path) -> DataConfig:
    rng = np.random.default_rng(0)
    for number in range(10):
        for kind, levels in (("images", 256), ("labels", 3)):
            path = tmp_path / kind / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(rng.integers(0, levels, (5, 6), dtype=np.uint8)).save(path)
    return DataConfig(dataset="folder", data_dir=str(tmp_path), val_fraction=0.3)


def test_membranes_come_straight_from_the_generator():
    config = DataConfig(train_split="train[3:5]", val_split="validation[:1]")
    splits = load_splits(config, seed=7)
    assert splits.descriptor.name == "membranes"
    assert splits.train.keys == ("train-03", "train-04")
    assert splits.val.keys == ("validation-00",)
    image, label = generate_section(0, 3)
    np.testing.assert_array_equal(splits.train.images[0][..., 0], image)
    np.testing.assert_array_equal(splits.train.labels[0], label)


def test_isbi2012_is_divided_by_slices(tmp_path):
    config = isbi(tmp_path)
    splits = load_splits(config, seed=0)
    assert splits.train.keys == ("train-00", "train-01")
    assert splits.val.keys == ("train-02",)
    for split, keys in (
        ("train", splits.train.keys),
        ("validation", splits.val.keys),
        ("train[0:]", ("train-00", "train-01", "train-02")),
    ):
        assert load_split(config, split, seed=0)[1].keys == keys
    descriptor, test = load_split(config, "test", seed=0)
    assert descriptor.name == "isbi2012"
    assert (len(test), test.labels) == (2, None)


def test_folders_are_divided_by_seed(folder):
    splits = load_splits(folder, seed=3)
    assert (len(splits.train), len(splits.val)) == (7, 3)
    assert load_split(folder, "validation", seed=3)[1].keys == splits.val.keys
    assert load_split(folder, "train", seed=3)[1].keys == splits.train.keys
    assert len(load_split(folder, "all", seed=3)[1]) == 10
    assert splits.descriptor.num_classes == 3
    assert {load_splits(folder, seed).val.keys for seed in range(4)} != {splits.val.keys}


def test_folders_are_divided_by_lists(folder, tmp_path):
    (tmp_path / "train.txt").write_text("3\n4\n")
    (tmp_path / "val.txt").write_text("9\n")
    config = DataConfig(
        dataset="folder",
        data_dir=folder.data_dir,
        train_list=str(tmp_path / "train.txt"),
        val_list=str(tmp_path / "val.txt"),
    )
    splits = load_splits(config, seed=0)
    assert (splits.train.keys, splits.val.keys) == (("3", "4"), ("9",))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "nothing"}, "--dataset=nothing: unknown; choose .*folder, .*isbi2012"),
        (
            {"data_dir": "somewhere"},
            "--data_dir=somewhere: is for .*; membranes is embedded and reads no files",
        ),
        ({"dataset": "isbi2012"}, "--data_dir is required with --dataset=isbi2012"),
        ({"dataset": "isbi2012", "data_dir": "/nowhere"}, "--data_dir: /nowhere: no such folder"),
        ({"dataset": "folder"}, "--data_dir: give the folder"),
        ({"train_split": "test"}, "--train_split=test: no such split"),
        ({"val_split": "train[30:]"}, r"--val_split=train\[30:\]: contains no examples"),
        ({"value_map": ((0, 0),)}, "--value_map: is for --dataset=folder"),
        (
            {"dataset": "folder", "train_split": "train"},
            "--train_split=train: is for .*; folder is divided by --val_fraction, --test_fraction",
        ),
    ],
)
def test_flags_that_do_not_fit_are_named(options, message):
    with pytest.raises(UserError, match=message):
        load_splits(DataConfig(**options), seed=0)


def test_training_needs_labels(tmp_path):
    with pytest.raises(UserError, match="--val_split=test: has no labels"):
        load_splits(isbi(tmp_path, val_split="test"), seed=0)


def test_splits_of_evaluation_that_do_not_exist_are_named(folder):
    with pytest.raises(
        UserError, match="--split=test: no such part of folder; take train, validation, all"
    ):
        load_split(folder, "test", seed=0)
    with pytest.raises(UserError, match="--split=test: no such split"):
        load_split(DataConfig(), "test", seed=0)


def test_validating_on_training_images_is_reported(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        load_splits(isbi(tmp_path, train_split="train"), seed=0)
    assert "1 of 1 validation images are trained on too" in caplog.text


def test_reading_files_needs_no_tensorflow():
    program = (
        "import sys\n"
        "from tfadvseg.data import division, examples, folder, frames, images, on_disk, slices\n"
        "sys.exit('tensorflow' in sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.needs_shared_data
def test_the_experiments_division_of_the_challenge_data(shared_data, tmp_path):
    config = DataConfig(
        dataset="isbi2012", data_dir=str(shared_data / "isbi2012"), prepared_dir=str(tmp_path)
    )
    splits = load_splits(config, seed=0)
    assert splits.train.keys == tuple(f"train-{number:02d}" for number in range(20))
    assert splits.val.keys == tuple(f"train-{number:02d}" for number in range(20, 30))
    with Image.open(shared_data / "isbi2012/train-volume.tif") as file:
        file.seek(20)
        np.testing.assert_array_equal(splits.val.images[0][..., 0], np.array(file))
