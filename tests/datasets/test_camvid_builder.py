"""The TFDS builder of CamVid as prepared for SegNet."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tfadvseg_datasets.camvid import camvid_dataset_builder, lists

DUMMY_DATA = Path(camvid_dataset_builder.__file__).parent / "dummy_data"
TRAIN = ["0006R0_f00930", "0006R0_f00960", "0001TP_006690", "0001TP_006720", "0016E5_00390"]


class CamVidTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own suite on `dummy_data`, in both configurations."""

    DATASET_CLASS = camvid_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["void_ignored", "void_as_class"]  # noqa: RUF012
    EXAMPLE_DIR = DUMMY_DATA
    SPLITS = {"train": 5, "val": 2}  # noqa: RUF012


@pytest.fixture
def raw(tmp_path) -> Path:
    """A copy of the dummy files, for tests that damage it."""
    return Path(shutil.copytree(DUMMY_DATA, tmp_path / "raw"))


def prepared(raw: Path, tmp_path: Path, name: str = "camvid") -> tfds.core.DatasetBuilder:
    builder = tfds.builder(name, data_dir=tmp_path / "prepared")
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=raw))
    return builder


@pytest.mark.parametrize(("name", "void"), [("camvid", 255), ("camvid/void_as_class", 11)])
def test_prepared_frames_equal_the_files_in_the_lists_order(raw, tmp_path, name, void):
    builder = prepared(raw, tmp_path, name)
    examples = list(builder.as_dataset(split="train").as_numpy_iterator())
    assert [example["id"].decode() for example in examples] == TRAIN
    for example, frame in zip(examples, TRAIN, strict=True):
        with Image.open(raw / f"train/{frame}.png") as file:
            np.testing.assert_array_equal(example["image"], np.array(file))
        with Image.open(raw / f"trainannot/{frame}.png") as file:
            ids = np.array(file)
        assert np.any(ids == 11)
        np.testing.assert_array_equal(example["label"][..., 0], np.where(ids == 11, void, ids))
    assert builder.info.features["label"].num_classes == (11 if void == 255 else 12)


def test_splits_without_folders_are_left_out(raw, tmp_path):
    assert list(lists.find_splits(raw)) == ["train", "val"]
    shutil.rmtree(raw / "val")
    shutil.rmtree(raw / "valannot")
    assert list(prepared(raw, tmp_path).info.splits) == ["train"]
    shutil.rmtree(raw / "train")
    shutil.rmtree(raw / "trainannot")
    with pytest.raises(FileNotFoundError, match="none of the folders train, val, test"):
        lists.find_splits(raw)
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        lists.find_splits(tmp_path / "nowhere")


@pytest.mark.parametrize("gone", ["val", "valannot", "val.txt"])
def test_half_a_split_is_refused(raw, gone):
    path = raw / gone
    path.unlink() if path.is_file() else shutil.rmtree(path)
    with pytest.raises(FileNotFoundError, match=f"lacks {gone} of the split val"):
        lists.find_splits(raw)


@pytest.mark.parametrize("folder", ["val", "valannot"])
def test_frames_that_lack_or_that_no_list_names_are_named(raw, folder):
    (raw / folder / "0016E5_07959.png").rename(raw / folder / "extra.png")
    with pytest.raises(FileNotFoundError, match=rf"{folder}: lacks 0016E5_07959\.png, which val"):
        lists.find_splits(raw)
    shutil.copy(raw / folder / "extra.png", raw / folder / "0016E5_07959.png")
    with pytest.raises(ValueError, match=rf"val\.txt: does not list extra\.png of {folder}"):
        lists.find_splits(raw)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/x/val/a.png", r"val\.txt: line 3 is '/x/val/a.png'; expected an image of val/"),
        ("/x/val/a.png /x/valannot/b.png", "line 3 is .*equal names"),
        ("/x/train/a.png /x/trainannot/a.png", "line 3 is "),
        ("val/0016E5_07959.png valannot/0016E5_07959.png", "line 3 lists 0016E5_07959 again"),
    ],
)
def test_lines_that_do_not_fit_are_named(raw, line, message):
    with (raw / "val.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=message):
        lists.find_splits(raw)


def test_lists_may_have_any_prefix_and_blank_lines_but_not_be_empty(raw):
    text = (raw / "val.txt").read_text()
    (raw / "val.txt").write_text(text.replace("/SegNet/CamVid/", "") + "\n\n")
    assert [pair.name for pair in lists.find_splits(raw)["val"]] == ["0016E5_07959", "0016E5_07961"]
    (raw / "val.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"val\.txt: empty"):
        lists.find_splits(raw)


def test_values_out_of_range_are_named(raw, tmp_path):
    Image.fromarray(np.full((24, 32), 12, np.uint8)).save(raw / "valannot/0016E5_07961.png")
    message = (
        r"valannot/0016E5_07961\.png: contains 12; valid class ids are 0 \(sky\).* 11 \(void\)\."
    )
    with pytest.raises(ValueError, match=message):
        prepared(raw, tmp_path)


@pytest.mark.needs_shared_data
def test_the_real_lists_are_read(shared_data):
    splits = lists.find_splits(shared_data / "camvid")
    assert {split: len(pairs) for split, pairs in splits.items()} == {"train": 367}
    assert splits["train"][0].name == "0001TP_006690"
