"""The TFDS builder of Cityscapes, on tiny files with official names."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tfadvseg_datasets.cityscapes_ids import to_train_ids
from tfadvseg_datasets.cityscapes_semseg import cityscapes_semseg_dataset_builder
from tfadvseg_datasets.cityscapes_semseg.files import find_splits
from tfadvseg_datasets.street_files import Numbering, read_frame

DUMMY_DATA = Path(cityscapes_semseg_dataset_builder.__file__).parent / "dummy_data"
TRAIN = ["aachen_000000_000019", "aachen_000001_000019", "bremen_000000_000019"]


class CityscapesSemsegTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own suite on `dummy_data`, for each kind of label."""

    DATASET_CLASS = cityscapes_semseg_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["label_ids", "train_ids"]  # noqa: RUF012
    EXAMPLE_DIR = DUMMY_DATA
    SPLITS = {"train": 3, "val": 2, "test": 1}  # noqa: RUF012


@pytest.fixture
def raw(tmp_path) -> Path:
    """A copy of the dummy files, for tests that damage it."""
    return Path(shutil.copytree(DUMMY_DATA, tmp_path / "raw"))


def prepared(raw: Path, folder: Path, name: str) -> dict[str, list[dict]]:
    builder = tfds.builder(name, data_dir=folder)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=raw))
    return {
        split: list(builder.as_dataset(split=split).as_numpy_iterator())
        for split in builder.info.splits
    }


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.array(file)


def labels(raw: Path, end: str) -> list[Path]:
    return sorted((raw / "gtFine").rglob(f"*_{end}.png"))


@pytest.mark.parametrize("config", ["label_ids", "train_ids"])
def test_prepared_frames_equal_the_files_in_order(raw, tmp_path, config):
    splits = prepared(raw, tmp_path / "prepared", f"cityscapes_semseg/{config}")
    assert {split: len(part) for split, part in splits.items()} == {"train": 3, "val": 2, "test": 1}
    assert [example["id"].decode() for example in splits["train"]] == TRAIN
    for split in ("train", "val"):
        for example in splits[split]:
            name = example["id"].decode()
            place = f"{split}/{name.split('_')[0]}/{name}"
            image = pixels(raw / f"leftImg8bit/{place}_leftImg8bit.png")
            np.testing.assert_array_equal(example["image"], image)
            ids = pixels(raw / f"gtFine/{place}_gtFine_labelIds.png")
            np.testing.assert_array_equal(example["label"][..., 0], to_train_ids(ids))
    assert splits["test"][0]["image"].shape == (16, 32, 3)
    assert np.all(splits["test"][0]["label"] == 255)


def test_frames_can_be_read_without_preparing(raw):
    splits = find_splits(raw)
    for end, numbering in (
        ("labelIds", Numbering.LABEL_IDS),
        ("labelTrainIds", Numbering.TRAIN_IDS),
    ):
        for frame in find_splits(raw, numbering)["train"]:
            assert frame.label is not None and frame.label.name.endswith(f"_{end}.png")
            image, label = read_frame(frame, numbering)
            assert image.shape == (16, 32, 3)
            ids = pixels(Path(str(frame.label).replace("labelTrainIds", "labelIds")))
            np.testing.assert_array_equal(label, to_train_ids(ids))
    image, label = read_frame(splits["test"][0], Numbering.LABEL_IDS)
    assert label.shape == image.shape[:2] and np.all(label == 255)


def test_void_labels_of_test_are_taken(raw):
    """The published ones contain only the ids of the ego vehicle and of the border."""
    place = raw / "gtFine/test/berlin"
    place.mkdir(parents=True)
    path = place / "berlin_000000_000019_gtFine_labelIds.png"
    Image.fromarray(np.full((16, 32), 3, np.uint8)).save(path)
    (frame,) = find_splits(raw)["test"]
    assert str(frame.label) == str(path)
    assert np.all(read_frame(frame, Numbering.LABEL_IDS)[1] == 255)


def test_splits_without_folder_are_left_out(raw):
    for kind in ("leftImg8bit", "gtFine"):
        shutil.rmtree(raw / kind / "train")
    assert list(find_splits(raw)) == ["val", "test"]
    shutil.rmtree(raw / "leftImg8bit/val")
    shutil.rmtree(raw / "gtFine")
    assert list(find_splits(raw)) == ["test"]
    shutil.rmtree(raw / "leftImg8bit/test")
    (raw / "gtFine").mkdir()
    with pytest.raises(FileNotFoundError, match="none of the folders train, val, test"):
        find_splits(raw)


