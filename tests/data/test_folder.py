"""A folder of images and labels as a dataset."""

import logging
import os
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tfadvseg.config import DataConfig
from tfadvseg.data import folder_pages
from tfadvseg.data.examples import fingerprint, image_sizes
from tfadvseg.data.folder import Folder, read_folder
from tfadvseg.data.on_disk import OnDisk
from tfadvseg.data.sources import load_splits
from tfadvseg.errors import UserError

RNG = np.random.default_rng(0)


def save(path: Path, *pages: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = (Image.fromarray(page) for page in pages)
    if others:
        first.save(path, save_all=True, append_images=others)
    else:
        first.save(path)


def grey(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape or (6, 8), dtype=np.uint8)


def ids(*values: int, shape: tuple[int, int] = (6, 8)) -> np.ndarray:
    """A label that contains each of `values`."""
    return np.resize(np.array(values, np.uint8), shape)


def read(folder: Path, **options) -> Folder:
    return read_folder(DataConfig(dataset="folder", data_dir=str(folder), **options))


def test_equal_stems_belong_together_whatever_the_sizes_and_suffixes(tmp_path):
    first, second = grey(6, 8), grey(9, 5)
    save(tmp_path / "images/b.tif", second)
    save(tmp_path / "images/a.png", first)
    save(tmp_path / "labels/a.gif", ids(0, 1))
    save(tmp_path / "labels/b.png", ids(0, 1, 255, shape=(9, 5)))
    folder = read(tmp_path)
    assert folder.examples.keys == folder.stems == ("a", "b")
    np.testing.assert_array_equal(folder.examples.images[0][..., 0], first)
    np.testing.assert_array_equal(folder.examples.images[1][..., 0], second)
    np.testing.assert_array_equal(folder.examples.labels[1], ids(0, 1, 255, shape=(9, 5)))
    assert folder.descriptor.class_names == ("class_0", "class_1")
    assert folder.descriptor.image_channels == 1
    assert len(folder.descriptor.palette) == 2


def test_palette_labels_keep_their_ids(tmp_path):
    save(tmp_path / "images/a.png", grey())
    label = Image.fromarray(ids(0, 1, 2, 7), "P")
    label.putpalette([value for i in range(8) for value in (30 * i, 5, 255 - i)])
    (tmp_path / "labels").mkdir()
    label.save(tmp_path / "labels/a.png")
    folder = read(tmp_path)
    np.testing.assert_array_equal(folder.examples.labels[0], ids(0, 1, 2, 7))
    assert folder.descriptor.num_classes == 8


def test_colour_images_and_class_names(tmp_path):
    save(tmp_path / "images/a.png", grey(6, 8, 3))
    save(tmp_path / "labels/a.png", ids(0, 1))
    folder = read(tmp_path, class_names=("road", "car", "sky"))
    assert folder.descriptor.class_names == ("road", "car", "sky")
    assert folder.descriptor.image_channels == 3
    assert folder.descriptor.foreground_class is None


def test_the_class_inside_objects_is_named(tmp_path):
    save(tmp_path / "images/a.png", grey())
    save(tmp_path / "labels/a.png", ids(0, 1))
    names = ("membrane", "cell")
    folder = read(tmp_path, class_names=names, foreground_class="cell")
    assert folder.descriptor.foreground_class == 1
    with pytest.raises(UserError, match=r"--foreground_class=cel: no such class.*membrane, cell"):
        read(tmp_path, class_names=names, foreground_class="cel")


def test_pages_get_keys_of_their_own(tmp_path):
    pages = [grey() for _ in range(3)]
    save(tmp_path / "images/volume.tif", *pages)
    save(tmp_path / "labels/volume.tif", *[ids(0, 1)] * 3)
    save(tmp_path / "images/z.png", grey())
    save(tmp_path / "labels/z.png", ids(1))
    folder = read(tmp_path)
    assert folder.examples.keys == ("volume/000", "volume/001", "volume/002", "z")
    assert folder.stems == ("volume", "volume", "volume", "z")
    np.testing.assert_array_equal(folder.examples.images[2][..., 0], pages[2])


def test_files_without_colours_are_grey_beside_grey_ones_and_as_gif(tmp_path):
    level = grey()
    save(tmp_path / "images/a.gif", level)
    save(tmp_path / "labels/a.png", ids(0, 1))
    alone = read(tmp_path)
    assert alone.descriptor.image_channels == 1
    np.testing.assert_array_equal(alone.examples.images[0], level[..., np.newaxis])
    save(tmp_path / "images/b.png", grey())
    save(tmp_path / "labels/b.png", ids(0, 1))
    save(tmp_path / "images/c.png", np.repeat(level[..., np.newaxis], 3, axis=-1))
    save(tmp_path / "labels/c.png", ids(0, 1))
    beside = read(tmp_path)
    assert beside.descriptor.image_channels == 1
    np.testing.assert_array_equal(beside.examples.images[2], level[..., np.newaxis])


def test_gifs_in_colour_stay_so(tmp_path):
    picture = Image.fromarray(grey(6, 8, 3)).quantize(8)
    (tmp_path / "images").mkdir()
    picture.save(tmp_path / "images/a.gif")
    save(tmp_path / "labels/a.png", ids(0, 1))
    assert read(tmp_path).descriptor.image_channels == 3


@pytest.fixture
def mapped(tmp_path) -> Path:
    """Three colour images whose labels need a value map."""
    for stem, shape in (("a", (6, 8)), ("b", (9, 5)), ("c", (6, 8))):
        save(tmp_path / f"images/{stem}.png", grey(*shape, 3))
        save(tmp_path / f"labels/{stem}.png", ids(0, 255, shape=shape))
    return tmp_path


VALUE_MAP = ((0, 0), (255, 1))


def test_what_does_not_fit_into_memory_stays_on_disk(mapped, monkeypatch):
    held = read(mapped, value_map=VALUE_MAP)
    monkeypatch.setattr(folder_pages, "MEMORY_LIMIT", 100)
    stored = read(mapped, value_map=VALUE_MAP)
    assert isinstance(stored.examples.images, OnDisk)
    assert isinstance(stored.examples.labels, OnDisk)
    assert not isinstance(held.examples.images, OnDisk)
    assert (stored.descriptor, stored.stems) == (held.descriptor, held.stems)
    assert stored.examples.keys == held.examples.keys
    assert image_sizes(stored.examples) == image_sizes(held.examples)
    for name in ("images", "labels"):
        pairs = zip(getattr(stored.examples, name), getattr(held.examples, name), strict=True)
        for on_disk, in_memory in pairs:
            np.testing.assert_array_equal(on_disk, in_memory)
    before = fingerprint(stored.examples)
    assert fingerprint(read(mapped, value_map=((0, 1), (255, 0))).examples) != before
    assert fingerprint(read(mapped, value_map=VALUE_MAP[::-1]).examples) == before
    save(mapped / "labels/b.png", ids(255, shape=(9, 5)))
    assert fingerprint(read(mapped, value_map=VALUE_MAP).examples) != before


def test_parts_on_disk_are_those_in_memory_and_resized_alike(mapped, monkeypatch):
    config = DataConfig(
        dataset="folder", data_dir=str(mapped), value_map=VALUE_MAP, resize=(4, 4), crop_size=(4, 4)
    )
    held = load_splits(config, seed=3)
    monkeypatch.setattr(folder_pages, "MEMORY_LIMIT", 100)
    stored = load_splits(config, seed=3)
    assert isinstance(stored.train.images, OnDisk)
    for part in ("train", "val"):
        there, here = getattr(stored, part), getattr(held, part)
        assert there.keys == here.keys
        np.testing.assert_array_equal(np.stack(list(there.images)), np.stack(here.images))
        np.testing.assert_array_equal(np.stack(list(there.labels)), np.stack(here.labels))


def test_stacks_are_held_as_one_page_of_them_cannot_be_read_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_pages, "MEMORY_LIMIT", 100)
    save(tmp_path / "images/volume.tif", grey(), grey())
    save(tmp_path / "labels/volume.tif", ids(0, 1), ids(0, 1))
    assert not isinstance(read(tmp_path).examples.images, OnDisk)
    # Also if the limit is exceeded before the first of them.
    save(tmp_path / "images/early.png", grey(20, 20))
    save(tmp_path / "labels/early.png", ids(0, shape=(20, 20)))
    assert not isinstance(read(tmp_path).examples.images, OnDisk)


