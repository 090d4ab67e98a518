"""Values read from image and label files."""

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tfadvseg_datasets.raster import decode_images, decode_labels, read_images, read_labels

IDS = np.array([[0, 1, 2], [7, 2, 1]], np.uint8)
PALETTE = [0, 0, 0, 200, 30, 30, 30, 200, 30, *[9] * 12, 250, 250, 90]  # entries 0, 1, 2, 7 used


def palette_image(ids: np.ndarray) -> Image.Image:
    image = Image.fromarray(ids, "P")
    image.putpalette(PALETTE)
    return image


def grey_png(levels: np.ndarray, bits: int) -> bytes:
    """A grey PNG of 2, 4 or 16 bits per pixel, which Pillow cannot write."""
    rows = b""
    for row in levels:
        packed = "".join(format(int(level), f"0{bits}b") for level in row)
        packed += "0" * (-len(packed) % 8)
        rows += b"\0" + int(packed, 2).to_bytes(len(packed) // 8, "big")

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", levels.shape[1], levels.shape[0], bits, 0, 0, 0, 0)
    end = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + end


def save_pages(path, pages, **options) -> None:
    first, *others = (Image.fromarray(page) for page in pages)
    first.save(path, save_all=True, append_images=others, **options)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_palette_labels_give_their_indices(tmp_path, suffix):
    path = tmp_path / f"label.{suffix}"
    palette_image(IDS).save(path)
    (label,) = read_labels(path)
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(label, IDS)


def test_gif_labels_give_their_indices(tmp_path):
    ids = np.arange(8, dtype=np.uint8).reshape(2, 4)  # all: Pillow's writer drops unused entries
    palette_image(ids).save(tmp_path / "label.gif")
    np.testing.assert_array_equal(read_labels(tmp_path / "label.gif")[0], ids)


def test_builders_label_feature_keeps_the_ids_of_a_palette_png(tmp_path):
    palette_image(IDS).save(tmp_path / "label.png")
    feature = tfds.features.LabeledImage(labels=8, shape=(None, None, 1), encoding_format="png")

    def stored(label) -> np.ndarray:
        return feature.decode_example(tf.constant(feature.encode_example(label))).numpy()[..., 0]

    (label,) = read_labels(tmp_path / "label.png")
    np.testing.assert_array_equal(stored(label[..., None]), IDS)
    # A builder must not pass on the path, because TensorFlow would decode it.
    assert not np.array_equal(stored(tmp_path / "label.png"), IDS)


def test_palette_images_give_their_colours(tmp_path):
    palette_image(IDS).save(tmp_path / "image.png")
    (image,) = read_images(tmp_path / "image.png")
    assert image.shape == (2, 3, 3)
    assert image[0, 1].tolist() == [200, 30, 30]
    assert image[1, 0].tolist() == [250, 250, 90]


@pytest.mark.parametrize(
    ("bits", "levels"), [(2, [[0, 1], [2, 3]]), (4, [[0, 1], [7, 15]]), (16, [[0, 1], [7, 40000]])]
)
def test_grey_labels_of_any_depth_give_the_stored_numbers(tmp_path, bits, levels):
    (tmp_path / "label.png").write_bytes(grey_png(np.array(levels), bits))
    (label,) = read_labels(tmp_path / "label.png")
    assert label.tolist() == levels


def test_one_bit_labels_are_zero_and_one_and_images_black_and_white(tmp_path):
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "x.png")
    assert read_labels(tmp_path / "x.png")[0].tolist() == [[0, 1]]
    assert read_images(tmp_path / "x.png")[0].ravel().tolist() == [0, 255]


def test_equal_channels_count_as_grey_labels_and_colours_are_refused(tmp_path):
    grey = np.repeat(IDS[:, :, None], 3, axis=2)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "grey.png")[0], IDS)
    grey[1, 2] = 5, 5, 6
    Image.fromarray(grey).save(tmp_path / "colour.png")
    with pytest.raises(ValueError, match=r"colour\.png: colours where class ids"):
        read_labels(tmp_path / "colour.png")


