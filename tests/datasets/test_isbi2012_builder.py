"""The TFDS builder of the ISBI 2012 challenge."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tfadvseg_datasets.isbi2012 import isbi2012_dataset_builder, stacks

DUMMY_DATA = Path(isbi2012_dataset_builder.__file__).parent / "dummy_data"


class Isbi2012Test(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own suite on `dummy_data`."""

    DATASET_CLASS = isbi2012_dataset_builder.Builder
    EXAMPLE_DIR = DUMMY_DATA
    SPLITS = {"train": 3, "test": 2}  # noqa: RUF012 (TFDS reads it from the class)


@pytest.fixture
def raw(tmp_path) -> Path:
    """A copy of the dummy files, for tests that damage it."""
    return Path(shutil.copytree(DUMMY_DATA, tmp_path / "raw"))


def prepared(raw: Path, tmp_path: Path) -> tfds.core.DatasetBuilder:
    builder = tfds.builder("isbi2012", data_dir=tmp_path / "prepared")
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=raw))
    return builder


def write(path: Path, pages) -> None:
    first, *others = (Image.fromarray(page) for page in pages)
    first.save(path, save_all=True, append_images=others)


def pages_of(path: Path) -> list[np.ndarray]:
    with Image.open(path) as file:
        count = file.n_frames
        pages = []
        for page in range(count):
            file.seek(page)
            pages.append(np.array(file))
    return pages


def test_prepared_sections_equal_the_files_in_their_order(raw, tmp_path):
    builder = prepared(raw, tmp_path)
    for split in ("train", "test"):
        examples = list(builder.as_dataset(split=split).as_numpy_iterator())
        volume = pages_of(raw / f"{split}-volume.tif")
        assert [e["id"].decode() for e in examples] == [
            f"{split}-{i:02d}" for i in range(len(volume))
        ]
        for example, section in zip(examples, volume, strict=True):
            np.testing.assert_array_equal(example["image"][..., 0], section)
    labels = [e["label"][..., 0] for e in builder.as_dataset(split="train").as_numpy_iterator()]
    for label, section in zip(labels, pages_of(raw / "train-labels.tif"), strict=True):
        np.testing.assert_array_equal(label * 255, section)
    assert all(
        np.all(e["label"] == 255) for e in builder.as_dataset(split="test").as_numpy_iterator()
    )
    (last,) = builder.as_dataset(split="train[2:]").as_numpy_iterator()
    assert last["id"] == b"train-02"


def test_without_test_volume_there_is_no_test_split(raw, tmp_path):
    (raw / "test-volume.tif").unlink()
    assert list(prepared(raw, tmp_path).info.splits) == ["train"]


def test_palette_tiff_labels_are_read_by_index(raw):
    """Index 1 is black and index 0 white here, so reading colours would invert the labels."""
    ids = [page // 255 for page in pages_of(raw / "train-labels.tif")]
    images = []
    for page in ids:
        image = Image.fromarray(page * 255, "P")
        image.putpalette([255, 255, 255] + [0, 0, 0] * 255)
        images.append(image)
    images[0].save(raw / "train-labels.tif", save_all=True, append_images=images[1:])
    for label, page in zip(stacks.read_stacks(raw).train_labels, ids, strict=True):
        np.testing.assert_array_equal(label, page)


def test_every_missing_file_is_named(raw):
    for name in ("train-volume.tif", "train-labels.tif", "test-volume.tif"):
        (raw / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"train-volume\.tif and train-labels\.tif"):
        stacks.read_stacks(raw)
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        stacks.read_stacks(raw / "nowhere")


def test_unexpected_label_values_are_named_with_page(raw):
    pages = pages_of(raw / "train-labels.tif")
    pages[1][2, 3] = 128
    write(raw / "train-labels.tif", pages)
    with pytest.raises(ValueError, match=r"train-labels\.tif: page 1 contains 128; only 0 "):
        stacks.read_stacks(raw)


def test_stacks_of_different_length_or_size_are_refused(raw):
    labels = pages_of(raw / "train-labels.tif")
    write(raw / "train-labels.tif", labels[:2])
    with pytest.raises(
        ValueError, match=r"train-labels\.tif: 2 pages, but train-volume\.tif has 3"
    ):
        stacks.read_stacks(raw)
    write(raw / "train-labels.tif", [*labels[:2], labels[2][:20]])
    with pytest.raises(ValueError, match=r"page 2 is 20 x 32 .* is 24 x 32"):
        stacks.read_stacks(raw)


def test_colour_sections_are_refused(raw):
    colour = np.random.default_rng(0).integers(0, 256, (3, 24, 32, 3), dtype=np.uint8)
    write(raw / "train-volume.tif", colour)
    with pytest.raises(ValueError, match=r"train-volume\.tif: page 0 is in colour"):
        stacks.read_stacks(raw)


def test_unfit_files_leave_no_preparation_behind(raw, tmp_path):
    content = (raw / "train-volume.tif").read_bytes()
    (raw / "train-volume.tif").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"train-volume\.tif: not a complete image file"):
        prepared(raw, tmp_path)
    assert not [path for path in (tmp_path / "prepared").rglob("*") if path.is_file()]


@pytest.mark.needs_shared_data
def test_the_challenge_files_are_read(shared_data):
    volumes = stacks.read_stacks(shared_data / "isbi2012")
    assert len(volumes.train_images) == len(volumes.test_images) == 30
    assert all(image.shape == (512, 512, 1) for image in volumes.train_images)
    membrane = np.mean([label == stacks.MEMBRANE for label in volumes.train_labels])
    assert 0.21 < membrane < 0.23


def test_other_files_under_the_names_are_refused(raw):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(raw / "train-labels.tif", format="PNG")
    with pytest.raises(ValueError, match=r"train-labels\.tif: not a TIFF file"):
        stacks.read_stacks(raw)
