"""Folders as people have them: nested, divided by sub-folders, listed by paths."""

from pathlib import Path

import numpy as np
import pytest

from tests.data.test_folder import grey, ids, read, save
from tfadvseg.config import DataConfig
from tfadvseg.data.sets.catalogue import find_dataset
from tfadvseg.data.sources import load_further_images, load_split, load_splits
from tfadvseg.errors import UserError


def pair(root: Path, name: str, label: bool = True, value: int = 1) -> np.ndarray:
    image = grey()
    save(root / f"images/{name}.png", image)
    if label:
        save(root / f"labels/{name}.png", ids(0, value))
    return image


def data(root: Path, **options) -> DataConfig:
    return DataConfig(dataset="folder", data_dir=str(root), **options)


def test_nested_files_belong_together_by_their_relative_paths(tmp_path):
    image = pair(tmp_path, "day/a", value=1)
    pair(tmp_path, "night/a", value=2)
    pair(tmp_path, "night/deep/b")
    pair(tmp_path, "top")
    folder = read(tmp_path, recursive=True)
    assert folder.examples.keys == ("day/a", "night/a", "night/deep/b", "top")
    assert folder.stems == folder.examples.keys
    np.testing.assert_array_equal(folder.examples.images[0][..., 0], image)
    assert [label.max() for label in folder.examples.labels] == [1, 2, 1, 1]
    assert read(tmp_path).examples.keys == ("top",)


def test_a_suffix_tells_nested_labels_apart(tmp_path):
    save(tmp_path / "x/a.png", grey())
    save(tmp_path / "x/a_mask.png", ids(0, 1))
    save(tmp_path / "y/a.png", grey())
    folder = read(tmp_path, recursive=True, label_suffix="_mask")
    assert folder.examples.keys == ("x/a",)
    assert folder.unlabelled.keys == ("y/a",)


def test_linked_folders_are_entered_and_circles_are_not(tmp_path):
    pair(tmp_path / "elsewhere", "a")
    for kind in ("images", "labels"):
        (tmp_path / "root" / kind).mkdir(parents=True)
        (tmp_path / "root" / kind / "linked").symlink_to(tmp_path / "elsewhere" / kind)
        (tmp_path / "elsewhere" / kind / "back").symlink_to(tmp_path / "root" / kind)
    assert read(tmp_path / "root", recursive=True).examples.keys == ("linked/a",)


def test_what_is_wrong_with_nested_files_is_named(tmp_path):
    pair(tmp_path, "day/a")
    with pytest.raises(UserError, match=r"images: holds no images .* with --recursive"):
        read(tmp_path)
    save(tmp_path / "labels/night/a.png", ids(0, 1))
    with pytest.raises(UserError, match=r"no image in .*images for night/a\.png"):
        read(tmp_path, recursive=True)


@pytest.fixture(params=["parts outside", "parts inside"])
def divided(tmp_path, request) -> Path:
    """Two images to train on, one without a label, one to validate on, and two to test on."""
    inside = request.param == "parts inside"

    def place(part: str) -> Path:
        return tmp_path if inside else tmp_path / part

    for part, name, label in (
        ("train", "a", True),
        ("train", "b", True),
        ("train", "c", False),
        ("val", "a", True),
        ("test", "a", True),
        ("test", "d", False),
    ):
        pair(place(part), f"{part}/{name}" if inside else name, label)
    return tmp_path


def test_sub_folders_say_what_trains_validates_and_tests(divided):
    splits = load_splits(data(divided), seed=0)
    assert splits.train.keys == ("train/a", "train/b")
    assert splits.val.keys == ("val/a",)
    assert splits.unlabelled.keys == ("train/c",)
    assert load_split(data(divided), "test", 0)[1].keys == ("test/a",)


def test_a_test_part_may_lack_labels(divided):
    for label in divided.rglob("labels/**/a.png"):
        if "test" in label.parts:
            label.unlink()
    test = load_split(data(divided), "test", 0)[1]
    assert test.keys == ("test/a", "test/d")
    assert test.labels is None
    assert load_splits(data(divided), 0).unlabelled.keys == ("train/c",)


def test_without_val_a_share_of_train_validates(tmp_path):
    for name in "abcde":
        pair(tmp_path / "train", name)
    pair(tmp_path / "test", "z")
    splits = load_splits(data(tmp_path, val_fraction=0.4), seed=0)
    assert (len(splits.train), len(splits.val)) == (3, 2)
    assert "test/z" not in (*splits.train.keys, *splits.val.keys)


def test_images_alone_of_a_divided_folder_are_those_of_train(divided):
    source = load_splits(data(divided), 0).descriptor
    images = load_further_images(data(divided), None, 0, source)
    assert images.keys == ("train/a", "train/b", "train/c")
    assert images.labels is None
    dataset = find_dataset("folder")
    assert not dataset.lacks_labels(data(divided))
    alone = divided / "alone"
    save(alone / "train/images/a.png", grey())
    assert dataset.lacks_labels(data(alone))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val_fraction": 0.5}, "--val_fraction=0.5: the sub-folders train, val, test of"),
        ({"test_fraction": 0.5}, "--test_fraction=0.5: the sub-folders"),
        ({"folds": 3}, "--folds=3: the sub-folders"),
        ({"train_list": "t", "val_list": "v"}, "--train_list=t: the sub-folders"),
    ],
)
def test_flags_that_divide_otherwise_are_refused(divided, options, message):
    with pytest.raises(UserError, match=message):
        load_splits(data(divided, **options), 0)


def test_two_folders_to_validate_on_are_refused(divided):
    place = divided / "images" if (divided / "images").exists() else divided
    (place / "valid").mkdir()
    with pytest.raises(UserError, match="val, valid, test: two folders of validation images"):
        read(divided)


def lists(root: Path, train: str, val: str) -> dict[str, str]:
    (root / "lists").mkdir(exist_ok=True)
    for name, text in (("train", train), ("val", val)):
        (root / f"lists/{name}.txt").write_text(text)
    return {f"{name}_list": str(root / f"lists/{name}.txt") for name in ("train", "val")}


@pytest.mark.parametrize(
    "line",
    [
        "day/a",
        "day/a.png",
        "images/day/a.png",
        "./images/day/a.png",
        "../images/day/a.png",
        "images\\day\\a.png",
        "labels/day/a.png",
        "{root}/images/day/a.png",
        "images/day/a.png labels/day/a.png",
    ],
)
def test_lists_may_hold_paths(tmp_path, line):
    for name in ("day/a", "night/a", "night/b"):
        pair(tmp_path, name)
    options = lists(tmp_path, line.format(root=tmp_path), "b.png")
    splits = load_splits(data(tmp_path, recursive=True, **options), 0)
    assert (splits.train.keys, splits.val.keys) == (("day/a",), ("night/b",))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.png", r"--train_list=.*: a\.png may be day/a, night/a; write the whole path"),
        ("images/dawn/a.png", r"no image images/dawn/a\.png with a label"),
        ("images/day/a.png labels/night/a.png", "no image images/day/a"),
        ("day/a\nimages/day/a.png", "names day/a twice"),
    ],
)
def test_paths_that_fit_no_image_or_several_are_refused(tmp_path, line, message):
    for name in ("day/a", "night/a", "night/b"):
        pair(tmp_path, name)
    options = lists(tmp_path, line, "night/b")
    with pytest.raises(UserError, match=message):
        load_splits(data(tmp_path, recursive=True, **options), 0)
