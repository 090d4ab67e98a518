"""Street scenes by `--dataset`: embedded, from files, and from prepared copies."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tfadvseg.config import DataConfig
from tfadvseg.data.examples import Examples, channel_statistics, check_window, collect, fingerprint
from tfadvseg.data.on_disk import OnDisk
from tfadvseg.data.prepared_frames import INDEX_FILE
from tfadvseg.data.sources import load_split, load_splits, stream_split
from tfadvseg.errors import UserError
from tfadvseg_datasets.cityscapes_ids import to_colours, to_train_ids
from tfadvseg_datasets.cityscapes_semseg import cityscapes_semseg_dataset_builder
from tfadvseg_datasets.gta5 import gta5_dataset_builder
from tfadvseg_datasets.streets.generate import generate_scene

GTA5 = Path(gta5_dataset_builder.__file__).parent / "dummy_data"
CITYSCAPES = Path(cityscapes_semseg_dataset_builder.__file__).parent / "dummy_data"
NAMES = ("00001", "00002", "00003", "00004", "00005")
VAL = ("lindau_000000_000019", "lindau_000001_000019")


def gta5(data_dir: Path = GTA5, **options) -> DataConfig:
    return DataConfig(dataset="gta5", data_dir=str(data_dir), **{"prepare": "none", **options})


def cityscapes(data_dir: Path = CITYSCAPES, **options) -> DataConfig:
    options = {"prepare": "none", **options}
    return DataConfig(dataset="cityscapes_semseg", data_dir=str(data_dir), **options)


@pytest.fixture
def raw(tmp_path) -> Path:
    """A copy of GTA5's dummy files, for tests that damage it."""
    return Path(shutil.copytree(GTA5, tmp_path / "raw"))


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.array(file)


def assert_same(one: Examples, other: Examples) -> None:
    assert one.keys == other.keys
    assert one.labels is not None and other.labels is not None
    for mine, theirs in ((one.images, other.images), (one.labels, other.labels)):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("domain", ["game", "camera"])
def test_embedded_scenes_come_straight_from_the_generator(domain):
    config = DataConfig(
        dataset=f"streets_{domain}", train_split="train[3:5]", val_split="validation[:1]"
    )
    splits = load_splits(config, seed=7)
    assert splits.descriptor.num_classes == 19
    assert (splits.train.keys, splits.val.keys) == (
        ("train-0003", "train-0004"),
        ("validation-0000",),
    )
    image, label = generate_scene(0, 3, domain=domain)
    np.testing.assert_array_equal(splits.train.images[0], image)
    np.testing.assert_array_equal(splits.train.labels[0], label)


def test_files_stay_on_disk_and_hold_training_ids():
    _, examples = load_split(gta5(), "train", seed=0)
    assert isinstance(examples.images, OnDisk) and isinstance(examples.labels, OnDisk)
    assert examples.keys == NAMES
    for name, image, label in zip(examples.keys, examples.images, examples.labels, strict=True):
        np.testing.assert_array_equal(image, pixels(GTA5 / f"images/{name}.png"))
        expected = to_train_ids(pixels(GTA5 / f"labels/{name}.png"))
        np.testing.assert_array_equal(label, expected)


def test_what_is_read_is_what_the_file_holds_now(raw):
    _, examples = load_split(gta5(raw), "train", seed=0)
    before = examples.images[1]
    Image.fromarray(255 - before).save(raw / "images/00002.png")
    np.testing.assert_array_equal(examples.images[1], 255 - before)


def test_facts_on_disk_are_those_in_memory():
    _, examples = load_split(cityscapes(), "train", seed=0)
    held = collect(stream_split(cityscapes(), "train", seed=0)[1])
    assert isinstance(held.images, tuple)
    for one, other in zip(channel_statistics(examples), channel_statistics(held), strict=True):
        np.testing.assert_array_equal(one, other)
    check_window(examples, (16, 32))
    with pytest.raises(UserError, match="aachen_000000_000019, which is 16 x 32"):
        check_window(examples, (17, 32))
    assert_same(examples.subset([2, 0]), held.subset([2, 0]))