@pytest.mark.parametrize(
    ("image", "label", "suffix"),
    [
        ("1.png", "1_mask.gif", "_mask"),
        ("images/1_1.tif", "images/1_1_mask.tif", "_mask"),
        ("images/1.png", "labels/1_mask.png", "_mask"),
        ("1.png", "labels/1-gt.png", "-gt"),
    ],
)
def test_a_suffix_identifies_labels_in_any_folder(tmp_path, image, label, suffix):
    save(tmp_path / image, grey())
    save(tmp_path / label, ids(0, 1))
    folder = read(tmp_path, label_suffix=suffix)
    assert folder.examples.keys == (Path(image).stem,)
    np.testing.assert_array_equal(folder.examples.labels[0], ids(0, 1))


@pytest.fixture
def pair(tmp_path) -> Path:
    """One image and its label."""
    save(tmp_path / "images/a.png", grey())
    save(tmp_path / "labels/a.png", ids(0, 1))
    return tmp_path


@pytest.mark.parametrize("values", [(0, 255), (255,)])
def test_zero_and_255_alone_are_refused_until_mapped(pair, values):
    save(pair / "labels/a.png", ids(*values))
    with pytest.raises(UserError, match="--value_map=0:0,255:1"):
        read(pair)
    labels = read(pair, value_map=((0, 0), (255, 1))).examples.labels
    np.testing.assert_array_equal(labels[0], ids(*values) // 255)


def test_255_beside_other_values_anywhere_in_the_set_is_ignored(pair):
    save(pair / "images/b.png", grey())
    save(pair / "labels/b.png", ids(0, 255))
    labels = read(pair).examples.labels
    np.testing.assert_array_equal(labels[1], ids(0, 255))


def test_masks_of_two_conventions_are_recognised_per_file(pair, caplog):
    save(pair / "images/b.png", grey())
    save(pair / "labels/b.png", ids(0, 255))
    read(pair)
    assert re.search(r"labels/b\.png: 255 is ignored, .* while a\.png hold", caplog.text)
    assert "--value_map=0:0,1:1,255:1" in caplog.text
    caplog.clear()
    save(pair / "labels/a.png", ids(0, 1, 255))  # beside another id, 255 is what is ignored
    read(pair)
    read(pair, value_map=((0, 0), (1, 1), (255, 1)))
    assert not caplog.text


def test_a_turned_image_and_its_label_are_matched_by_the_orientation_tag(pair, caplog):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(grey(8, 6)).save(pair / "images/a.jpg", exif=exif)
    (pair / "images/a.png").unlink()
    with pytest.raises(UserError, match=r"a\.jpg is 8 x 6.* a\.jpg: the orientation tag \(6\)"):
        read(pair)
    save(pair / "labels/a.png", ids(0, 1, shape=(8, 6)))
    read(pair)
    assert re.search(r"images/a\.jpg: the orientation tag \(6\) .* as stored", caplog.text)


def test_names_of_any_bytes_and_of_any_composition_are_keys(tmp_path):
    for folder, accent in (("images", "e\u0301"), ("labels", "\u00e9")):
        save(tmp_path / folder / f"{accent}.png", grey() if folder == "images" else ids(0, 1))
        plain = tmp_path / folder / "x.png"
        save(plain, grey() if folder == "images" else ids(0, 1))
        plain.rename(tmp_path / folder / os.fsdecode(b"10\xb5m.png"))
    assert read(tmp_path).examples.keys == ("10\\xb5m", "\u00e9")


def test_value_maps_take_any_values_to_classes_or_255(pair):
    save(pair / "labels/a.png", np.resize(np.array([0, 300, 900], np.uint16), (6, 8)))
    folder = read(pair, value_map=((0, 2), (300, 255), (900, 0)))
    np.testing.assert_array_equal(folder.examples.labels[0], ids(2, 255, 0))
    assert folder.descriptor.num_classes == 3


def test_classes_that_occur_in_the_map_only_are_counted(pair):
    assert read(pair, value_map=((0, 0), (1, 1), (2, 4))).descriptor.num_classes == 5


def test_at_least_two_classes(pair):
    save(pair / "labels/a.png", ids(0))
    assert read(pair).descriptor.num_classes == 2


def add_image(pair: Path) -> None:
    save(pair / "images/b.png", grey())


def add_label(pair: Path) -> None:
    save(pair / "labels/c.png", ids(0, 1))


def repeat_stem(pair: Path) -> None:
    save(pair / "images/a.tif", grey())


def shrink_label(pair: Path) -> None:
    save(pair / "labels/a.png", ids(0, 1, shape=(5, 8)))


def add_page(pair: Path) -> None:
    (pair / "labels/a.png").unlink()
    save(pair / "labels/a.tif", ids(0, 1), ids(0, 1))


def mix_channels(pair: Path) -> None:
    save(pair / "images/b.png", grey(6, 8, 3))
    save(pair / "labels/b.png", ids(0, 1))


def spoil_image(pair: Path) -> None:
    path = pair / "images/a.png"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def colour_label(pair: Path) -> None:
    save(pair / "labels/a.png", grey(6, 8, 3))


def deepen_label(pair: Path) -> None:
    save(pair / "labels/a.png", np.resize(np.array([0, 1000], np.uint16), (6, 8)))


def below_zero(pair: Path) -> None:
    (pair / "labels/a.png").unlink()
    tifffile.imwrite(pair / "labels/a.tif", np.resize(np.array([-1, 0, 1], np.int16), (6, 8)))


def dangling_link(pair: Path) -> None:
    (pair / "images/b.png").symlink_to("/nowhere/b.png")


def dangling_folder(pair: Path) -> None:
    (pair / "images").rename(pair / "elsewhere")
    (pair / "images").symlink_to("/nowhere")


def other_format(pair: Path) -> None:
    (pair / "images/a.png").rename(pair / "images/a.bmp")


def compose_otherwise(pair: Path) -> None:
    for stem in ("\u00e9", "e\u0301"):
        save(pair / f"images/{stem}.png", grey())


def grey_levels(pair: Path) -> None:
    save(pair / "labels/a.png", ids(0, 128))


def empty_labels(pair: Path) -> None:
    (pair / "labels/a.png").unlink()


def remove_labels(pair: Path) -> None:
    empty_labels(pair)
    (pair / "labels").rmdir()


def test_files_of_other_formats_are_named(pair, caplog):
    (pair / "images/b.webp").touch()
    (pair / "images/notes.txt").touch()
    with caplog.at_level(logging.WARNING):
        assert read(pair).examples.keys == ("a",)
    (message,) = caplog.messages
    assert "images/b.webp: not read, because of their suffixes (read are .gif," in message


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (add_label, r"no image in .*images for c\.png; a label has its image's stem"),
        (repeat_stem, r"a\.tif: a\.png has the same stem"),
        (shrink_label, r"labels/a\.png: 5 x 8 .* but a\.png is 6 x 8"),
        (add_page, r"labels/a\.tif: 2 pages, but a\.png has 1"),
        (mix_channels, r"images/a\.png is grey and .*images/b\.png is in colour"),
        (spoil_image, r"images/a\.png: not a complete image file"),
        (colour_label, r"labels/a\.png: colours"),
        (deepen_label, r"labels/a\.png: holds 1000; .*--value_map=0:0,1000:1"),
        (below_zero, r"labels/a\.tif: holds -1; .*--value_map=0:0,1:1,-1:255"),
        (dangling_link, r"images/b\.png: a link to /nowhere/b\.png, which is not there"),
        (dangling_folder, r"images: a link to /nowhere, which is not there; fetch that"),
        (other_format, r"images: holds no images \(.*\), only a\.bmp; convert them to PNG or TIFF"),
        (compose_otherwise, "has the same stem but for how its accented letters are composed"),
        (grey_levels, r"labels: labels hold 0, 128 \(a\.png holds 128\): grey levels"),
        (empty_labels, r"labels: holds no labels"),
        (remove_labels, r"--data_dir=.*holds no folder labels.*--label_suffix"),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(pair, spoil, message):
    spoil(pair)
    with pytest.raises(UserError, match=message) as error:
        read(pair)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"value_map": ((0, 0),)}, r"labels/a\.png: holds 1, .* add 1:CLASS"),
        ({"value_map": ((0, 0), (1, 256))}, "--value_map=1:256: class ids are 0 to 254"),
        ({"value_map": ((0, 0), (1, 1), (0, 1))}, "--value_map=0:0,1:1,0:1: maps 0 twice"),
        ({"class_names": tuple(map(str, range(256)))}, "--class_names=.*256 names, .* 0 to 254"),
        ({"class_names": ("only",)}, "--class_names=only: one class only; give two or more"),
        ({"label_suffix": "_mask"}, "holds no labels .*_mask"),
    ],
)
def test_flags_that_do_not_fit_are_named(pair, options, message):
    with pytest.raises(UserError, match=message):
        read(pair, **options)


