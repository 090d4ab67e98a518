"""Files that are read window by window give what they give when read whole."""

import numpy as np
import pytest
import tifffile
import zarr

from tfadvseg_datasets import raster, tiff_windows, windowed
from tfadvseg_datasets.decoded import Unsuitable
from tfadvseg_datasets.windowed import Window, open_images, open_labels
from tfadvseg_datasets.zarr_folders import is_zarr

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 2**16, (70, 90), np.uint16)
COLOUR = RNG.integers(0, 256, (70, 90, 3), np.uint8)
STACK = RNG.integers(0, 256, (5, 70, 90), np.uint8)
WINDOWS = [Window(0, 0, 70, 90), Window(13, 40, 32, 17), Window(69, 89, 1, 1)]


@pytest.fixture(autouse=True)
def every_image_is_large(monkeypatch):
    monkeypatch.setattr(windowed, "LARGE", 0)


def assert_same(file, pages) -> None:
    assert len(file) == len(pages)
    for number, page in enumerate(pages):
        assert file.size(number) == page.shape[:2]
        for window in WINDOWS:
            top, left, height, width = window
            read = file.read(number, window)
            assert read.dtype == page.dtype
            np.testing.assert_array_equal(read, page[top : top + height, left : left + width])


@pytest.mark.parametrize(
    ("pixels", "how"),
    [
        (GREY, {"tile": (32, 32), "compression": "zlib", "photometric": "minisblack"}),
        (GREY, {"bigtiff": True, "byteorder": ">", "rowsperstrip": 8, "compression": "lzw"}),
        (GREY, {}),  # a single uncompressed piece, mapped
        (GREY, {"byteorder": ">"}),
        (COLOUR, {"tile": (16, 48), "compression": "deflate", "predictor": True}),
        (np.moveaxis(COLOUR, -1, 0), {"tile": (32, 32), "planarconfig": "separate"}),
        (COLOUR, {"tile": (32, 32), "compression": "jpeg"}),
        (STACK, {"imagej": True}),
        (STACK, {"ome": True, "tile": (32, 32), "metadata": {"axes": "CYX"}}),
        (STACK, {"ome": True, "tile": (32, 32), "metadata": {"axes": "ZYX"}}),
        (STACK, {"photometric": "minisblack", "tile": (32, 32), "metadata": None}),
        (GREY, {"photometric": "miniswhite", "tile": (32, 32)}),
        (GREY.astype(np.float32), {"tile": (32, 32), "compression": "zstd"}),
    ],
)
def test_windows_of_tiff_are_those_of_the_whole(tmp_path, pixels, how):
    how = {"photometric": "rgb"} | how if pixels is COLOUR else how
    tifffile.imwrite(tmp_path / "a.tif", pixels, **how)
    whole = raster.decode_images(tmp_path / "a.tif")
    file = open_images(tmp_path / "a.tif")
    assert file is not None
    assert_same(file, whole.pages)
    assert {*file.notes} == {*whole.notes}


