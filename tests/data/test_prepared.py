"""TFDS preparations that follow their raw files."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfadvseg.data.examples import collect
from tfadvseg.data.prepared import Source, prepare, stream_split
from tfadvseg.errors import UserError
from tfadvseg_datasets.isbi2012 import isbi2012_dataset_builder, stacks

SOURCE = Source(isbi2012_dataset_builder.Builder, stacks.raw_files)
DUMMY_DATA = Path(isbi2012_dataset_builder.__file__).parent / "dummy_data"


@pytest.fixture
def raw(tmp_path) -> Path:
    return Path(shutil.copytree(DUMMY_DATA, tmp_path / "raw"))


@pytest.fixture
def kept(tmp_path) -> Path:
    return tmp_path / "prepared"


def load(raw: Path, kept: Path, split: str = "train"):
    return collect(stream_split(prepare(SOURCE, raw, kept), split))


def preparations(kept: Path) -> list[Path]:
    return sorted((kept / "tfadvseg").iterdir())


def change_a_pixel(path: Path, page: int, add: int) -> None:
    pages = []
    with Image.open(path) as file:
        for number in range(file.n_frames):
            file.seek(number)
            pages.append(np.array(file))
    pages[page][4, 5] += np.uint8(add)
    first, *others = (Image.fromarray(page) for page in pages)
    first.save(path, save_all=True, append_images=others)


def test_slices_are_read_in_order_with_their_labels(raw, kept):
    examples = load(raw, kept, "train[1:]")
    assert examples.keys == ("train-01", "train-02")
    assert all(image.shape == (24, 32, 1) for image in examples.images)
    assert examples.labels is not None
    assert set(np.unique(examples.labels)) == {0, 1}


def test_unlabelled_splits_have_no_labels(raw, kept):
    examples = load(raw, kept, "test")
    assert len(examples) == 2
    assert examples.labels is None


@pytest.mark.parametrize("name", ["train-volume.tif", "test-volume.tif"])
def test_a_changed_pixel_is_served(raw, kept, name):
    split = name.split("-")[0]
    before = load(raw, kept, split)
    size = (raw / name).stat().st_size
    change_a_pixel(raw / name, page=1, add=1)
    assert (raw / name).stat().st_size == size
    after = load(raw, kept, split)
    difference = after.images[1].astype(int) - before.images[1]
    assert difference[4, 5, 0] in (1, -255)
    assert np.count_nonzero(difference) == 1
    assert len(preparations(kept)) == 2


def test_the_same_files_elsewhere_share_a_preparation(raw, kept, tmp_path):
    load(raw, kept)
    (home,) = preparations(kept)
    made = home.stat().st_mtime_ns
    load(Path(shutil.copytree(raw, tmp_path / "copy")), kept)
    assert [path.stat().st_mtime_ns for path in preparations(kept)] == [made]


def test_other_files_in_the_folder_do_not_matter(raw, kept):
    load(raw, kept)
    (raw / "notes.txt").write_text("mine")
    load(raw, kept)
    assert len(preparations(kept)) == 1


def test_a_failed_preparation_leaves_nothing(raw, kept):
    content = (raw / "train-labels.tif").read_bytes()
    (raw / "train-labels.tif").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"train-labels\.tif: not a complete image file") as error:
        load(raw, kept)
    assert "\n" not in str(error.value)
    assert not kept.exists()


def test_a_half_made_preparation_is_not_taken_for_one(raw, kept, caplog):
    """A kill leaves a hidden sibling, never the folder itself."""
    load(raw, kept)
    (home,) = preparations(kept)
    unfinished = home.with_name(f".{home.name}.unfinished-abc123")
    home.rename(unfinished)
    (unfinished / "isbi2012/1.0.0/dataset_info.json").unlink()
    with caplog.at_level("WARNING", logger="absl"):
        assert len(load(raw, kept)) == 3
    assert home.is_dir()
    assert f"{unfinished}: an unfinished preparation" in caplog.text


def test_a_damaged_preparation_is_named(raw, kept):
    load(raw, kept)
    (home,) = preparations(kept)
    (record,) = home.rglob("*train.tfrecord*")
    content = bytearray(record.read_bytes())
    content[100] ^= 1
    record.write_bytes(content)
    with pytest.raises(UserError, match=f"{home.name}.*damaged prepared copy.*delete"):
        load(raw, kept)
    (home / "isbi2012/1.0.0/dataset_info.json").unlink()
    with pytest.raises(UserError, match="incomplete"):
        load(raw, kept)


@pytest.mark.parametrize("keep", [0, 2, 200])
def test_a_preparation_whose_description_is_cut_is_named(raw, kept, keep):
    load(raw, kept)
    (home,) = preparations(kept)
    description = home / "isbi2012/1.0.0/dataset_info.json"
    description.write_text("{}" if keep == 2 else description.read_text()[:keep])
    with pytest.raises(UserError, match=f"{home.name}.*damaged prepared copy.*delete"):
        load(raw, kept)


def test_folders_that_do_not_serve_are_named(raw, kept, tmp_path):
    with pytest.raises(UserError, match=r"--data_dir: .*nowhere: no such folder"):
        load(tmp_path / "nowhere", kept)
    (raw / "train-labels.tif").unlink()
    with pytest.raises(UserError, match=r"--data_dir: .*lacks train-labels\.tif"):
        load(raw, kept)
    kept.write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"--prepared_dir=.*prepared"):
        load(DUMMY_DATA, kept)


def test_preparing_and_reading_print_nothing(raw, kept, capfd):
    load(raw, kept)
    load(raw, kept)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