def test_ids_beyond_the_class_names_are_refused(pair):
    save(pair / "labels/a.png", ids(0, 1, 2, 255))
    with pytest.raises(UserError, match=r"a\.png: holds class 2, but there are 2 classes, 0 to 1"):
        read(pair, class_names=("a", "b"))


def test_the_folder_must_be_given_and_exist(tmp_path):
    with pytest.raises(UserError, match="--data_dir: give"):
        read_folder(DataConfig(dataset="folder"))
    with pytest.raises(UserError, match="nowhere: no such folder"):
        read(tmp_path / "nowhere")


def test_depth_and_channels_are_kept(pair):
    deep = RNG.integers(0, 65536, (6, 8, 5), dtype=np.uint16)
    (pair / "images/a.png").unlink()
    tifffile.imwrite(pair / "images/a.tif", deep, photometric="minisblack", planarconfig="contig")
    folder = read(pair)
    assert (folder.descriptor.image_channels, folder.descriptor.image_dtype) == (5, "uint16")
    np.testing.assert_array_equal(folder.examples.images[0], deep)
    folder = read(pair, channels=(4, 0))
    np.testing.assert_array_equal(folder.examples.images[0], deep[..., [4, 0]])


def test_axes_are_those_of_the_flag(pair):
    stack = RNG.integers(0, 65536, (4, 6, 8), dtype=np.uint16)
    (pair / "images/a.png").unlink()
    tifffile.imwrite(pair / "images/a.tif", stack, photometric="minisblack")
    with pytest.raises(UserError, match=r"labels/a\.png: 1 pages, but a\.tif has 4"):
        read(pair)
    image = read(pair, axes="CYX").examples.images[0]
    np.testing.assert_array_equal(image, np.moveaxis(stack, 0, -1))


