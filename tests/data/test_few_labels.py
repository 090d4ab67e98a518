"""Which training images have labels, and where images without labels come from."""

import itertools
import logging
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tfadvseg.config import DataConfig
from tfadvseg.data import folder_pages
from tfadvseg.data.examples import Examples, fingerprint, image_sizes, images_of
from tfadvseg.data.feeds import Feed
from tfadvseg.data.few_labels import draw_labelled
from tfadvseg.data.folder import read_folder
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.on_disk import OnDisk
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.data.sources import load_further_images, load_splits
from tfadvseg.data.windows import window_maker
from tfadvseg.errors import UserError

NAMES = ("ground", "tree", "car", "sign")
MEMBRANES = descriptor_of("membranes")


def examples(*contents: set[int]) -> Examples:
    """An image for each set of classes, whose label holds these."""
    labels = tuple(np.resize(np.array(sorted(held), np.uint8), (2, 2)) for held in contents)
    keys = tuple(f"image_{i}" for i in range(len(contents)))
    return Examples(keys, tuple(np.full((2, 2, 1), i, np.uint8) for i in range(len(keys))), labels)


def classes_in(drawn: Examples) -> set[int]:
    return {value for label in drawn.labels for value in np.unique(label).tolist()}


def test_each_class_is_in_a_drawn_image_though_one_is_rare():
    """Two of eight images hold all classes between them: 3 is in one image, 2 in one other."""
    every = examples({0}, {0}, {0, 1, 3}, {0}, {0, 1}, {0, 2}, {0}, {0})
    for seed in range(20):
        drawn, others = draw_labelled(every, 2, NAMES, seed)
        assert drawn.keys == ("image_2", "image_5")
        assert others.keys == tuple(f"image_{i}" for i in (0, 1, 3, 4, 6, 7))
        assert others.labels is None
        assert [int(image[0, 0, 0]) for image in others.images] == [0, 1, 3, 4, 6, 7]


@given(
    st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=1, max_size=8),
    st.integers(0, 5),
    st.data(),
)
def test_a_cover_is_found_where_there_is_one(contents, seed, data):
    """Against the trial of every subset; and a larger draw contains a smaller one that covers."""
    every = examples(*contents)
    count = data.draw(st.integers(1, len(contents)))
    drawn, others = draw_labelled(every, count, NAMES, seed)
    assert len(drawn) == count and sorted(drawn.keys + others.keys) == sorted(every.keys)
    most = max(
        len(set().union(*(contents[i] for i in chosen)))
        for chosen in itertools.combinations(range(len(contents)), count)
    )
    wanted = set().union(*contents)
    if most == len(wanted):
        assert classes_in(drawn) == wanted
        if count < len(contents):
            assert {*drawn.keys} <= {*draw_labelled(every, count + 1, NAMES, seed)[0].keys}


def test_the_seed_draws_and_nothing_else():
    every = examples(*[{0, 1}] * 12)
    draws = {seed: draw_labelled(every, 3, NAMES, seed)[0].keys for seed in range(8)}
    assert len({*draws.values()}) > 4
    back = every.subset(range(11, -1, -1))
    assert {*draw_labelled(back, 3, NAMES, 0)[0].keys} == {*draws[0]}


def test_classes_that_no_drawn_image_contains_are_named(caplog):
    every = examples({0, 1}, {0, 2}, {0, 3}, {0, 255})
    with caplog.at_level(logging.WARNING):
        drawn, _ = draw_labelled(every, 2, NAMES, 0)
    lacking = {*range(4)} - classes_in(drawn)
    (record,) = caplog.records
    assert len(lacking) == 1
    assert f"--labelled_images=2: none of these images contains {NAMES[lacking.pop()]};" in (
        record.getMessage()
    )


def test_no_more_images_are_drawn_than_there_are():
    with pytest.raises(UserError, match="--labelled_images=4: only 3 training images have labels"):
        draw_labelled(examples({0}, {1}, {1}), 4, NAMES, 0)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def partly(tmp_path) -> Path:
    """Five grey images, of which a, c and d have labels."""
    rng = np.random.default_rng(0)
    for name in "abcde":
        save(tmp_path / f"images/{name}.png", rng.integers(0, 256, (6, 8), dtype=np.uint8))
        if name in "acd":
            label = np.resize(np.array([0, 1], np.uint8), (6, 8))
            save(tmp_path / f"labels/{name}.png", label)
    return tmp_path


@pytest.mark.parametrize("limit", [2**30, 60], ids=["in memory", "on disk"])
def test_images_of_a_folder_without_a_label_are_the_unlabelled_part(
    partly, limit, monkeypatch, caplog
):
    monkeypatch.setattr(folder_pages, "MEMORY_LIMIT", limit)
    config = DataConfig(dataset="folder", data_dir=str(partly), resize=(3, 4), crop_size=(3, 4))
    splits = load_splits(config, seed=0)
    assert "3 images have labels, 2 have none." in caplog.text
    assert sorted(splits.train.keys + splits.val.keys) == ["a", "c", "d"]
    assert splits.unlabelled.keys == ("b", "e")
    assert splits.unlabelled.labels is None
    assert {image.shape for image in splits.unlabelled.images} == {(3, 4, 1)}
    assert isinstance(splits.unlabelled.images, OnDisk) == (limit == 60)
    folder = read_folder(config)
    with Image.open(partly / "images/e.png") as file:
        np.testing.assert_array_equal(folder.unlabelled.images[1][..., 0], np.array(file))