def test_slices_join_splits():
    _, examples = load_split(cityscapes(), "val+train[1:]", seed=0)
    assert examples.keys == (*VAL, "aachen_000001_000019", "bremen_000000_000019")


@pytest.mark.parametrize("prepare", ["tfds", pytest.param("beam", marks=pytest.mark.slow)])
def test_prepared_copies_hold_what_the_files_do(prepare, tmp_path, capfd):
    if prepare == "beam":
        pytest.importorskip("apache_beam", reason="the Beam path needs apache-beam")
    # Frames of test, which are all void, have labels only as part of all frames.
    for make, splits in ((gta5, ("train", "all")), (cityscapes, ("train", "val", "all"))):
        config = make(prepare=prepare, prepared_dir=str(tmp_path))
        for split in splits:
            _, prepared = load_split(config, split, seed=0)
            assert isinstance(prepared.images, OnDisk)
            assert_same(prepared, load_split(make(), split, seed=0)[1])
            check_window(prepared, prepared.images[0].shape[:2])
            again = load_split(config, split, seed=0)[1]
            assert fingerprint(again) == fingerprint(prepared)
    assert capfd.readouterr().out == ""


def test_a_copy_made_by_tfds_is_read_without_its_files(tmp_path):
    builder = tfds.builder("gta5", data_dir=tmp_path)
    download = tfds.download.DownloadConfig(manual_dir=GTA5)
    builder.download_and_prepare(download_config=download, file_format="array_record")
    config = DataConfig(dataset="gta5", prepared_dir=str(tmp_path))
    for _ in range(2):
        assert_same(load_split(config, "train", 0)[1], load_split(gta5(), "train", 0)[1])
    index = builder.data_path / INDEX_FILE
    index.write_text(json.dumps({"train": json.loads(index.read_text())["train"][1:]}))
    with pytest.raises(UserError, match=r"damaged prepared copy .*belongs to another copy"):
        load_split(config, "train", 0)
    beam = DataConfig(dataset="gta5", prepared_dir=str(tmp_path), prepare="beam")
    with pytest.raises(UserError, match="no prepared copy gta5/all_beam; make one"):
        load_split(beam, "train", 0)


def test_a_copy_that_is_read_in_order_only_is_refused(tmp_path):
    builder = tfds.builder("gta5", data_dir=tmp_path)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=GTA5))
    config = DataConfig(dataset="gta5", prepared_dir=str(tmp_path))
    with pytest.raises(UserError, match="prepare it again with --file_format=array_record"):
        load_split(config, "train", 0)


@pytest.mark.parametrize("kind", ["images", "labels"])
@pytest.mark.parametrize("prepare", ["none", "tfds"])
def test_a_changed_pixel_changes_the_fingerprint(raw, tmp_path, kind, prepare):
    config = gta5(raw, prepare=prepare, prepared_dir=str(tmp_path / "p"))
    before = load_split(config, "train", seed=0)[1]
    digest = fingerprint(before)
    path = raw / kind / "00004.png"
    changed = pixels(path)
    changed[7, 9] = 4 if kind == "labels" else 255 - changed[7, 9]
    Image.fromarray(changed).save(path)
    after = load_split(config, "train", seed=0)[1]
    assert fingerprint(after) != digest
    served = after.images[3] if kind == "images" else after.labels[3]
    np.testing.assert_array_equal(served, changed if kind == "images" else to_train_ids(changed))


