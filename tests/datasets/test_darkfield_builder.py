"""The TFDS builder of the darkfield set."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tfadvseg_datasets.darkfield import darkfield_dataset_builder, files

DUMMY_DATA = Path(darkfield_dataset_builder.__file__).parent / "dummy_data"
NAMES = ["001", "002", "003", "004", "010"]


class DarkfieldTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own suite on `dummy_data`."""

    DATASET_CLASS = darkfield_dataset_builder.Builder
    EXAMPLE_DIR = DUMMY_DATA
    SPLITS = {"train": 5}  # noqa: RUF012 (TFDS reads it from the class)


@pytest.fixture
def raw(tmp_path) -> Path:
    """A copy of the dummy files, for tests that damage it."""
    return Path(shutil.copytree(DUMMY_DATA, tmp_path / "raw"))


def examples_of(raw: Path, place: Path) -> list[dict]:
    builder = tfds.builder("darkfield", data_dir=place)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=raw))
    return list(builder.as_dataset(split="train").as_numpy_iterator())


def test_prepared_examples_equal_the_files_in_order_of_their_names(raw, tmp_path):
    examples = examples_of(raw, tmp_path / "prepared")
    assert [example["id"].decode() for example in examples] == NAMES
    for example, name in zip(examples, NAMES, strict=True):
        with Image.open(raw / f"images/{name}.png") as file:
            np.testing.assert_array_equal(example["image"], np.array(file))
        with Image.open(raw / f"masks/{name}.png") as file:
            np.testing.assert_array_equal(example["label"][..., 0], np.array(file.convert("L")))
    assert {example["image"].shape for example in examples} >= {(24, 32, 3), (31, 20, 3)}


def test_a_folder_of_flattened_masks_is_read(raw, tmp_path):
    expected = examples_of(raw, tmp_path / "one")
    (raw / "masks").rename(raw / "flattened_masks")
    for one, other in zip(expected, examples_of(raw, tmp_path / "two"), strict=True):
        np.testing.assert_array_equal(one["label"], other["label"])


def test_pairs_are_matched_by_name(raw):
    """Not by position: without one image and another's mask, the numbers of files are equal."""
    (raw / "images/002.png").unlink()
    (raw / "masks/010.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"images: 010\.png without a mask"):
        files.find_pairs(raw)


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("masks/003.png", r"images: 003\.png without a mask of that name in .*masks"),
        ("images/004.png", r"masks: 004\.png without an image of that name in .*images"),
    ],
)
def test_missing_partners_are_named(raw, gone, message):
    (raw / gone).unlink()
    with pytest.raises(FileNotFoundError, match=message):
        files.find_pairs(raw)


def test_missing_folders_are_named(raw, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        files.find_pairs(tmp_path / "nowhere")
    shutil.rmtree(raw / "masks")
    with pytest.raises(FileNotFoundError, match="needs the folders images and masks or flattened"):
        files.find_pairs(raw)
    (raw / "masks").mkdir()
    shutil.rmtree(raw / "images")
    (raw / "images").mkdir()
    with pytest.raises(FileNotFoundError, match="images: contains no PNG files"):
        files.find_pairs(raw)


def test_values_out_of_range_stop_the_preparation(raw, tmp_path):
    mask = np.full((16, 16), 1, np.uint8)
    mask[3, 4] = 7
    Image.fromarray(mask).save(raw / "masks/003.png")
    message = (
        r"masks/003\.png: contains 7; valid class ids are 0 \(background\), 1 \(red_blood_cell\), "
        r"2 \(spirochaete\)\."
    )
    with pytest.raises(ValueError, match=message):
        examples_of(raw, tmp_path / "prepared")
    assert not [path for path in (tmp_path / "prepared").rglob("*.json") if path.is_file()]


def test_a_mask_of_another_size_is_named(raw, tmp_path):
    Image.fromarray(np.zeros((16, 15), np.uint8)).save(raw / "masks/003.png")
    with pytest.raises(ValueError, match=r"masks/003\.png: 16 x 15 .*images/003\.png is 16 x 16"):
        examples_of(raw, tmp_path / "prepared")


@pytest.mark.needs_shared_data
def test_the_real_files_pair_up(shared_data):
    pairs = files.find_pairs(shared_data / "darkfield")
    assert [pair.name for pair in pairs] == [f"{number:03d}" for number in range(1, 331)]