def test_images_must_be_alike_in_depth_and_channels(pair):
    tifffile.imwrite(pair / "images/b.tif", grey().astype(np.uint16))
    save(pair / "labels/b.png", ids(0, 1))
    with pytest.raises(UserError, match=r"a\.png holds uint8 pixels and .*b\.tif uint16"):
        read(pair)
    four = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(pair / "images/b.tif", grey(6, 8, 4), **four)
    with pytest.raises(UserError, match=r"a\.png has 1 channel and .*b\.tif 4 channels"):
        read(pair)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": (1, 1)}, "--channels=1,1: name each once"),
        ({"channels": (-1,)}, "--channels=-1: they begin at 0"),
        ({"axes": "CY"}, "--axes=CY: give one capital letter"),
        ({"axes": "YXX"}, "--axes=YXX: give one capital letter"),
        ({"channels": (2,)}, r"a\.png: has 1 channel, numbered from 0; --channels=2"),
    ],
)
def test_channels_and_axes_that_cannot_be_are_refused(pair, options, message):
    with pytest.raises(UserError, match=message):
        read(pair, **options)


def test_validation_images_without_a_labelled_pixel_are_refused(pair, tmp_path):
    save(pair / "images/b.png", grey())
    save(pair / "labels/b.png", ids(255))
    for name, stem in (("train", "a"), ("val", "b")):
        (tmp_path / f"{name}.txt").write_text(stem)
    lists = {f"{name}_list": str(tmp_path / f"{name}.txt") for name in ("train", "val")}
    with pytest.raises(UserError, match=r"No validation image has a labelled pixel \(b\)"):
        load_splits(DataConfig(dataset="folder", data_dir=str(pair), **lists), seed=0)