def test_alpha_is_dropped_unblended(tmp_path):
    pixels = np.array([[[10, 20, 30, 0], [40, 50, 60, 255]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_images(tmp_path / "x.png")[0], pixels[:, :, :3])


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_all_pages_of_a_tiff_are_read_in_order(tmp_path, compression):
    pages = np.random.default_rng(0).integers(0, 256, (4, 5, 6), dtype=np.uint8)
    save_pages(tmp_path / "x.tif", pages, compression=compression)
    images = read_images(tmp_path / "x.tif")
    np.testing.assert_array_equal(np.stack(images), pages[..., None])
    np.testing.assert_array_equal(np.stack(read_labels(tmp_path / "x.tif")), pages)


def test_sixteen_bit_images_are_refused(tmp_path):
    Image.fromarray(np.array([[0, 40000]], np.uint16)).save(tmp_path / "deep.tif")
    with pytest.raises(ValueError, match=r"deep\.tif: more than 8 bits"):
        read_images(tmp_path / "deep.tif")


def test_labels_that_cannot_hold_ids_are_refused(tmp_path):
    Image.fromarray(IDS).save(tmp_path / "x.jpg")
    with pytest.raises(ValueError, match=r"x\.jpg: JPEG"):
        read_labels(tmp_path / "x.jpg")
    Image.fromarray(IDS.astype(np.float32)).save(tmp_path / "x.tif")
    with pytest.raises(ValueError, match=r"x\.tif: floating-point"):
        read_labels(tmp_path / "x.tif")
    frames = [palette_image(IDS), palette_image(IDS[::-1].copy())]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match=r"x\.gif: a GIF of several frames"):
        read_labels(tmp_path / "x.gif")


def test_tiff_whose_zero_is_white_is_refused_as_label(tmp_path):
    Image.fromarray(IDS).save(tmp_path / "x.tif", tiffinfo={262: 0})
    with pytest.raises(ValueError, match="zero is white"):
        read_labels(tmp_path / "x.tif")


def test_absent_and_foreign_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_images(tmp_path / "absent.png")
    (tmp_path / "text.tif").write_text("not a picture")
    with pytest.raises(ValueError, match=r"text\.tif: not an image of a known format; convert"):
        read_images(tmp_path / "text.tif")


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True), compression=st.sampled_from([None, "tiff_lzw"]))
def test_no_truncation_of_a_tiff_goes_unnoticed(tmp_path_factory, share, compression):
    folder = tmp_path_factory.mktemp("truncated")
    pages = np.random.default_rng(1).integers(0, 256, (3, 16, 20), dtype=np.uint8)
    save_pages(folder / "whole.tif", pages, compression=compression)
    content = (folder / "whole.tif").read_bytes()
    (folder / "cut.tif").write_bytes(content[: int(share * len(content))])
    try:
        read = read_images(folder / "cut.tif")
    except ValueError as error:
        assert "cut.tif" in str(error)
        assert "\n" not in str(error)
    else:  # only padding was lost
        np.testing.assert_array_equal(np.stack(read), pages[..., None])


def png16(pixels: np.ndarray) -> bytes:
    """A PNG of 16 bits of uint16 [h, w, c], which Pillow writes in grey only."""
    return imagecodecs.png_encode(pixels)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pngs_of_sixteen_bits_keep_their_low_bytes(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 65536, (5, 6, channels), dtype=np.uint16)
    (tmp_path / "x.png").write_bytes(png16(pixels))
    images, notes = decode_images(tmp_path / "x.png")
    alpha = channels in (2, 4)
    np.testing.assert_array_equal(images[0], pixels[..., : channels - alpha])
    assert bool(notes) == alpha
    images, notes = decode_images(tmp_path / "x.png", channels=(channels - 1,))
    np.testing.assert_array_equal(images[0], pixels[..., -1:])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_labels_of_sixteen_bit_png_give_their_ids(tmp_path, channels):
    ids = IDS.astype(np.uint16) + 300
    pixels = np.dstack([ids] * channels)
    if channels in (2, 4):
        pixels[..., -1] = 65535
    (tmp_path / "x.png").write_bytes(png16(pixels))
    np.testing.assert_array_equal(read_labels(tmp_path / "x.png")[0], ids)


