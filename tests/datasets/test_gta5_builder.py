"""The TFDS builder of GTA5, on tiny files with official names."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tfadvseg_datasets.cityscapes_ids import CLASSES, to_colours, to_train_ids
from tfadvseg_datasets.gta5 import gta5_dataset_builder
from tfadvseg_datasets.gta5.files import divide, find_frames
from tfadvseg_datasets.street_files import Numbering, read_frame, to_example

DUMMY_DATA = Path(gta5_dataset_builder.__file__).parent / "dummy_data"
NAMES = ["00001", "00002", "00003", "00004", "00005"]


class Gta5Test(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own suite on `dummy_data`."""

    DATASET_CLASS = gta5_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["all"]  # noqa: RUF012 (TFDS reads it from the class)
    EXAMPLE_DIR = DUMMY_DATA
    SPLITS = {"train": 5}  # noqa: RUF012


class Gta5SplitTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own suite, with the official splits."""

    DATASET_CLASS = gta5_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["official_split"]  # noqa: RUF012
    EXAMPLE_DIR = DUMMY_DATA
    SPLITS = {"train": 3, "val": 1, "test": 1}  # noqa: RUF012


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


def label_of(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        assert file.mode == "P"
        return np.array(file)


def save_labels(raw: Path, change) -> None:
    for path in (raw / "labels").iterdir():
        Image.fromarray(change(label_of(path))).save(path)


def test_prepared_frames_equal_the_files_in_order(raw, tmp_path):
    examples = prepared(raw, tmp_path / "prepared", "gta5")
    assert list(examples) == ["train"]
    assert [example["id"].decode() for example in examples["train"]] == NAMES
    for example, number in zip(examples["train"], NAMES, strict=True):
        with Image.open(raw / f"images/{number}.png") as file:
            np.testing.assert_array_equal(example["image"], np.array(file))
        expected = to_train_ids(label_of(raw / f"labels/{number}.png"))
        np.testing.assert_array_equal(example["label"][..., 0], expected)


def test_frames_can_be_read_without_preparing(raw):
    for frame in find_frames(raw):
        image, label = read_frame(frame, Numbering.LABEL_IDS)
        with Image.open(raw / f"images/{frame.name}.png") as file:
            np.testing.assert_array_equal(image, np.array(file))
        expected = to_train_ids(label_of(raw / f"labels/{frame.name}.png"))
        np.testing.assert_array_equal(label, expected)


def test_the_official_split_divides_what_is_there(raw):
    def names() -> dict[str, list[str]]:
        parts = divide(find_frames(raw), raw)
        return {split: [frame.name for frame in part] for split, part in parts.items()}

    assert names() == {"train": ["00001", "00002", "00004"], "val": ["00003"], "test": ["00005"]}
    for kind in ("images", "labels"):
        (raw / kind / "00005.png").unlink()
    assert list(names()) == ["train", "val"]
    for kind in ("images", "labels"):
        (raw / kind / "00004.png").rename(raw / kind / "00009.png")
    with pytest.raises(ValueError, match=r"split\.mat: does not list 00009"):
        names()
    (raw / "split.mat").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"split\.mat: not a file with trainIds"):
        names()
    (raw / "split.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"split\.mat: no such file; download it"):
        names()


def test_damaged_frames_are_named_and_left_out_on_request(raw, tmp_path, caplog):
    for number in ("00002", "00004"):
        label = Image.open(raw / f"labels/{number}.png")
        label.crop((0, 0, 36, 19)).save(raw / f"labels/{number}.png")
    message = r"00002\.png: 19 x 36 .*is 20 x 36.*Damaged labels: 00002, 00004;.*skip_damaged"
    with pytest.raises(ValueError, match=message):
        prepared(raw, tmp_path / "prepared", "gta5")
    examples = prepared(raw, tmp_path / "prepared", "gta5/all_skip_damaged")["train"]
    assert [example["id"].decode() for example in examples] == ["00001", "00003", "00005"]
    assert "00002.png: 19 x 36" in caplog.text and "00004.png: 19 x 36" in caplog.text


def test_license_plates_are_ignored(raw):
    label = label_of(raw / "labels/00001.png")
    label[3, 4] = 34
    Image.fromarray(label).save(raw / "labels/00001.png")
    assert read_frame(find_frames(raw)[0], Numbering.LABEL_IDS)[1][3, 4] == 255


def test_training_ids_are_refused_however_they_are_stored(raw):
    originals = {path.name: label_of(path) for path in (raw / "labels").iterdir()}
    save_labels(raw, to_train_ids)
    with pytest.raises(
        ValueError, match=r"trainIds \(recognised by 255\), but labelIds are expected"
    ):
        find_frames(raw)
    # Without ignored pixels, every value of a file is possible.
    for name, ids in originals.items():
        Image.fromarray(np.minimum(to_train_ids(ids), 18)).save(raw / "labels" / name)
    with pytest.raises(
        ValueError, match=r"none of 5 checked labels .* above 18: these are trainIds"
    ):
        find_frames(raw)
    palette = [level for c in sorted(CLASSES, key=lambda c: c.train_id) for level in c.colour]
    for name, ids in originals.items():
        coded = Image.fromarray(np.minimum(to_train_ids(ids), 18))
        coded.putpalette(palette)
        coded.save(raw / "labels" / name)
    with pytest.raises(ValueError, match=r"trainIds \(recognised by the palette\), but labelIds"):
        find_frames(raw)


def test_colours_and_impossible_ids_are_refused(raw):
    originals = {path.name: label_of(path) for path in (raw / "labels").iterdir()}
    save_labels(raw, lambda ids: to_colours(to_train_ids(ids)))
    with pytest.raises(ValueError, match=r"0000\d\.png: a colour-coded label, but labelIds"):
        find_frames(raw)
    for name, ids in originals.items():
        Image.fromarray(np.where(ids == 23, np.uint8(77), ids)).save(raw / "labels" / name)
    with pytest.raises(ValueError, match=r"contains 77; valid ids are 0 to 33"):
        find_frames(raw)


def test_swapped_folders_are_refused(raw):
    (raw / "images").rename(raw / "x")
    (raw / "labels").rename(raw / "images")
    (raw / "x").rename(raw / "labels")
    with pytest.raises(ValueError, match="images and labels are swapped"):
        find_frames(raw)


def test_inner_folders_are_found(raw, tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"they are in {raw}: give that folder"):
        find_frames(tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"is itself one of .*; give {raw}\."):
        find_frames(raw / "images")
    (raw / "01_labels").mkdir()
    (raw / "labels").rename(raw / "01_labels/labels")
    with pytest.raises(FileNotFoundError, match=r"lacks labels; move up .*01_labels/labels\."):
        find_frames(raw)
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        find_frames(tmp_path / "nowhere")


def test_files_without_their_counterpart_are_named(raw):
    (raw / "labels/00002.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"labels: lacks 00002\.png"):
        find_frames(raw)
    (raw / "images/00002.png").unlink()
    (raw / "images/00003.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"images: lacks 00003\.png"):
        find_frames(raw)
    shutil.rmtree(raw / "images")
    shutil.rmtree(raw / "labels")
    for kind in ("images", "labels"):
        (raw / kind).mkdir()
    with pytest.raises(FileNotFoundError, match="no PNG files in images and labels"):
        find_frames(raw)


def test_a_truncated_image_is_named(raw, tmp_path):
    path = raw / "images/00003.png"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"00003\.png: not a complete image file"):
        prepared(raw, tmp_path / "prepared", "gta5")


def test_grey_images_become_rgb(raw):
    path = raw / "images/00002.png"
    with Image.open(path) as file:
        grey = np.array(file.convert("L"))
    Image.fromarray(grey).save(path)
    frame = find_frames(raw)[1]
    expected = np.stack([grey] * 3, axis=-1)
    np.testing.assert_array_equal(read_frame(frame, Numbering.LABEL_IDS)[0], expected)
    np.testing.assert_array_equal(to_example((0, frame))[1]["image"], expected)