def test_resizing_happens_when_an_example_is_read():
    _, examples = load_split(gta5(resize=(10, 18)), "train", seed=0)
    _, whole = load_split(gta5(), "train", seed=0)
    assert isinstance(examples.images, OnDisk)
    np.testing.assert_array_equal(
        examples.images[2],
        np.asarray(Image.fromarray(whole.images[2]).resize((18, 10), Image.Resampling.BICUBIC)),
    )
    assert {label.shape for label in examples.labels} == {(10, 18)}
    check_window(examples, (10, 18))
    with pytest.raises(UserError, match="at most 10,18"):
        check_window(examples, (11, 18))
    assert fingerprint(examples) != fingerprint(whole)


def test_the_official_split_and_its_absence(raw):
    splits = load_splits(gta5(official_split=True), seed=0)
    assert (splits.train.keys, splits.val.keys) == (("00001", "00002", "00004"), ("00003",))
    assert load_split(gta5(official_split=True), "test", seed=0)[1].keys == ("00005",)
    with pytest.raises(UserError, match=r"--val_split: gta5 has no such part .*--official_split"):
        load_splits(gta5(), seed=0)
    parts = gta5(train_split="train[:4]", val_split="train[4:]")
    assert load_splits(parts, seed=0).val.keys == ("00005",)
    (raw / "split.mat").unlink()
    with pytest.raises(UserError, match=r"split\.mat: no such file; .*omit official_split"):
        load_splits(gta5(raw, official_split=True), seed=0)


def test_test_frames_of_cityscapes_have_no_labels():
    _, test = load_split(cityscapes(), "test", seed=0)
    assert test.labels is None
    (example,) = stream_split(cityscapes(), "test", seed=0)[1]
    assert np.all(example.label == 255) and example.label.shape == (16, 32)
    with pytest.raises(UserError, match="--val_split=test: has no labels"):
        load_splits(cityscapes(val_split="test"), seed=0)
    _, everything = load_split(cityscapes(), "all", seed=0)
    assert everything.labels is not None and np.all(everything.labels[-1] == 255)


def test_either_numbering_gives_the_same_labels():
    assert_same(
        load_split(cityscapes(), "train", 0)[1],
        load_split(cityscapes(train_ids=True), "train", 0)[1],
    )


@pytest.mark.parametrize("prepare", ["none", "tfds"])
def test_damaged_labels_are_named_and_skipped_on_request(raw, tmp_path, prepare, caplog):
    options = {"prepare": prepare, "prepared_dir": str(tmp_path / "p")}
    for number in ("00002", "00004"):
        Image.fromarray(pixels(raw / f"labels/{number}.png")[1:]).save(raw / f"labels/{number}.png")
    with pytest.raises(UserError, match=r"Damaged labels: 00002, 00004; .*skip_damaged"):
        load_split(gta5(raw, **options), "all", seed=0)
    assert not (tmp_path / "p").exists()
    _, examples = load_split(gta5(raw, skip_damaged=True, **options), "all", seed=0)
    assert examples.keys == ("00001", "00003", "00005")
    assert "00002.png: 19 x 36" in caplog.text and "00004.png: 19 x 36" in caplog.text


def move_down(raw: Path) -> None:
    (raw / "GTA5").mkdir()
    for kind in ("images", "labels"):
        (raw / kind).rename(raw / "GTA5" / kind)


def swap(raw: Path) -> None:
    (raw / "images").rename(raw / "x")
    (raw / "labels").rename(raw / "images")
    (raw / "x").rename(raw / "labels")


def change_labels(change):
    def spoil(raw: Path) -> None:
        for path in (raw / "labels").iterdir():
            Image.fromarray(change(pixels(path))).save(path)

    return spoil