@pytest.mark.parametrize("kind", ["WEBP", "JPEG2000", "AVIF", "BMP"])
def test_a_format_under_another_suffix_is_read(tmp_path, kind):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(pixels).save(tmp_path / "x.jpg", format=kind, **options)
    (image,) = read_images(tmp_path / "x.jpg")
    assert image.shape == pixels.shape
    if kind != "AVIF":
        np.testing.assert_array_equal(image, pixels)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("JPEG", "JPEG"), ("WEBP", "WebP"), ("JPEG2000", "JPEG 2000"), ("AVIF", "AVIF")],
)
def test_labels_of_formats_that_may_lose_are_refused_whatever_their_suffix(tmp_path, kind, name):
    Image.fromarray(np.repeat(IDS, 8, axis=0)).save(tmp_path / "x.png", format=kind)
    with pytest.raises(ValueError, match=rf"x\.png: {name} changes class ids"):
        read_labels(tmp_path / "x.png")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an image but an empty file; replace it"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer; fetch"),
        (b"\0\0\0\x18ftypheic", "HEIC file or video; convert"),
        (b"%PDF-1.7", "PDF file; convert"),
        (b"<!DOCTYPE html>", "web page or XML file; replace"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file; convert"),
        (b"\n <html>", "web page or XML file; replace"),
        (b"v/1\x01", "an OpenEXR file; convert"),
        (bytes(208) + b"MAP ", "an MRC file; convert"),
        (b"7z\xbc\xaf'\x1c", "7z archive; unpack"),
        (imagecodecs.jpegls_encode(np.zeros((4, 4), np.uint16)), "JPEG-LS file; convert"),
    ],
)
def test_what_is_no_image_is_called_by_its_name(tmp_path, content, message):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ValueError, match=rf"x\.png: .*{message}"):
        read_images(tmp_path / "x.png")


@pytest.mark.parametrize("cut", [1, 8, 20])
def test_a_whole_jpeg_of_corrupt_exif_is_read(tmp_path, cut):
    exif = Image.Exif()
    exif[0x010E] = "x" * 40
    pixels = np.full((16, 16, 3), 90, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.jpg", exif=exif.tobytes()[:-cut], quality=95)
    assert abs(read_images(tmp_path / "x.jpg")[0].astype(int) - 90).max() < 2


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_the_orientation_tag_of_any_format_is_reported_and_not_applied(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(np.zeros((3, 5), np.uint8)).save(tmp_path / f"x.{suffix}", exif=exif)
    images, notes = decode_images(tmp_path / f"x.{suffix}")
    assert images[0].shape[:2] == (3, 5)
    assert any("orientation tag (8)" in note for note in notes)


def test_jpegs_of_twelve_bits_keep_their_depth(tmp_path):
    levels = np.tile(np.linspace(0, 4095, 64).astype(np.uint16), (64, 1))
    content = imagecodecs.jpeg8_encode(levels, level=100, bitspersample=12)
    (tmp_path / "x.jpg").write_bytes(content)
    (image,) = decode_images(tmp_path / "x.jpg").pages
    assert image.dtype == np.uint16
    assert abs(image[..., 0].astype(int) - levels).max() < 16
    (tmp_path / "x.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"x\.jpg: not a complete image file \(its end"):
        decode_images(tmp_path / "x.jpg")


def test_the_orientation_tag_of_a_deep_jpeg_is_reported(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    block = exif.tobytes()
    content = imagecodecs.jpeg8_encode(np.zeros((8, 8), np.uint16), bitspersample=12)
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(block)) + block
    (tmp_path / "x.jpg").write_bytes(content[:2] + segment + content[2:])
    assert any("orientation tag (6)" in note for note in decode_images(tmp_path / "x.jpg").notes)


def test_labels_in_a_jpeg_that_pillow_cannot_open_are_refused_as_jpeg(tmp_path):
    content = imagecodecs.jpeg8_encode(np.zeros((8, 8), np.uint16), bitspersample=12)
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.png: JPEG changes class ids"):
        read_labels(tmp_path / "x.png")


@pytest.mark.parametrize("bits", [2, 4])
def test_images_of_few_bits_are_spread_and_reported(tmp_path, bits):
    (tmp_path / "x.png").write_bytes(grey_png(np.array([[0, 2**bits - 1]]), bits))
    (image,), notes = decode_images(tmp_path / "x.png")
    assert image.ravel().tolist() == [0, 255]
    assert notes == (f"levels of {bits} bits are spread over 0 to 255",)


def test_pgm_with_levels_that_pillow_stretches_is_refused(tmp_path):
    for name, maximum in (("ids.png", 3), ("whole.png", 255)):
        (tmp_path / name).write_bytes(b"P5\n4 1\n%d\n\0\1\2\3" % maximum)
    assert read_labels(tmp_path / "whole.png")[0].tolist() == [[0, 1, 2, 3]]
    for read in (read_labels, read_images):
        with pytest.raises(ValueError, match=r"ids\.png: .*another maximum"):
            read(tmp_path / "ids.png")


def test_further_pictures_of_an_animation_are_reported(tmp_path):
    save_pages(tmp_path / "x.png", [IDS, IDS + 1])
    for decode in (decode_images, decode_labels):
        pages, notes = decode(tmp_path / "x.png")
        assert len(pages) == 1
        assert notes == ("1 more pictures in it (animation, preview) left out",)
