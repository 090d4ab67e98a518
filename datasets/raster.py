"""Images and labels from files, decoded with Pillow to the values that the files hold.

TensorFlow's decoder expands palette PNGs to colours and stretches 2- and 4-bit grey levels to
0-255, which destroys class ids: labels are never decoded with it. Every error is a `ValueError` or
`OSError` of one line that names the file.
"""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from etils import epath
from PIL import Image

MULTI_PAGE_FORMATS = ("TIFF", "GIF")
"""Pillow's names; of other formats the first picture counts (phones add previews to JPEGs)."""

_SIXTEEN_BIT_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N")
_GREY_MODES = ("1", "L", "LA", "La")

_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a TIFF tag and one of its values


def read_images(path: str | os.PathLike) -> list[np.ndarray]:
    """The pages of an image file.

    Palette images become RGB and an alpha channel is dropped. A JPEG's orientation tag is not
    applied, or its label would no longer lie upon it.

    Args:
        path: PNG, JPEG, GIF or TIFF of 8 bits a channel (or 1 bit, which becomes 0 and 255).

    Returns:
        one uint8 [h, w, c] a page, c = 1 (grey) or 3 (RGB).

    Raises:
        OSError: the file is absent or unreadable.
        ValueError: not a whole image file, or more than 8 bits a channel.
    """
    with _pages(path) as pages:
        return [_image_array(page, path) for page, _ in pages]


def read_labels(path: str | os.PathLike) -> list[np.ndarray]:
    """The pages of a label file, as the numbers stored in it.

    Palette files give their indices, grey files their levels, 1-bit files 0 and 1. RGB files are
    accepted where the three channels are equal.

    Args:
        path: PNG, GIF or TIFF.

    Returns:
        one integer array [h, w] a page: uint8, or int32 for files of more than 8 bits.

    Raises:
        OSError: the file is absent or unreadable.
        ValueError: not a whole image file, or one that cannot hold class ids: JPEG (lossy), a GIF
            of several frames (later ones lose their indices), colours, floating point.
    """
    with _pages(path) as pages:
        return [_label_array(page, raw_mode, path) for page, raw_mode in pages]


@contextmanager
def _pages(path: str | os.PathLike) -> Iterator[Iterator[tuple[Image.Image, str]]]:
    """Opens a file, turning whatever Pillow raises on a damaged one into a `ValueError`."""
    content = epath.Path(path).read_bytes()
    try:
        # Pillow only warns where a TIFF ends before its next directory, and drops the rest.
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Corrupt EXIF|Truncated File")
            with Image.open(io.BytesIO(content)) as image:
                yield _iterate(image)
    except (MemoryError, _Unsuitable):
        raise
    except Exception as error:  # Pillow's plug-ins raise a dozen kinds on damaged files
        raise ValueError(
            f"{path}: not a whole image file ({_detail(error)}); replace it."
        ) from None


def _detail(error: Exception) -> str:
    match error:
        case Image.UnidentifiedImageError():
            return "of no known format"
        case Warning():
            return "it ends too early"
    return " ".join(str(error).split()) or type(error).__name__


class _Unsuitable(ValueError):
    """A whole file whose pixels are not of an accepted kind."""


def _iterate(image: Image.Image) -> Iterator[tuple[Image.Image, str]]:
    """Each page, with Pillow's name for how its pixels are stored (`L;4`: grey, 4 bits)."""
    count = getattr(image, "n_frames", 1) if image.format in MULTI_PAGE_FORMATS else 1
    for number in range(count):
        if number:
            image.seek(number)
        arguments = image.tile[0].args  # type: ignore[attr-defined]  # gone once it is loaded
        raw_mode = arguments if isinstance(arguments, str) else str(arguments[0])
        image.load()
        yield image, raw_mode


def _image_array(page: Image.Image, path: str | os.PathLike) -> np.ndarray:
    if page.mode in _SIXTEEN_BIT_MODES or page.mode == "F":
        raise _Unsuitable(
            f"{path}: more than 8 bits a pixel; save it with 8, choosing yourself what is black "
            "and what is white."
        )
    if page.mode in _GREY_MODES:
        return np.array(page.convert("L"))[:, :, None]
    return np.array(page.convert("RGB"))


def _label_array(page: Image.Image, raw_mode: str, path: str | os.PathLike) -> np.ndarray:
    if page.format in ("JPEG", "MPO"):
        raise _Unsuitable(f"{path}: JPEG changes class ids; store labels as PNG or TIFF.")
    if page.format == "GIF" and getattr(page, "n_frames", 1) > 1:
        raise _Unsuitable(
            f"{path}: a GIF of several frames does not keep class ids; store labels as PNG or TIFF."
        )
    if page.format == "TIFF" and page.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:  # type: ignore[attr-defined]
        raise _Unsuitable(
            f"{path}: a TIFF whose zero is white, so that its ids would be read inverted; save it "
            "again with zero as black."
        )
    if page.mode == "F":
        raise _Unsuitable(f"{path}: floating-point pixels; store class ids as integers.")
    if page.mode in _SIXTEEN_BIT_MODES:
        return np.array(page).astype(np.int32)
    if page.mode == "1":
        return np.array(page).astype(np.uint8)
    if page.mode == "L":
        # Pillow has multiplied 2- and 4-bit levels to fill 0-255.
        return np.array(page) // {"L;2": 85, "L;4": 17}.get(raw_mode[:3], 1)
    if page.mode in ("P", "PA", "LA", "La"):
        return np.array(page.getchannel(0))
    colours = np.array(page.convert("RGB"))
    if np.any(colours != colours[:, :, :1]):
        raise _Unsuitable(
            f"{path}: colours where class ids are expected; store one number a pixel (grey or "
            "palette PNG)."
        )
    return colours[:, :, 0]
