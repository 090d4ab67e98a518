"""Folders of images that are read in regions: large TIFF files and Zarr folders."""

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from tfadvseg.config import DataConfig
from tfadvseg.data import folder_pages, stored_pages
from tfadvseg.data.examples import channel_statistics, fingerprint, image_sizes
from tfadvseg.data.folder import read_folder
from tfadvseg.data.folder_pages import regions_of
from tfadvseg.data.on_disk import OnDisk
from tfadvseg.errors import UserError
from tfadvseg_datasets import windowed

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 2**12, (100, 70), np.uint16)
LABEL = RNG.integers(0, 3, (100, 70), np.uint8)


@pytest.fixture
def small_regions(monkeypatch):
    monkeypatch.setattr(windowed, "LARGE", 1000)
    monkeypatch.setattr(folder_pages, "LARGE", 1000)
    monkeypatch.setattr(folder_pages, "REGION", 40)


def folder(tmp_path, image=IMAGE, label=LABEL) -> DataConfig:
    for part in ("images", "labels"):
        (tmp_path / part).mkdir(exist_ok=True)
    tifffile.imwrite(tmp_path / "images/a.tif", image, tile=(32, 32))
    tifffile.imwrite(tmp_path / "labels/a.tif", label, tile=(32, 32))
    return DataConfig(dataset="folder", data_dir=str(tmp_path))


def test_regions_are_even_and_cover_the_image(small_regions):
    regions = regions_of((100, 70))
    assert len(regions) == 6
    covered = np.zeros((100, 70), int)
    for top, left, height, width in regions:
        assert height <= 40 and width <= 40 and min(height, width) >= 33
        covered[top : top + height, left : left + width] += 1
    assert (covered == 1).all()
    assert regions_of((40, 40)) == [(0, 0, 40, 40)]


@pytest.mark.parametrize("png_label", [False, True])
def test_a_large_image_is_as_many_examples_as_it_has_regions(tmp_path, small_regions, png_label):
    config = folder(tmp_path)
    if png_label:  # read whole, and cut
        (tmp_path / "labels/a.tif").unlink()
        Image.fromarray(LABEL).save(tmp_path / "labels/a.png")
    found = read_folder(config)
    examples = found.examples
    assert isinstance(examples.images, OnDisk)
    assert examples.keys[:3] == ("a/y00000x00000", "a/y00000x00035", "a/y00033x00000")
    assert {*found.stems} == {"a"}, "parts of one image are never divided"
    regions = regions_of(IMAGE.shape)
    assert image_sizes(examples) == [(height, width) for _, _, height, width in regions]
    for (top, left, h, w), image, label in zip(
        regions, examples.images, examples.labels, strict=True
    ):
        np.testing.assert_array_equal(image[..., 0], IMAGE[top : top + h, left : left + w])
        np.testing.assert_array_equal(label, LABEL[top : top + h, left : left + w])
    assert channel_statistics(examples).mean == pytest.approx([IMAGE.mean()], rel=1e-12)


@pytest.mark.parametrize("part", ["images", "labels"])
def test_a_changed_pixel_changes_the_fingerprint(tmp_path, small_regions, part):
    before = fingerprint(read_folder(folder(tmp_path)).examples)
    assert fingerprint(read_folder(folder(tmp_path)).examples) == before
    stored_pages._content.cache_clear()  # a run reads its files once
    pixels = {"images": IMAGE, "labels": LABEL}[part].copy()
    pixels[99, 69] = 0 if pixels[99, 69] else 1
    changed = read_folder(folder(tmp_path, **{part.removesuffix("s"): pixels})).examples
    assert fingerprint(changed) != before


def test_percentiles_of_regions_are_refused(tmp_path, small_regions):
    folder(tmp_path)
    config = DataConfig(dataset="folder", data_dir=str(tmp_path), normalise="percentile")
    with pytest.raises(UserError, match=r"--normalise=percentile: .*a\.tif is read in regions"):
        read_folder(config)


def test_labels_of_another_size_are_told(tmp_path, small_regions):
    with pytest.raises(UserError, match=r"a\.tif: 64 x 70 .*a\.tif is 100 x 70"):
        read_folder(folder(tmp_path, label=LABEL[:64]))


def test_damage_within_a_file_is_told(tmp_path, small_regions):
    config = folder(tmp_path)
    tifffile.imwrite(tmp_path / "images/a.tif", IMAGE, tile=(32, 32), compression="zlib")
    with tifffile.TiffFile(tmp_path / "images/a.tif") as tiff:
        offset = tiff.pages[0].dataoffsets[-1]
    content = bytearray((tmp_path / "images/a.tif").read_bytes())
    content[offset : offset + 20] = b"\xff" * 20
    (tmp_path / "images/a.tif").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tif: not a whole image"):
        read_folder(config)


def test_a_stack_is_the_same_in_png_tiff_and_zarr(tmp_path):
    stack = RNG.integers(0, 256, (3, 48, 64), np.uint8)
    labels = RNG.integers(0, 2, (3, 48, 64), np.uint8)
    found = []
    for kind in ("tif", "zarr"):
        for part, pages in (("images", stack), ("labels", labels)):
            place = tmp_path / kind / part
            place.mkdir(parents=True)
            if kind == "tif":
                tifffile.imwrite(place / "s.tif", pages, photometric="minisblack")
            else:
                zarr.create_array(str(place / "s.zarr"), data=pages, chunks=(1, 16, 16))
        config = DataConfig(dataset="folder", data_dir=str(tmp_path / kind))
        found.append(read_folder(config))
    one, other = found
    assert one.examples.keys == other.examples.keys == ("s/000", "s/001", "s/002")
    assert one.descriptor == other.descriptor
    assert fingerprint(one.examples) == fingerprint(other.examples)
    assert not isinstance(other.examples.images, OnDisk)
