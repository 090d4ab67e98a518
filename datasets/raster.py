"""Images and labels read from files, with the numbers that are stored in the files.

A file's format is recognised by its content, not by its name. TensorFlow's decoder expands palette
PNGs to colours and stretches 2- and 4-bit grey levels to 0-255, which destroys class ids: labels
are never decoded with it. Every error is a `ValueError` or `OSError` with a one-line message that
names the file.
"""

import io
import os
from collections.abc import Callable, Sequence

import imagecodecs
import numpy as np
from etils import epath
from PIL import Image

from tfadvseg_datasets import file_formats as formats
from tfadvseg_datasets import raster_pillow as pillow
from tfadvseg_datasets import tiff
from tfadvseg_datasets.decoded import Decoded, Unsuitable
from tfadvseg_datasets.pixels import (
    chosen_channels,
    image_pixels,
    label_ids,
    without_alpha,
)
from tfadvseg_datasets.tiff_pixels import LeftToPillow

_LOSSY = (formats.JPEG, formats.WEBP, formats.JPEG2000, formats.AVIF)
"""Formats that may change class ids."""


def read_images(path: str | os.PathLike) -> list[np.ndarray]:
    """The pages of an 8-bit image file, decoded by `decode_images`.

    Returns:
        One uint8 array [h, w, c] per page, c = 1 (grey) or 3 (RGB).

    Raises:
        OSError: the file is absent or unreadable.
        ValueError: not a complete image file, or pixels of another kind.
    """
    pages = decode_images(path).pages
    for page in pages:
        if page.dtype != np.uint8:
            raise Unsuitable(
                f"{path}: more than 8 bits per pixel; convert it to 8 bits, with your own choice "
                "of black and white level."
            )
        if page.shape[-1] not in (1, 3):
            raise Unsuitable(f"{path}: {page.shape[-1]} channels; save it as grey or RGB.")
    return pages


def read_labels(path: str | os.PathLike) -> list[np.ndarray]:
    """The pages of a label file, decoded by `decode_labels`."""
    return decode_labels(path).pages


def decode_images(path: str | os.PathLike, channels: Sequence[int] = (), axes: str = "") -> Decoded:
    """The pages of an image file, and notes on parts of the file that are not used.

    Pixels keep their depth. Palette images become RGB. The orientation tag is not applied, because
    a label would no longer match its image. Of formats other than TIFF and GIF only the first
    picture is read, because phones add previews to JPEGs.

    Args:
        path: PNG, JPEG, TIFF, GIF, WebP, BMP, or any other format that Pillow reads as 8 bits.
        channels: numbers of the channels to read; empty means all except alpha.
        axes: meaning of the axes of a TIFF's pixels, such as `CYX`; empty means the file's own.

    Returns:
        One array [h, w, c] per page, c from 1 to `pixels.MAX_CHANNELS`, of `pixels.IMAGE_DTYPES`.

    Raises:
        OSError: the file is absent or unreadable.
        ValueError: not a complete image file, or pixels of a kind that is not accepted.
    """

    def decode(content: bytes) -> Decoded:
        kind = formats.identify(content[: formats.HEAD])
        if kind is formats.TIFF:
            try:
                return tiff.decode_images(_named(content, path), str(path), channels, axes)
            except LeftToPillow:
                return _converted(content, path, channels)
        if kind is formats.PNG and formats.png_bit_depth(content) == 16:
            return _deep(imagecodecs.png_decode(content), content, path, channels)
        if kind is formats.JPEG and formats.jpeg_precision(content) != 8:
            if not formats.jpeg_is_complete(content):  # the decoder would fill the rest with grey
                raise ValueError("its end is missing")
            return _deep(imagecodecs.jpeg_decode(content), content, path, channels)
        return pillow.decode_images(content, path, channels)

    return _decoded(path, decode)


def decode_labels(path: str | os.PathLike) -> Decoded:
    """The pages of a label file as the numbers stored in it, and notes on parts that are not used.

    Palette files give their indices, grey files their levels, 1-bit files 0 and 1. Files of several
    channels are accepted if the channels are equal; alpha does not count.

    Args:
        path: PNG, GIF, TIFF or BMP.

    Returns:
        One integer array [h, w] per page: uint8, or int32 or int64 for files with more than 8 bits.

    Raises:
        OSError: the file is absent or unreadable.
        ValueError: not a complete image file, or one that cannot hold class ids: lossy, a GIF of
            several frames (later ones lose their indices), colours, floating point.
    """

    def decode(content: bytes) -> Decoded:
        kind = formats.identify(content[: formats.HEAD])
        _refuse_lossy(kind, path)
        if kind is formats.TIFF:
            try:
                return tiff.decode_labels(_named(content, path), str(path))
            except LeftToPillow:
                return pillow.decode_labels(content, path, (*pillow.LOSSLESS, "TIFF"))
        if kind is formats.PNG and formats.png_bit_depth(content) == 16:
            pixels = imagecodecs.png_decode(content)
            pixels = pixels if pixels.ndim == 3 else pixels[..., np.newaxis]
            ids, notes = label_ids(pixels, _alpha_of(pixels), path)
            return Decoded([ids], notes + pillow.orientation(content))
        return pillow.decode_labels(content, path)

    return _decoded(path, decode)


