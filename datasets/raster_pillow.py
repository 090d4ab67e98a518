"""What Pillow reads of images and labels, with the numbers that are stored in the files.

Errors of damaged files are Pillow's own; `raster` converts them.
"""

import contextlib
import io
import os
import warnings
from collections.abc import Sequence

import numpy as np
from PIL import Image, PngImagePlugin

from tfadvseg_datasets import file_formats as formats
from tfadvseg_datasets.decoded import Decoded, Unsuitable
from tfadvseg_datasets.pixels import (
    ALPHA_NOTE,
    chosen_channels,
    label_ids,
    orientation_notes,
    spread_note,
)

_GREY_MODES = ("1", "L", "LA", "La")
_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")

LOSSLESS = ("PNG", "GIF", "BMP", "DIB", "PPM")
"""Pillow's names of formats that preserve class ids."""

_ORIENTATION = 0x0112  # a tag of Exif

# Files belong to the user, so neither large ones nor long texts in them are treated as attacks.
Image.MAX_IMAGE_PIXELS = None
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 2**28
# Pillow warns of damage outside the pixels. Filtered here and not around each file, because the
# context manager of `warnings` is not safe if several threads read.
warnings.filterwarnings("ignore", module=r"PIL\.")


def orientation(content: bytes) -> tuple[str, ...]:
    """Notes on a file's orientation tag, which is not applied."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            return _orientation_of(image)
    except (OSError, SyntaxError):  # a depth that Pillow does not open
        exif = Image.Exif()
        with contextlib.suppress(Exception):  # corrupt Exif, which does not affect the pixels
            exif.load(formats.jpeg_exif(content))
        return orientation_notes(exif.get(_ORIENTATION))


def _orientation_of(image: Image.Image) -> tuple[str, ...]:
    try:
        return orientation_notes(image.getexif().get(_ORIENTATION))
    except Exception:  # truncated or corrupt Exif, which does not affect the pixels
        return ()


def decode_images(content: bytes, path: str | os.PathLike, channels: Sequence[int]) -> Decoded:
    """`raster.decode_images` of a file's content; pages are uint8.

    Raises:
        Unsuitable: pixels of a kind that is not accepted.
    """
    notes: dict[str, None] = {}
    images = []
    with Image.open(io.BytesIO(content)) as file:
        if file.mode != "1":
            _check_levels(file, path)
        notes.update(dict.fromkeys(_further_pictures(file)))
        for number in range(_pages(file)):
            file.seek(number)
            file.load()
            images.append(_pillow_image(file, path, channels, notes))
        bits = formats.png_bit_depth(content) if file.format == "PNG" else 8
        bits = 1 if file.mode == "1" else bits
        if bits < 8 and file.mode in _GREY_MODES:
            notes[spread_note(bits)] = None
        # Only now, because the Exif of a PNG may come after its pixels.
        notes.update(dict.fromkeys(_orientation_of(file)))
    return Decoded(images, tuple(notes))


def _further_pictures(file: Image.Image) -> tuple[str, ...]:
    others = getattr(file, "n_frames", 1) - _pages(file)
    return (f"{others} more pictures in it (animation, preview) left out",) if others else ()


def _pages(file: Image.Image) -> int:
    return getattr(file, "n_frames", 1) if file.format in ("GIF", "TIFF") else 1


def _pillow_image(
    page: Image.Image, path: str | os.PathLike, channels: Sequence[int], notes: dict[str, None]
) -> np.ndarray:
    if page.mode.startswith("I") or page.mode == "F":
        raise Unsuitable(
            f"{path}: {page.format} of more than 8 bits per channel; convert it to PNG or TIFF."
        )
    alpha = page.mode in _WITH_ALPHA or "transparency" in page.info
    if page.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        notes[f"{page.mode} colours are converted to RGB"] = None
    grey = page.mode in _GREY_MODES
    if channels and alpha:  # by number, alpha is an ordinary channel
        return chosen_channels(np.array(page.convert("LA" if grey else "RGBA")), channels, path)
    if alpha and page.format != "GIF":
        notes[ALPHA_NOTE] = None
    image = np.array(page.convert("L"))[:, :, None] if grey else np.array(page.convert("RGB"))
    return chosen_channels(image, channels, path)


def decode_labels(
    content: bytes, path: str | os.PathLike, lossless: Sequence[str] = LOSSLESS
) -> Decoded:
    """`raster.decode_labels` of a file's content.

    Args:
        content, path: of the file.
        lossless: Pillow's names of the formats that are accepted.

    Raises:
        Unsuitable: a file that cannot hold class ids.
    """
    with Image.open(io.BytesIO(content)) as file:
        require_lossless(file, path, lossless)
        labels: list[np.ndarray] = []
        notes: tuple[str, ...] = ()
        others = _further_pictures(file)
        for number in range(_pages(file)):
            file.seek(number)
            raw_mode = _raw_mode(file)
            file.load()
            ids, notes = _pillow_ids(file, raw_mode, path)
            labels.append(ids)
        return Decoded(labels, others + notes + _orientation_of(file))


def _check_levels(file: Image.Image, path: str | os.PathLike) -> None:
    """Refuses a PGM or PPM whose levels Pillow would stretch or invert."""
    if file.format != "PPM" or file.mode.startswith("I"):
        return
    tiles = getattr(file, "tile", None)
    if tiles and tiles[0].args not in (file.mode, (file.mode, 255)):
        raise Unsuitable(f"{path}: PBM, or PGM with another maximum than 255; convert it to PNG.")


def require_lossless(
    file: Image.Image, path: str | os.PathLike, lossless: Sequence[str] = LOSSLESS
) -> None:
    """Refuses files that may not preserve class ids or colours.

    Raises:
        Unsuitable: naming the file.
    """
    if file.format not in lossless:
        raise Unsuitable(f"{path}: labels are not read from {file.format}; store them as PNG.")
    _check_levels(file, path)
    if file.format == "GIF" and getattr(file, "n_frames", 1) > 1:
        raise Unsuitable(
            f"{path}: a GIF of several frames loses class ids; store labels as PNG or TIFF."
        )


def _raw_mode(page: Image.Image) -> str:
    """Pillow's name for the pixel storage (`L;4`: grey, 4 bits); unavailable after loading."""
    tiles = getattr(page, "tile", None)
    if not tiles:
        return page.mode
    arguments = tiles[0].args
    return arguments if isinstance(arguments, str) else str(arguments[0] if arguments else "")


def _pillow_ids(
    page: Image.Image, raw_mode: str, path: str | os.PathLike
) -> tuple[np.ndarray, tuple[str, ...]]:
    if page.mode == "1":
        return np.array(page).astype(np.uint8), ()
    if page.mode == "L":
        # Pillow multiplies 2- and 4-bit levels to span 0-255.
        return np.array(page) // {"L;2": 85, "L;4": 17}.get(raw_mode[:3], 1), ()
    if page.mode in ("P", "PA", "LA", "La"):
        return np.array(page.getchannel(0)), (ALPHA_NOTE,) if page.mode != "P" else ()
    if page.mode.startswith("I") or page.mode == "F":
        raise Unsuitable(f"{path}: {page.format} of {page.mode} pixels; store labels as PNG.")
    pixels = np.array(page.convert("RGBA" if page.mode in _WITH_ALPHA else "RGB"))
    return label_ids(pixels, (3,) if pixels.shape[-1] == 4 else (), path)
