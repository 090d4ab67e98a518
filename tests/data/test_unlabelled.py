"""A target domain: images whose labels are not read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfadvseg.config import DataConfig
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.data.sources import load_split, load_unlabelled
from tfadvseg.errors import UserError
from tfadvseg_datasets.cityscapes_semseg import cityscapes_semseg_dataset_builder

CAMVID = descriptor_of("camvid")
CITYSCAPES = descriptor_of("cityscapes_semseg")
MEMBRANES = descriptor_of("membranes")
STREETS_GAME = descriptor_of("streets_game")

DUMMY_DATA = Path(cityscapes_semseg_dataset_builder.__file__).parent / "dummy_data"


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three colour images of two sizes; b is written first."""
    rng = np.random.default_rng(0)
    for name, height in (("b", 9), ("a", 6), ("c", 6)):
        save(tmp_path / f"images/{name}.png", rng.integers(0, 256, (height, 8, 3), dtype=np.uint8))
    return tmp_path


def target(folder: Path, **options) -> DataConfig:
    return DataConfig(dataset="folder", data_dir=str(folder), **options)


@pytest.mark.parametrize("split", ["train", "all"])
def test_a_folder_of_images_alone_is_enough(folder, split):
    examples = load_unlabelled(target(folder), split, 0, CITYSCAPES)
    assert (examples.keys, examples.labels) == (("a", "b", "c"), None)
    with Image.open(folder / "images/b.png") as file:
        np.testing.assert_array_equal(examples.images[1], np.array(file))
    resized = load_unlabelled(target(folder, resize=(4, 4)), split, 0, CITYSCAPES)
    assert {image.shape for image in resized.images} == {(4, 4, 3)}


def test_pages_are_images_of_their_own(tmp_path):
    (tmp_path / "images").mkdir()
    pages = [Image.fromarray(np.full((4, 5), level, np.uint8)) for level in (3, 7)]
    pages[0].save(tmp_path / "images/x.tif", save_all=True, append_images=pages[1:])
    examples = load_unlabelled(target(tmp_path), "train", 0, MEMBRANES)
    assert examples.keys == ("x/000", "x/001")
    assert [int(image[0, 0, 0]) for image in examples.images] == [3, 7]


def test_labels_that_are_there_are_not_given():
    config = DataConfig(dataset="cityscapes_semseg", data_dir=str(DUMMY_DATA), prepare="none")
    _, labelled = load_split(config, "train", seed=0)
    examples = load_unlabelled(config, "train", 0, STREETS_GAME)
    assert labelled.labels is not None and examples.labels is None
    assert examples.keys == labelled.keys
    np.testing.assert_array_equal(examples.images[1], labelled.images[1])
    assert len(load_unlabelled(config, "test", 0, STREETS_GAME)) == 1


def test_a_folder_with_labels_is_divided_as_ever(folder):
    for name, height in (("a", 6), ("b", 9), ("c", 6)):
        save(folder / f"labels/{name}.png", np.resize(np.arange(3, dtype=np.uint8), (height, 8)))
    parts = [
        load_unlabelled(target(folder), s, 1, CITYSCAPES).keys for s in ("train", "validation")
    ]
    assert sorted(parts[0] + parts[1]) == ["a", "b", "c"]
    assert parts[1] == load_split(target(folder), "validation", seed=1)[1].keys


def test_targets_that_are_not_like_the_source_are_refused(folder):
    with pytest.raises(
        UserError, match=r"images .folder. are in colour, the labelled ones .membranes. gr"
    ):
        load_unlabelled(target(folder), "train", 0, MEMBRANES)
    camera = DataConfig(dataset="streets_camera", train_split="train[:1]")
    with pytest.raises(UserError, match=r"streets_camera. has the classes road, .*camvid. sky, "):
        load_unlabelled(camera, "train", 0, CAMVID)
    for name, height in (("a", 6), ("b", 9), ("c", 6)):
        save(folder / f"labels/{name}.png", np.resize(np.arange(12, dtype=np.uint8), (height, 8)))
    with pytest.raises(UserError, match=r"classes class_0, .* class_11, the source .camvid."):
        load_unlabelled(target(folder), "train", 0, CAMVID)
    names = tuple(f"other_{i}" for i in range(19))
    with pytest.raises(UserError, match="classes other_0"):
        load_unlabelled(target(folder, class_names=names), "train", 0, CITYSCAPES)


@pytest.mark.parametrize(
    ("split", "options", "message"),
    [
        ("validation", {}, "without labels, all of which are train; validation needs labels/ too"),
        ("train", {"train_split": "train"}, "--train_split=train: is for .*; folder is divided by"),
        ("train", {"skip_damaged": True}, "--skip_damaged: is for --dataset=gta5"),
    ],
)
def test_images_without_labels_are_refused_where_labels_are_needed(folder, split, options, message):
    with pytest.raises(UserError, match=message):
        load_unlabelled(target(folder, **options), split, 0, CITYSCAPES)


def test_an_empty_target_is_refused(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match="images: holds no images"):
        load_unlabelled(target(tmp_path), "train", 0, CITYSCAPES)
    with pytest.raises(UserError, match="holds no folder images and no folder labels"):
        load_unlabelled(target(tmp_path / "images"), "train", 0, CITYSCAPES)
    camera = DataConfig(dataset="streets_camera", train_split="train[400:]")
    with pytest.raises(UserError, match="contains no examples"):
        load_unlabelled(camera, "train", 0, STREETS_GAME)


def test_images_that_do_not_go_together_are_named(folder):
    save(folder / "images/d.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(UserError, match=r"d\.png is grey and .*a\.png is in colour"):
        load_unlabelled(target(folder), "train", 0, CITYSCAPES)