def test_only_large_files_in_small_pieces_are_read_so(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", GREY, tile=(32, 32))
    assert open_images(tmp_path / "a.tif") is not None
    monkeypatch.setattr(tiff_windows, "_LARGEST_PIECE", 1000)
    assert open_images(tmp_path / "a.tif") is None, "a window would cost a large piece"
    monkeypatch.undo()
    assert open_images(tmp_path / "a.tif") is None, "not large"
    (tmp_path / "b.tif").write_bytes(b"no TIFF")
    assert open_images(tmp_path / "b.tif") is None


def test_channels_alpha_and_levels_of_a_pyramid(tmp_path):
    alpha = np.concatenate([COLOUR, COLOUR[..., :1]], -1)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        how = {"tile": (32, 32), "photometric": "rgb", "extrasamples": ["unassalpha"]}
        tiff.write(alpha, subifds=1, **how)
        tiff.write(alpha[::2, ::2], subfiletype=1, **how)
    file = open_images(tmp_path / "a.tif")
    assert_same(file, [COLOUR])
    assert any("alpha" in note for note in file.notes)
    assert_same(open_images(tmp_path / "a.tif", channels=(3, 1)), [alpha[..., [3, 1]]])


def test_labels(tmp_path):
    ids = RNG.integers(0, 300, (70, 90), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", ids, tile=(32, 32), compression="zlib")
    assert_same(open_labels(tmp_path / "a.tif"), raster.decode_labels(tmp_path / "a.tif").pages)
    tifffile.imwrite(tmp_path / "b.tif", COLOUR, tile=(32, 32), compression="jpeg")
    with pytest.raises(Unsuitable, match="compression may change class ids"):
        open_labels(tmp_path / "b.tif")


def written(path, pixels, **how) -> None:
    array = zarr.create_array(
        str(path), shape=pixels.shape, chunks=(32,) * pixels.ndim, dtype=pixels.dtype, **how
    )
    array[...] = pixels


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_arrays(tmp_path, version):
    how = {"zarr_format": version}
    written(tmp_path / "grey.zarr", GREY, **how)
    assert is_zarr(tmp_path / "grey.zarr")
    assert_same(open_images(tmp_path / "grey.zarr"), [GREY[..., np.newaxis]])
    written(tmp_path / "colour.zarr", COLOUR, **how)
    assert_same(open_images(tmp_path / "colour.zarr"), [COLOUR])
    written(tmp_path / "stack.zarr", STACK, **how)
    assert_same(open_images(tmp_path / "stack.zarr"), list(STACK[..., np.newaxis]))
    channels = np.moveaxis(STACK, 0, -1)
    assert_same(open_images(tmp_path / "stack.zarr", axes="CYX"), [channels])
    assert_same(open_images(tmp_path / "stack.zarr", (4, 0), "CYX"), [channels[..., [4, 0]]])
    assert_same(open_labels(tmp_path / "stack.zarr"), list(STACK))
    written(tmp_path / "five.zarr", STACK[:, np.newaxis, np.newaxis], **how)
    with pytest.raises(Unsuitable, match=r"5 x 1 x 1 x 70 x 90 with no named axes; .* --axes"):
        open_images(tmp_path / "five.zarr")
    assert_same(open_images(tmp_path / "five.zarr", axes="CYX"), [channels])


@pytest.mark.parametrize("version", [2, 3])
def test_the_full_resolution_of_ome_zarr_is_read(tmp_path, version):
    group = zarr.open_group(str(tmp_path / "a.ome.zarr"), mode="w", zarr_format=version)
    for level in range(2):
        pixels = STACK[:, :: 2**level, :: 2**level]
        group.create_array(str(level), shape=pixels.shape, dtype="uint8")[...] = pixels
    axes = [{"name": name} for name in "cyx"]
    scales = [{"axes": axes, "datasets": [{"path": "0"}, {"path": "1"}]}]
    group.attrs.update(
        {"multiscales": scales} if version == 2 else {"ome": {"multiscales": scales}}
    )
    assert_same(open_images(tmp_path / "a.ome.zarr"), [np.moveaxis(STACK, 0, -1)])


def test_zarr_groups_that_are_no_image_are_told(tmp_path):
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    with pytest.raises(Unsuitable, match="group of 0 arrays"):
        open_images(tmp_path / "a.zarr")
    for name in ("b", "c"):
        group.create_array(name, shape=(4, 4), dtype="uint8")
    with pytest.raises(Unsuitable, match=r"2 arrays \(b, c\) without metadata that names"):
        open_images(tmp_path / "a.zarr")
    (tmp_path / "a.zarr/zarr.json").write_text("{")
    with pytest.raises(Unsuitable, match="Zarr cannot open it"):
        open_images(tmp_path / "a.zarr")


def test_an_empty_zarr_array_is_named(tmp_path):
    zarr.create_array(str(tmp_path / "a.zarr"), shape=(0, 4), dtype="uint8", chunks=(1, 4))
    with pytest.raises(Unsuitable, match=r"a\.zarr: an array of 0 x 4 is empty"):
        open_images(tmp_path / "a.zarr")
