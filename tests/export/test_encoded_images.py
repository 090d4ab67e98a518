"""Files that an export decodes, and those that it refuses before it decodes them."""

import io

import imagecodecs
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfadvseg.export.encoded_images import decode_image

RNG = np.random.default_rng(0)


def png(pixels: np.ndarray) -> bytes:
    return imagecodecs.png_encode(pixels)


def decode(content: bytes, *arguments, **options) -> np.ndarray:
    graph = tf.function(lambda image_bytes: decode_image(image_bytes, *arguments, **options))
    return graph(tf.constant(content)).numpy()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_are_decoded_with_their_low_bytes(channels):
    pixels = RNG.integers(0, 65536, (5, 6, channels), dtype=np.uint16)
    np.testing.assert_array_equal(decode(png(pixels), channels, "uint16"), pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_beside_the_channels_is_dropped(channels):
    pixels = RNG.integers(0, 65536, (5, 6, channels + 1), dtype=np.uint16)
    np.testing.assert_array_equal(decode(png(pixels), channels, "uint16"), pixels[..., :channels])


def test_four_channels_of_eight_bits():
    pixels = RNG.integers(0, 256, (5, 6, 4), dtype=np.uint8)
    np.testing.assert_array_equal(decode(png(pixels), 4), pixels)


EIGHT, DEEP = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint16)


def saved(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(EIGHT).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "channels", "dtype", "message"),
    [
        (png(DEEP), 3, "uint8", "another depth .* 8 bits"),
        (png(EIGHT), 3, "uint16", "another depth .* 16 bits"),
        (saved("JPEG"), 3, "uint16", "is not a PNG of 16 bits"),
        (saved("GIF"), 3, "uint8", "is not a PNG or JPEG of 8 bits"),
        (saved("BMP"), 3, "uint8", "is not a PNG or JPEG of 8 bits"),
        (b"", 3, "uint8", "is not a PNG or JPEG"),
        (png(EIGHT)[:20], 3, "uint8", "cut off within its header"),
        (png(DEEP), 1, "uint16", "other channels than the 1 of the model"),
        (png(DEEP), 4, "uint16", "other channels than the 4 of the model"),
    ],
)
def test_other_files_are_refused(content, channels, dtype, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        decode(content, channels, dtype)


def test_a_file_that_is_too_large_is_refused_by_its_header():
    content = bytearray(png(EIGHT))
    content[16:24] = (2**31 - 1).to_bytes(4, "big") * 2  # decoded, it would fail otherwise
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than 15 pixels"):
        decode(bytes(content), 3, max_pixels=15)
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than 15 pixels"):
        decode(saved("JPEG"), 3, max_pixels=15)
    assert decode(saved("JPEG"), 3, max_pixels=16).shape == (4, 4, 3)