WRONG = [
    (move_down, r"raw: lacks images and labels; they are in .*raw/GTA5: give that folder"),
    (swap, "images and labels are swapped: exchange them"),
    (change_labels(to_train_ids), r"trainIds .*, but labelIds are expected; .*original labels"),
    (change_labels(lambda ids: to_colours(to_train_ids(ids))), "a colour-coded label, but labelI"),
    (
        change_labels(lambda ids: np.where(ids == 23, np.uint8(77), ids)),
        "contains 77; valid ids are",
    ),
    (lambda raw: (raw / "labels/00002.png").unlink(), r"labels: lacks 00002\.png"),
    (lambda raw: (raw / "images/00002.png").unlink(), r"images: lacks 00002\.png"),
    (lambda raw: shutil.rmtree(raw / "labels"), "lacks labels; put the set's"),
]


@pytest.mark.parametrize("prepare", ["none", "tfds"])
@pytest.mark.parametrize(("spoil", "message"), WRONG)
def test_wrong_layouts_are_one_line_before_any_work(raw, tmp_path, spoil, message, prepare):
    spoil(raw)
    with pytest.raises(UserError, match=message) as error:
        load_split(gta5(raw, prepare=prepare, prepared_dir=str(tmp_path / "p")), "train", seed=0)
    assert "\n" not in str(error.value)
    assert "--prepared_dir" not in str(error.value)
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("prepare", ["none", "tfds"])
def test_wrong_labels_of_cityscapes_are_refused(tmp_path, prepare):
    raw = Path(shutil.copytree(CITYSCAPES, tmp_path / "raw"))
    options = {"prepare": prepare, "prepared_dir": str(tmp_path / "p")}
    for path in raw.rglob("*_labelIds.png"):
        shutil.copy(str(path).replace("labelIds", "labelTrainIds"), path)
    with pytest.raises(
        UserError, match=r"trainIds \(recognised by 255\), but labelIds are expected"
    ):
        load_split(cityscapes(raw, **options), "train", seed=0)
    for path in raw.rglob("*_labelTrainIds.png"):
        path.unlink()
    with pytest.raises(UserError, match=r"contains labelIds and colour-.*or omit train_ids"):
        load_split(cityscapes(raw, train_ids=True, **options), "train", seed=0)


@pytest.mark.slow
def test_a_failure_on_a_beam_worker_is_one_line(raw, tmp_path):
    pytest.importorskip("apache_beam", reason="the Beam path needs apache-beam")
    path = raw / "images/00003.png"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(
        UserError, match=r"00003\.png: not a complete image .*replace it\.$"
    ) as error:
        load_split(gta5(raw, prepare="beam", prepared_dir=str(tmp_path / "p")), "train", seed=0)
    assert "\n" not in str(error.value)
    options = {"prepare": "beam", "prepared_dir": str(tmp_path / "p")}
    with pytest.raises(UserError, match="Unexpected pipeline runner: Nonsense"):
        load_split(gta5(beam_options=("runner=Nonsense",), **options), "train", seed=0)
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "cells", "skip_damaged": True}, "--skip_damaged: is for --dataset=gta5"),
        ({"dataset": "cityscapes_semseg", "official_split": True}, "--official_split: is for --da"),
        ({"dataset": "gta5", "train_ids": True}, "--train_ids: is for --dataset=cityscapes_semseg"),
        ({"dataset": "camvid", "prepare": "none"}, "--prepare=none: is for --dataset=cityscapes_"),
        ({"dataset": "gta5"}, "--data_dir is required with --dataset=gta5"),
        ({"dataset": "gta5", "prepare": "none"}, "--data_dir is required with --dataset=gta5"),
        ({"dataset": "gta5", "data_dir": "/nowhere"}, "--data_dir: /nowhere: no such folder"),
        (
            {"dataset": "streets_game", "data_dir": "x"},
            "--data_dir=x: is for .*; streets_game is embedded",
        ),
    ],
)
def test_flags_that_do_not_fit_are_named(options, message):
    with pytest.raises(UserError, match=message):
        load_splits(DataConfig(**options), seed=0)


def test_beam_options_need_beam():
    with pytest.raises(UserError, match="--beam_options=runner=X: is for --prepare=beam"):
        DataConfig(beam_options=("runner=X",))