def decode_coloured_labels(path: str | os.PathLike) -> Decoded:
    """The pages of a label file as the colours that it shows, and notes on unused parts.

    Args:
        path: PNG, GIF, TIFF or BMP: colours, a palette, or grey levels.

    Returns:
        One uint8 array [h, w, 3] per page.

    Raises:
        OSError: the file is absent or unreadable.
        ValueError: not a complete image file, or one that may change colours: lossy, or with other
            than 8 bits.
    """

    def check(content: bytes) -> Decoded:
        kind = formats.identify(content[: formats.HEAD])
        _refuse_lossy(kind, path)
        if kind is formats.TIFF:
            tiff.check_labels(_named(content, path), str(path))
        else:
            with Image.open(io.BytesIO(content)) as file:
                pillow.require_lossless(file, path)
        return Decoded([])

    _decoded(path, check)
    pages, notes = decode_images(path)
    for page in pages:
        if page.dtype != np.uint8 or page.shape[-1] not in (1, 3):
            raise Unsuitable(
                f"{path}: {page.shape[-1]} channels of {page.dtype} where colours are expected; "
                "store labels as RGB with 8 bits."
            )
    return Decoded([np.broadcast_to(page, (*page.shape[:2], 3)) for page in pages], notes)


def count_pages(path: str | os.PathLike) -> int:
    """Number of pages of a file, as far as its headers show; 1 if it cannot be read."""
    try:
        with epath.Path(path).open("rb") as file:
            head = file.read(formats.HEAD)
            file.seek(0)
            kind = formats.identify(head)
            if kind is formats.TIFF:
                return tiff.count_pages(file)
            if kind is formats.GIF:
                with Image.open(file) as image:
                    return getattr(image, "n_frames", 1)
    except Exception:  # reported when the file is read
        pass
    return 1


def _named(content: bytes, path: str | os.PathLike) -> io.BytesIO:
    """File content with its file name, for tifffile."""
    file = io.BytesIO(content)
    file.name = str(path)
    return file


def _decoded(path: str | os.PathLike, decode: Callable[[bytes], Decoded]) -> Decoded:
    """Decodes a file; converts any error raised on a damaged one to a `ValueError`."""
    content = epath.Path(path).read_bytes()
    try:
        return decode(content)
    except (MemoryError, Unsuitable):
        raise
    except Exception as error:  # the decoders raise many exception types on damaged files
        kind = formats.identify(content[: formats.HEAD])
        if kind is not None and kind.advice:
            raise ValueError(
                f"{path}: is not an image but {kind.article} {kind.name}; {kind.advice}."
            ) from None
        if isinstance(error, Image.UnidentifiedImageError) and kind is None:
            raise ValueError(
                f"{path}: not an image of a known format; convert it to PNG or TIFF, or replace "
                "it if it is damaged."
            ) from None
        raise ValueError(
            f"{path}: not a complete image file ({_detail(error)}); replace it."
        ) from None


def _detail(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "its header is damaged"
    return " ".join(str(error).split()) or type(error).__name__


def _deep(
    pixels: np.ndarray, content: bytes, path: str | os.PathLike, channels: Sequence[int]
) -> Decoded:
    """One image with more than 8 bits."""
    image = pixels if pixels.ndim == 3 else pixels[..., np.newaxis]
    image, notes = without_alpha(image, _alpha_of(image), channels)
    image = chosen_channels(image, channels, path)
    return Decoded([image_pixels(image, path)], notes + pillow.orientation(content))


def _alpha_of(pixels: np.ndarray) -> tuple[int, ...]:
    """Indices of alpha among the channels of a PNG, [h, w, c]."""
    return (pixels.shape[-1] - 1,) if pixels.shape[-1] in (2, 4) else ()


def _converted(content: bytes, path: str | os.PathLike, channels: Sequence[int]) -> Decoded:
    """A TIFF with colours that tifffile does not convert to RGB."""
    try:
        return pillow.decode_images(content, path, channels)
    except Unsuitable:
        raise
    except Exception as error:
        raise Unsuitable(
            f"{path}: its colours or its compression cannot be read "
            f"({_detail(error)}); save it as RGB without compression."
        ) from None


def _refuse_lossy(kind: formats.Format | None, path: str | os.PathLike) -> None:
    if kind is not None and kind in _LOSSY:
        raise Unsuitable(f"{path}: {kind.name} changes class ids; store labels as PNG or TIFF.")
