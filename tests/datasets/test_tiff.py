"""What the pixels of TIFF files of many kinds become."""

import numpy as np
import pytest
import tifffile

from tfadvseg_datasets.raster import count_pages, decode_images, decode_labels

RNG = np.random.default_rng(0)
DEEP = RNG.integers(0, 65536, (12, 20), dtype=np.uint16)
IDS = RNG.integers(0, 4, (12, 20), dtype=np.uint8)
GREY = {"photometric": "minisblack"}


def image_of(path) -> np.ndarray:
    (image,) = decode_images(path).pages
    return image


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"tile": (16, 16)},
        {"rowsperstrip": 5},
        {"compression": "zlib", "predictor": True},
        {"compression": "lzw"},
        {"compression": "zstd", "tile": (16, 16)},
        {"compression": "jpeg2000"},
        {"compression": "lerc"},
    ],
    ids=str,
)
def test_sixteen_bits_survive_every_storage(tmp_path, options):
    tifffile.imwrite(tmp_path / "x.tif", DEEP, **options)
    image = image_of(tmp_path / "x.tif")
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image[..., 0], DEEP)


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("uint8", "uint8"),
        ("int8", "int16"),
        ("uint16", "uint16"),
        ("int16", "int16"),
        ("uint32", "float32"),
        ("int32", "float32"),
        ("uint64", "float32"),
        ("int64", "float32"),
        ("float16", "float32"),
        ("float32", "float32"),
        ("float64", "float32"),
    ],
)
def test_numbers_of_every_type_are_kept(tmp_path, stored, read):
    numbers = np.arange(-3, 9).reshape(3, 4)
    pixels = numbers.astype(stored) if stored[0] != "u" else abs(numbers).astype(stored)
    pixels = pixels + np.float16(0.5) if stored[0] == "f" else pixels
    tifffile.imwrite(tmp_path / "x.tif", pixels.astype(stored), **GREY)
    image = image_of(tmp_path / "x.tif")
    assert image.dtype == read
    np.testing.assert_array_equal(image[..., 0], pixels)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.array([[0.0, np.nan]]), r"x\.tif: 1 values of 2 are NaN"),
        (np.array([[0, 2**24 + 1]], np.uint32), r"x\.tif: uint32 pixels from 0 to 16777217"),
        (np.array([[1j, 0]], np.complex64), r"x\.tif: complex64 pixels"),
        (np.zeros((2, 3, 17), np.uint8), r"x\.tif: has 17 channels"),
    ],
)
def test_numbers_that_networks_cannot_hold_are_refused(tmp_path, pixels, message):
    tifffile.imwrite(tmp_path / "x.tif", pixels, planarconfig="contig", **GREY)
    with pytest.raises(ValueError, match=message):
        decode_images(tmp_path / "x.tif")


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("channels", [2, 3, 4, 5, 16])
def test_channels_stay_together(tmp_path, planar, channels):
    pixels = RNG.integers(0, 65536, (6, 7, channels), dtype=np.uint16)
    written = pixels if planar == "contig" else np.moveaxis(pixels, -1, 0)
    tifffile.imwrite(tmp_path / "x.tif", written, planarconfig=planar, **GREY)
    np.testing.assert_array_equal(image_of(tmp_path / "x.tif"), pixels)


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
def test_alpha_is_left_out_and_reported_unless_asked_for(tmp_path, kind):
    pixels = RNG.integers(0, 65536, (6, 7, 4), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="rgb", extrasamples=[kind])
    images, notes = decode_images(tmp_path / "x.tif")
    np.testing.assert_array_equal(images[0], pixels[..., :3])
    assert any("alpha" in note for note in notes)
    images, notes = decode_images(tmp_path / "x.tif", channels=(3, 0))
    np.testing.assert_array_equal(images[0], pixels[..., [3, 0]])
    assert not notes


def test_an_unspecified_fourth_sample_is_a_channel(tmp_path):
    pixels = RNG.integers(0, 256, (6, 7, 4), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="rgb", extrasamples=["unspecified"])
    np.testing.assert_array_equal(image_of(tmp_path / "x.tif"), pixels)


STACK = RNG.integers(0, 65536, (2, 3, 4, 6, 7), dtype=np.uint16)  # T Z C Y X


@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_times_and_depths_are_images_and_channels_are_channels(tmp_path, kind):
    path = tmp_path / ("x.ome.tif" if kind == "ome" else "x.tif")
    tifffile.imwrite(path, STACK, metadata={"axes": "TZCYX"}, **{kind: True}, **GREY)
    images = decode_images(path).pages
    expected = np.moveaxis(STACK, 2, -1).reshape(6, 6, 7, 4)
    np.testing.assert_array_equal(np.stack(images), expected)