@pytest.mark.parametrize(
    ("gone", "config", "message"),
    [
        (["labelIds"], "labelIds", "trainIds and colour-coded labels, but labelIds are expected"),
        (["labelIds", "labelTrainIds"], "labelIds", "It contains colour-coded labels, but labelI"),
        (["labelTrainIds"], "labelTrainIds", "contains labelIds and colour.*omit train_ids"),
    ],
)
def test_labels_of_another_kind_are_named(raw, gone, config, message):
    for end in gone:
        for path in labels(raw, end):
            path.unlink()
    pattern = rf"train/aachen: lacks aachen_000000_000019_gtFine_{config}\.png, .*{message}"
    with pytest.raises(FileNotFoundError, match=pattern):
        find_splits(raw, Numbering(config))


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        ("labelTrainIds", "labelIds", r"trainIds \(recognised by 255\), but labelIds are expected"),
        (
            "labelIds",
            "labelTrainIds",
            r"labelIds \(recognised by \d\d\), but trainIds are expected",
        ),
        ("color", "labelIds", "a colour-coded label, but labelIds are expected"),
        ("color", "labelTrainIds", "a colour-coded label, but labelTrainIds are expected"),
    ],
)
def test_files_of_another_kind_under_a_right_name_are_refused(raw, source, name, message):
    for path in labels(raw, source):
        shutil.copy(path, str(path).replace(source, name))
    with pytest.raises(ValueError, match=rf"_gtFine_{name}\.png: {message}"):
        find_splits(raw, Numbering(name))


def test_instance_ids_are_refused(raw):
    for path in labels(raw, "labelIds"):
        Image.fromarray(pixels(path).astype(np.int32) * 1000).save(path)
    with pytest.raises(ValueError, match=r"labelIds\.png: instance ids, but labelIds"):
        find_splits(raw)


def test_swapped_folders_are_refused(raw):
    shutil.rmtree(raw / "leftImg8bit/test")
    (raw / "leftImg8bit").rename(raw / "x")
    (raw / "gtFine").rename(raw / "leftImg8bit")
    (raw / "x").rename(raw / "gtFine")
    with pytest.raises(ValueError, match="contains files of gtFine; images and labels are swapped"):
        find_splits(raw)


def test_inner_folders_are_found(raw, tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"they are in {raw}: give that folder"):
        find_splits(tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"is itself one of .*; give {raw}\."):
        find_splits(raw / "gtFine")
    for kind in ("leftImg8bit", "gtFine"):
        (raw / f"{kind}_trainvaltest").mkdir()
        (raw / kind).rename(raw / f"{kind}_trainvaltest" / kind)
    pattern = r"lacks leftImg8bit and gtFine; move up .*gtFine_trainvaltest/gtFine, .*leftImg8bit"
    with pytest.raises(FileNotFoundError, match=pattern):
        find_splits(raw)
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        find_splits(tmp_path / "nowhere")


def test_files_that_do_not_fit_are_named(raw):
    path = raw / "gtFine/val/lindau/lindau_000001_000019_gtFine_labelIds.png"
    label = pixels(path)
    Image.fromarray(label[:15]).save(path)
    with pytest.raises(ValueError, match=r"lindau_000001.*: 15 x 32 .* is 16 x 32; they must"):
        find_splits(raw)
    Image.fromarray(label).save(path)
    image = raw / "leftImg8bit/val/lindau/lindau_000001_000019_leftImg8bit.png"
    image.rename(image.with_name("frame.png"))
    with pytest.raises(ValueError, match=r"val/lindau: contains frame\.png; expected names are"):
        find_splits(raw)
    (image.with_name("frame.png")).unlink()
    with pytest.raises(FileNotFoundError, match=r"lindau_000001.* have no image in leftImg8bit"):
        find_splits(raw)
    shutil.rmtree(raw / "leftImg8bit/train/bremen")
    with pytest.raises(FileNotFoundError, match="leftImg8bit/train: lacks bremen"):
        find_splits(raw)


@pytest.mark.slow
def test_the_catalogue_keeps_its_datasets(tmp_path):
    """Importing ours hides none of TFDS's names, nor loads Beam."""
    program = (
        "import sys, tensorflow_datasets as tfds\n"
        "before = {n: tfds.builder_cls(n) for n in ('cityscapes', 'mnist')}\n"
        "listed = set(tfds.list_builders())\n"
        "import tfadvseg_datasets\n"
        "modules = {k: v for k, v in vars(tfadvseg_datasets).items() if k.endswith('_builder')}\n"
        "ours = [module.Builder.name for module in modules.values()]\n"
        "assert 'gta5' in ours and 'cityscapes_semseg' in ours, ours\n"
        "assert not listed & set(ours), listed & set(ours)\n"
        "assert listed <= set(tfds.list_builders())\n"
        "assert all(tfds.builder_cls(n) is c for n, c in before.items())\n"
        "assert 'tfadvseg' not in before['cityscapes'].__module__\n"
        "assert 'apache_beam' not in sys.modules\n"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert result.returncode == 0, result.stderr