def test_lists_name_images_with_labels(partly, tmp_path):
    for name, stems in (("train", "a\nc"), ("val", "b")):
        (tmp_path / f"{name}.txt").write_text(stems)
    config = DataConfig(
        dataset="folder",
        data_dir=str(partly),
        train_list=str(tmp_path / "train.txt"),
        val_list=str(tmp_path / "val.txt"),
    )
    with pytest.raises(UserError, match=r"--val_list=.*no image b with a label"):
        load_splits(config, seed=0)
    (tmp_path / "val.txt").write_text("d")
    assert load_splits(config, seed=0).unlabelled.keys == ("b", "e")


def test_further_images_are_read_without_their_labels(partly):
    """Whatever stands in them: a folder's are not opened, those of a split are not given."""
    save(partly / "labels/a.png", np.full((6, 8), 77, np.uint8))
    (partly / "labels/c.png").write_bytes(b"broken")
    folder = DataConfig(dataset="folder", data_dir=str(partly), class_names=("x", "y"))
    read = load_further_images(folder, None, 0, MEMBRANES)
    assert (read.keys, read.labels) == (tuple("abcde"), None)
    split = load_further_images(DataConfig(dataset="membranes"), "validation[:2]", 0, MEMBRANES)
    assert len(split) == 2 and split.labels is None
    streets = DataConfig(dataset="streets_game", train_split="train[:1]")
    with pytest.raises(UserError, match=r"Images without labels .streets_game. are in colour"):
        load_further_images(streets, None, 0, MEMBRANES)


def test_images_in_memory_and_on_disk_come_together(partly, monkeypatch):
    held = read_folder(DataConfig(dataset="folder", data_dir=str(partly))).examples
    monkeypatch.setattr(folder_pages, "MEMORY_LIMIT", 60)
    stored = read_folder(DataConfig(dataset="folder", data_dir=str(partly))).unlabelled
    both = images_of([held, stored])
    assert both.keys == ("a", "c", "d", "b", "e") and both.labels is None
    assert image_sizes(both) == [(6, 8)] * 5
    for image, expected in zip(both.images, [*held.images, *stored.images], strict=True):
        np.testing.assert_array_equal(image, expected)
    changed = Examples(held.keys, (held.images[0] + np.uint8(1), *held.images[1:]), held.labels)
    assert fingerprint(images_of([changed, stored])) != fingerprint(both)
    assert not isinstance(images_of([held, held]).images, OnDisk)


def feed(labelled: int, unlabelled: int) -> Feed:
    """Windows that are images of one value: 0 to 2 with labels, 100 to 104 without."""
    data, identity = DataConfig(crop_size=(2, 2), augment=()), Normalisation((0.0,), (1.0,))

    def maker(values, seed, labels):
        images = tuple(np.full((2, 2, 1), value, np.uint8) for value in values)
        made = tuple(np.full((2, 2), 1, np.uint8) for _ in values) if labels else None
        keys = tuple(map(str, values))
        return window_maker(Examples(keys, images, made), data, identity, seed)

    few, many = maker(range(3), 0, True), maker(range(100, 105), 1, False)
    return Feed(few, many, labelled, 4, 0, identity, unlabelled)


def values(batches: tf.data.Dataset, name: str) -> list[list[int]]:
    return [batch[name][:, 0, 0, 0].numpy().astype(int).tolist() for batch in batches]


def test_batches_hold_both_in_numbers_of_their_own():
    both = feed(2, 5).labelled_and_unlabelled
    epoch = [*both(0, 0), *both(1, 0)]
    assert {*epoch[0]} == {"image", "label", "unlabelled_image", "unlabelled_seed"}
    assert epoch[0]["image"].shape == (2, 2, 2, 1)
    assert [sorted(row) for row in values(epoch, "unlabelled_image")] == [[*range(100, 105)]] * 8
    # Each labelled image comes once in three windows.
    shown = np.ravel(values(epoch, "image")).tolist()
    assert all(sorted(shown[i : i + 3]) == [0, 1, 2] for i in range(0, 15, 3))
    seeds = {tuple(seed) for batch in epoch for seed in batch["unlabelled_seed"].numpy()}
    assert len(seeds) == 8 * 5
    # Begun within an epoch they go on alike, and labelled windows are those without the others.
    for name in ("image", "unlabelled_image"):
        assert values(both(1, 2), name) == values(epoch, name)[6:]
    (again, _) = both(1, 2)
    np.testing.assert_array_equal(again["unlabelled_seed"], epoch[6]["unlabelled_seed"])
    assert values(feed(2, 5).windows(0, 0), "image") == values(epoch, "image")[:4]
    assert values(feed(2, 0).labelled_and_unlabelled(0, 0), "image") == values(epoch, "image")[:4]


def test_two_replicas_share_both_parts_of_a_batch(two_replicas):
    whole = [*feed(2, 4).labelled_and_unlabelled(0, 0)]
    shared = two_replicas.experimental_distribute_dataset(feed(2, 4).labelled_and_unlabelled(0, 0))
    for batch, parts in zip(whole, shared, strict=True):
        for name, share in (("image", 1), ("unlabelled_image", 2), ("unlabelled_seed", 2)):
            local = two_replicas.experimental_local_results(parts[name])
            assert [len(part) for part in local] == [share, share]
            np.testing.assert_array_equal(tf.concat(local, 0), batch[name])
