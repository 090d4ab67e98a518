"""Decoding of PNG and JPEG files within the graph of an export.

What a file is and how large, its header says, and is checked before any pixel is decoded. Pixels
are taken as stored: no orientation tag is applied.
"""

import tensorflow as tf

from tfadvseg.files.model_spec import ModelSpec

MAX_PIXELS = ModelSpec.max_pixels
"""Pixels of one file by default: a file of a few kilobytes can hold gigabytes of one colour."""

DTYPES = ("uint8", "uint16")
"""Of images that PNG files hold."""

MOST_CHANNELS = 4

# Luma of Recommendation ITU-R BT.601, with which Pillow, too, turns colour into grey.
_LUMA = (0.299, 0.587, 0.114)

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def can_be_encoded(channels: int, dtype: str) -> bool:
    """Whether PNG files hold images of so many channels of a type."""
    return channels <= MOST_CHANNELS and dtype in DTYPES


def decode_image(
    image_bytes: tf.Tensor, channels: int, dtype: str = "uint8", max_pixels: int = MAX_PIXELS
) -> tf.Tensor:
    """Decodes a PNG or, of 8 bits, JPEG file.

    Of 8 bits colour becomes grey, or grey colour, where 1 or 3 channels are asked for. All else
    must be as asked for, but for alpha beside the channels, which is dropped.

    Args:
        image_bytes: the file, string [].
        channels: from 1 to 4.
        dtype: one of `DTYPES`, the depth that the file must have.
        max_pixels: the most that it may hold.

    Returns:
        [H,W,channels] of that type.

    Raises:
        tf.errors.InvalidArgumentError: when run: neither format, another depth, other channels, too
            many pixels, or damaged.
    """
    deep = dtype == "uint16"
    is_png = tf.equal(tf.strings.substr(image_bytes, 0, len(_PNG)), _PNG)
    is_jpeg = tf.equal(tf.strings.substr(image_bytes, 0, len(_JPEG)), _JPEG)
    known = is_png if deep else is_png | is_jpeg
    wanted = "a PNG of 16 bits" if deep else "a PNG or JPEG of 8 bits"
    with tf.control_dependencies([_require(known, f"image_bytes: is not {wanted}.")]):
        image_bytes = tf.identity(image_bytes)
    height, width, bits = tf.cond(
        is_png, lambda: _png_header(image_bytes), lambda: _jpeg_header(image_bytes)
    )
    fits = _require(
        tf.cast(height, tf.int64) * tf.cast(width, tf.int64) <= max_pixels,
        f"image_bytes: holds more than {max_pixels} pixels, which this model does not take.",
    )
    agrees = _require(
        (bits == 16) if deep else (bits <= 8),
        f"image_bytes: has another depth than the model's, which takes {wanted}.",
    )
    with tf.control_dependencies([fits, agrees]):
        image_bytes = tf.identity(image_bytes)
    if not deep and channels in (1, 3):
        return _with_colours_converted(image_bytes, channels)
    return _as_stored(image_bytes, channels, tf.as_dtype(dtype))


def _require(condition: tf.Tensor, message: str) -> tf.Operation:
    return tf.debugging.Assert(condition, [message])


def _png_header(content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Height, width and bits a sample: the chunk IHDR comes first (PNG, 11.2.2)."""
    whole = tf.strings.length(content) >= 26
    with tf.control_dependencies([_require(whole, "image_bytes: is cut off within its header.")]):
        content = tf.identity(content)
    size = tf.io.decode_raw(tf.strings.substr(content, 16, 8), tf.int32, little_endian=False)
    bits = tf.io.decode_raw(tf.strings.substr(content, 24, 1), tf.uint8)
    # A side above 2^31 reads as negative: as many pixels as no limit allows.
    size = tf.where(size < 0, tf.int32.max, size)
    return size[1], size[0], tf.cast(bits[0], tf.int32)


def _jpeg_header(content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    shape = tf.image.extract_jpeg_shape(content)
    return shape[0], shape[1], tf.constant(8)


def _with_colours_converted(content: tf.Tensor, channels: int) -> tf.Tensor:
    rgb = tf.io.decode_image(content, channels=3, expand_animations=False)
    rgb.set_shape([None, None, 3])
    if channels == 3:
        return rgb
    # Rounded, because the weights' sum is 1 only to within float32: greys stay what they are.
    luma = tf.tensordot(tf.cast(rgb, tf.float32), tf.constant(_LUMA), axes=1)
    return tf.cast(tf.round(luma), tf.uint8)[..., tf.newaxis]


def _as_stored(content: tf.Tensor, channels: int, dtype: tf.DType) -> tf.Tensor:
    image = tf.io.decode_png(content, channels=0, dtype=dtype)
    held = tf.shape(image)[-1]
    has_alpha = (held % 2 == 0) & (held == channels + 1)
    agrees = _require(
        (held == channels) | has_alpha,
        f"image_bytes: has other channels than the {channels} of the model.",
    )
    with tf.control_dependencies([agrees]):
        image = tf.identity(image)[..., :channels]
    image.set_shape([None, None, channels])
    return image