def test_an_imagej_stack_of_one_directory_is_all_there(tmp_path):
    stack = STACK[0, :, 0]
    tifffile.imwrite(tmp_path / "x.tif", stack, imagej=True, metadata={"axes": "ZYX"}, **GREY)
    content = bytearray((tmp_path / "x.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "x.tif") as tiff:
        first = tiff.pages.first
        after = first.offset + 2 + 12 * len(first.tags)
        pixels = first.dataoffsets[0]
    content[after : after + 4] = b"\0\0\0\0"  # as ImageJ writes stacks beyond 4 GB
    (tmp_path / "one.tif").write_bytes(content)
    with tifffile.TiffFile(tmp_path / "one.tif") as tiff:
        assert len(tiff.pages) == 1
    images = decode_images(tmp_path / "one.tif").pages
    np.testing.assert_array_equal(np.stack(images)[..., 0], stack)
    assert count_pages(tmp_path / "one.tif") == 2
    (tmp_path / "cut.tif").write_bytes(content[: pixels + 200])
    with pytest.raises(ValueError, match=r"cut\.tif: not a complete image file"):
        decode_images(tmp_path / "cut.tif")


def test_axes_give_what_the_file_leaves_open(tmp_path):
    stack = STACK[0, 0]  # C Y X, in pages
    tifffile.imwrite(tmp_path / "x.tif", stack, metadata=None, **GREY)
    assert len(decode_images(tmp_path / "x.tif").pages) == 4
    (image,) = decode_images(tmp_path / "x.tif", axes="CYX").pages
    np.testing.assert_array_equal(image, np.moveaxis(stack, 0, -1))
    (image,) = decode_images(tmp_path / "x.tif", axes="CYX", channels=(0, 2)).pages
    np.testing.assert_array_equal(image, np.moveaxis(stack[[0, 2]], 0, -1))
    (image,) = decode_images(tmp_path / "x.tif", axes="YXC").pages
    np.testing.assert_array_equal(image, stack)
    assert len(decode_images(tmp_path / "x.tif", axes="TYX").pages) == 4
    with pytest.raises(ValueError, match=r"x\.tif: holds 4 x 6 x 7 .* --axes=TCYX names 4"):
        decode_images(tmp_path / "x.tif", axes="TCYX")
    with pytest.raises(ValueError, match=r"x\.tif: has 4 channels.*--channels=4"):
        decode_images(tmp_path / "x.tif", axes="CYX", channels=(4,))


def test_reduced_pages_and_masks_are_no_images(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(DEEP)
        file.write(DEEP[::2, ::2], subfiletype=1)
        file.write(DEEP > 0, subfiletype=4, photometric="mask")
    images, notes = decode_images(tmp_path / "x.tif")
    assert len(images) == 1
    assert sorted(notes) == ["reduced-resolution levels left out", "validity mask left out"]


def test_untitled_pages_that_are_reduced_or_masks_are_counted(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        for _ in range(2):
            file.write(DEEP, metadata=None)
            file.write(DEEP[::2, ::2], subfiletype=1, metadata=None)
    images, notes = decode_images(tmp_path / "x.tif")
    assert [image.shape for image in images] == [(12, 20, 1)] * 2
    assert notes == ("2 reduced-resolution pages left out",)


def test_levels_of_a_pyramid_are_no_images(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.ome.tif") as file:
        file.write(DEEP, subifds=1, tile=(16, 16), metadata={"axes": "YX"})
        file.write(DEEP[::2, ::2], subfiletype=1, tile=(16, 16))
    np.testing.assert_array_equal(image_of(tmp_path / "x.ome.tif")[..., 0], DEEP)


@pytest.mark.parametrize("tag", range(1, 9))
def test_pixels_are_taken_as_stored_and_the_orientation_tag_is_reported(tmp_path, tag):
    tifffile.imwrite(tmp_path / "x.tif", DEEP, extratags=[(274, "H", 1, tag, True)])
    for decode in (decode_images, decode_labels):
        pages, notes = decode(tmp_path / "x.tif")
        np.testing.assert_array_equal(pages[0].reshape(12, 20), DEEP)
        assert any(f"orientation tag ({tag})" in note for note in notes) == (tag != 1)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
)
def test_labels_are_integers_of_any_depth(tmp_path, dtype, byteorder):
    tifffile.imwrite(tmp_path / "x.tif", IDS.astype(dtype), byteorder=byteorder)
    (label,) = decode_labels(tmp_path / "x.tif").pages
    np.testing.assert_array_equal(label, IDS)
    assert label.dtype in (np.uint8, np.int32)


@pytest.mark.parametrize("compression", ["jpeg", "jpeg2000", "webp", "jpegxl", "lerc"])
def test_labels_under_codecs_that_may_lose_are_refused_by_their_name(tmp_path, compression):
    pixels = np.dstack([IDS] * 3) if compression == "webp" else IDS
    kind = "rgb" if compression == "webp" else "minisblack"
    tifffile.imwrite(tmp_path / "x.tif", pixels, compression=compression, photometric=kind)
    with pytest.raises(
        ValueError, match=rf"x\.tif: {compression.upper()} compression may"
    ) as error:
        decode_labels(tmp_path / "x.tif")
    assert "\n" not in str(error.value)


def test_labels_of_equal_channels_or_with_alpha(tmp_path):
    deep = IDS.astype(np.uint16)
    full = np.full_like(deep, 65535)
    tifffile.imwrite(tmp_path / "rgb.tif", np.dstack([deep] * 3), photometric="rgb")
    tifffile.imwrite(
        tmp_path / "la.tif", np.dstack([deep, full]), extrasamples=["unassalpha"], **GREY
    )
    for name in ("rgb.tif", "la.tif"):
        np.testing.assert_array_equal(decode_labels(tmp_path / name).pages[0], deep)
    tifffile.imwrite(tmp_path / "two.tif", np.dstack([deep, full]), planarconfig="contig", **GREY)
    with pytest.raises(ValueError, match=r"two\.tif: 2 channels that differ"):
        decode_labels(tmp_path / "two.tif")


def test_damage_that_tifffile_only_logs_is_reported(tmp_path, caplog):
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        for page in (DEEP, DEEP):
            file.write(page, metadata=None)
    content = (tmp_path / "x.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "x.tif") as tiff:
        last = tiff.pages[1].offset
    (tmp_path / "x.tif").write_bytes(content[:last])
    with pytest.raises(ValueError, match=r"x\.tif: not a complete image file \(invalid"):
        decode_images(tmp_path / "x.tif")
    assert not caplog.text


@pytest.mark.parametrize("tag", [("B", 1, 6), ("H", 2, (6, 6)), ("s", 0, "six")])
def test_an_odd_orientation_tag_is_no_damage(tmp_path, tag):
    kind, count, value = tag
    extra = [(274, kind, count, value, True)]
    tifffile.imwrite(tmp_path / "x.tif", DEEP, extratags=extra, **GREY)
    np.testing.assert_array_equal(image_of(tmp_path / "x.tif")[..., 0], DEEP)


@pytest.mark.parametrize("compression", ["jpeg", "jpegxr"])
def test_a_codec_that_fills_in_what_is_missing_hides_no_truncation(tmp_path, compression):
    pixels = np.tile(np.arange(64, dtype=np.uint8)[:, None, None], (1, 64, 3))
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="rgb", compression=compression)
    content = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "x.tif").write_bytes(content[:-20])
    with pytest.raises(ValueError, match=r"x\.tif: not a complete image file \(1 of its strips"):
        decode_images(tmp_path / "x.tif")


def test_planes_that_only_the_metadata_know_are_not_made_up(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.ome.tif", ome=True) as file:
        file.write(np.stack([DEEP] * 3), metadata={"axes": "ZYX"}, **GREY)
    with tifffile.TiffFile(tmp_path / "x.ome.tif") as tiff:
        described, last = tiff.ome_metadata, tiff.pages[0]
        pixels = last.asarray()
    tifffile.imwrite(
        tmp_path / "x.tif", pixels, description=described.encode(), metadata=None, **GREY
    )
    with pytest.raises(ValueError, match=r"x\.tif: .*describe 3 planes, but 2 of them are not"):
        decode_images(tmp_path / "x.tif")


@pytest.mark.parametrize("colours", ["separated", "cielab"])
def test_deep_colours_that_must_be_converted_are_refused(tmp_path, colours):
    pixels = np.dstack([DEEP] * (4 if colours == "separated" else 3))
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric=colours)
    with pytest.raises(ValueError, match=r"x\.tif: (CMYK|CIELAB) colours of uint16"):
        decode_images(tmp_path / "x.tif")


def test_signed_levels_whose_zero_is_white_stay_in_range(tmp_path):
    levels = np.array([[-32768, 0, 32767]], np.int16)
    tifffile.imwrite(tmp_path / "x.tif", levels, photometric="miniswhite")
    assert image_of(tmp_path / "x.tif").ravel().tolist() == [32767, -1, -32768]


def test_a_refusal_before_decoding_gives_the_folder(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", IDS, compression="jpeg", **GREY)
    with pytest.raises(ValueError) as error:
        decode_labels(tmp_path / "x.tif")
    assert str(error.value).startswith(f"{tmp_path}/x.tif: ")


def test_axes_of_a_stack_of_one_section(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", DEEP[None], metadata=None, **GREY)
    for axes in ("TYX", "CYX", "YXC"):
        (image,) = decode_images(tmp_path / "x.tif", axes=axes).pages
        np.testing.assert_array_equal(image[..., 0], DEEP)
