"""Datasets that tfadvseg splits itself: darkfield by seed, CamVid by stretches."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfadvseg.config import DataConfig
from tfadvseg.data.examples import collect
from tfadvseg.data.sources import load_split, load_splits, stream_split
from tfadvseg.errors import UserError
from tfadvseg_datasets.camvid import camvid_dataset_builder
from tfadvseg_datasets.cells.generate import generate_image
from tfadvseg_datasets.darkfield import darkfield_dataset_builder

DARKFIELD = Path(darkfield_dataset_builder.__file__).parent / "dummy_data"
CAMVID = Path(camvid_dataset_builder.__file__).parent / "dummy_data"
TRAIN = ["0006R0_f00930", "0006R0_f00960", "0001TP_006690", "0001TP_006720", "0016E5_00390"]


def darkfield(tmp_path: Path, **options) -> DataConfig:
    options = {"data_dir": str(DARKFIELD), **options}
    return DataConfig(dataset="darkfield", prepared_dir=str(tmp_path / "prepared"), **options)


def camvid(tmp_path: Path, **options) -> DataConfig:
    options = {"data_dir": str(CAMVID), **options}
    return DataConfig(dataset="camvid", prepared_dir=str(tmp_path / "prepared"), **options)


@pytest.fixture
def camvid_without_val(tmp_path) -> str:
    raw = Path(shutil.copytree(CAMVID, tmp_path / "raw"))
    shutil.rmtree(raw / "val")
    shutil.rmtree(raw / "valannot")
    return str(raw)


def test_cells_come_straight_from_the_generator():
    config = DataConfig(dataset="cells", train_split="train[3:5]", val_split="test[:1]")
    splits = load_splits(config, seed=7)
    assert splits.descriptor.num_classes == 3
    assert (splits.train.keys, splits.val.keys) == (("train-03", "train-04"), ("test-00",))
    image, label = generate_image(0, 3)
    np.testing.assert_array_equal(splits.train.images[0], image)
    np.testing.assert_array_equal(splits.train.labels[0], label)


@pytest.mark.parametrize("seed", [0, 1])
def test_darkfield_is_divided_so_that_each_part_has_each_class(tmp_path, seed):
    config = darkfield(tmp_path)
    splits = load_splits(config, seed)
    _, test = load_split(config, "test", seed)
    parts = (splits.train, splits.val, test)
    assert sorted(key for part in parts for key in part.keys) == ["001", "002", "003", "004", "010"]
    for part in parts:
        assert set(np.unique(np.concatenate([label.ravel() for label in part.labels]))) == {0, 1, 2}
    assert load_split(config, "train", seed)[1].keys == splits.train.keys
    assert load_split(config, "validation", seed)[1].keys == splits.val.keys


def test_the_seed_draws_the_division(tmp_path):
    config = darkfield(tmp_path)
    assert len({load_split(config, "test", seed)[1].keys for seed in range(6)}) > 1


def test_all_of_darkfield_comes_in_order_of_its_names(tmp_path):
    descriptor, everything = load_split(darkfield(tmp_path), "all", seed=3)
    assert everything.keys == ("001", "002", "003", "004", "010")
    for key, image, label in zip(
        everything.keys, everything.images, everything.labels, strict=True
    ):
        with Image.open(DARKFIELD / f"images/{key}.png") as file:
            np.testing.assert_array_equal(image, np.array(file))
        assert label.shape == image.shape[:2]
    assert descriptor.palette[0] == (0, 0, 0)
    streamed = collect(stream_split(darkfield(tmp_path), "all", seed=3)[1])
    assert streamed.keys == everything.keys


def test_darkfield_without_a_test_part(tmp_path):
    config = darkfield(tmp_path, test_fraction=0.0, val_fraction=0.4)
    splits = load_splits(config, seed=0)
    assert (len(splits.train), len(splits.val)) == (3, 2)
    message = "--split=test: no such part of darkfield; take train, validation, all"
    with pytest.raises(UserError, match=message):
        load_split(config, "test", seed=0)


def test_darkfield_files_that_do_not_fit_are_named(tmp_path):
    raw = Path(shutil.copytree(DARKFIELD, tmp_path / "raw"))
    config = darkfield(tmp_path, data_dir=str(raw))
    (raw / "masks/003.png").unlink()
    with pytest.raises(UserError, match=r"--data_dir: .*images: 003\.png without a mask"):
        load_splits(config, seed=0)
    Image.fromarray(np.full((16, 16), 9, np.uint8)).save(raw / "masks/003.png")
    with pytest.raises(
        UserError, match=r"masks/003\.png: contains 9; valid class ids are 0 \(back"
    ):
        load_splits(config, seed=0)
    assert not (tmp_path / "prepared").exists()


def test_images_and_masks_are_not_taken_for_each_other(tmp_path):
    """Two folders with swapped content are other data, though names and contents are equal."""
    raw = tmp_path / "raw"
    for kind, level in (("images", 1), ("masks", 2)):
        (raw / kind).mkdir(parents=True)
        for name in "abc":
            Image.fromarray(np.array([[0, 1, 2, level]], np.uint8)).save(raw / kind / f"{name}.png")
    config = darkfield(tmp_path, data_dir=str(raw))
    assert load_split(config, "all", seed=0)[1].labels[0][0, 3] == 2
    (raw / "images").rename(raw / "other")
    (raw / "masks").rename(raw / "images")
    (raw / "other").rename(raw / "masks")
    assert load_split(config, "all", seed=0)[1].labels[0][0, 3] == 1


def test_camvid_validates_on_val_where_it_is_there(tmp_path):
    splits = load_splits(camvid(tmp_path), seed=0)
    assert list(splits.train.keys) == TRAIN
    assert splits.val.keys == ("0016E5_07959", "0016E5_07961")
    assert splits.descriptor.num_classes == 11
    assert set(np.unique(splits.train.labels)) == {*range(11), 255}


def test_camvid_without_val_holds_out_stretches(tmp_path, camvid_without_val):
    config = camvid(tmp_path, data_dir=camvid_without_val)
    splits = load_splits(config, seed=0)
    assert list(splits.val.keys) == [TRAIN[2]]
    assert list(splits.train.keys) == TRAIN[:2] + TRAIN[3:]
    assert load_splits(config, seed=1).val.keys == splits.val.keys
    assert load_split(config, "validation", seed=0)[1].keys == splits.val.keys
    assert list(load_split(config, "all", seed=0)[1].keys) == TRAIN
    with pytest.raises(UserError, match=r"--split=val: no such split .*train \(5 examples\)"):
        load_split(config, "val", seed=0)


def test_a_given_fraction_of_camvid_is_held_out_even_beside_val(tmp_path):
    config = camvid(tmp_path, val_fraction=0.4)
    splits = load_splits(config, seed=0)
    assert (len(splits.train), len(splits.val)) == (3, 2)
    assert set(splits.val.keys) < set(TRAIN)
    assert len(load_split(config, "val", seed=0)[1]) == 2


def test_void_as_a_class(tmp_path):
    ignoring = load_splits(camvid(tmp_path), seed=0)
    counting = load_splits(camvid(tmp_path, void_as_class=True), seed=0)
    assert counting.descriptor.class_names[11] == "void"
    for one, other in zip(ignoring.train.labels, counting.train.labels, strict=True):
        np.testing.assert_array_equal(np.where(one == 255, 11, one), other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "darkfield"}, "--data_dir is required with --dataset=darkfield"),
        (
            {"dataset": "darkfield", "train_split": "train"},
            "darkfield is divided by --val_fraction, --test_",
        ),
        ({"dataset": "cells", "test_fraction": 0.1}, "--test_fraction=0.1: is for --dataset=dark"),
        (
            {"dataset": "cells", "val_fraction": 0.1},
            "--val_fraction=0.1: is for .*dark.*; cells is divided by",
        ),
        (
            {"dataset": "folder", "val_fraction": 0.1, "train_list": "a", "val_list": "b"},
            "--val_fraction=0.1: --train_list and --val_list say already",
        ),
        (
            {"dataset": "cells", "foreground_class": "x"},
            "--foreground_class=x: is for .*folder",
        ),
        ({"dataset": "cells", "void_as_class": True}, "--void_as_class: is for --dataset=camvid"),
        ({"dataset": "cells", "data_dir": "x"}, "--data_dir=x: is for .*; cells is embedded"),
        (
            {"dataset": "camvid", "data_dir": str(CAMVID), "val_split": "val", "val_fraction": 0.1},
            "--val_fraction holds validation frames out of train; leave it out",
        ),
    ],
)
def test_flags_that_do_not_fit_are_named(options, message, tmp_path):
    with pytest.raises(UserError, match=message):
        load_splits(DataConfig(prepared_dir=str(tmp_path), **options), seed=0)


@pytest.mark.needs_shared_data
def test_the_real_masks_are_divided(shared_data):
    """Computed from the masks alone, so that nothing needs to be prepared."""
    from tfadvseg.data.stratified import divide_stratified

    classes = []
    for path in sorted((shared_data / "darkfield/masks").glob("*.png"))[::3]:
        with Image.open(path) as file:
            classes.append(set(np.unique(np.array(file)).tolist()))
    keys = [str(number) for number in range(len(classes))]
    parts = divide_stratified(keys, classes, "abc", {"validation": 0.1, "test": 0.1}, 0)
    assert [len(part) for part in parts.values()] == [88, 11, 11]
    with_spirochaetes = [np.mean([2 in classes[i] for i in part]) for part in parts.values()]
    assert max(with_spirochaetes) - min(with_spirochaetes) < 0.15
