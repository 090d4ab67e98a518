"""Images and labels read from files, with the numbers that are stored in the files.

A file's format is recognised by its content, not by its name. TensorFlow's decoder expands palette
PNGs to colours and stretches 2- and 4-bit grey levels to 0-255, which destroys class ids: labels
are never decoded with it. Every error is a `ValueError` or `OSError` with a one-line message that
names the file.
"""

import contextlib
import io
import os
import warnings
from collections.abc import Callable, Sequence

import imagecodecs
import numpy as np
from etils import epath
from PIL import Image, PngImagePlugin

from tfadvseg_datasets import file_formats as formats
from tfadvseg_datasets import tiff
from tfadvseg_datasets.decoded import Decoded, Unsuitable
from tfadvseg_datasets.pixels import (
    ALPHA_NOTE,
    chosen_channels,
    image_pixels,
    label_ids,
    orientation_notes,
    spread_note,
    without_alpha,
)
from tfadvseg_datasets.tiff_pixels import LeftToPillow

_GREY_MODES = ("1", "L", "LA", "La")
_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")

_LOSSLESS = ("PNG", "GIF", "BMP", "DIB", "PPM")
"""Pillow's names of formats that preserve class ids."""

_LOSSY = {
    formats.JPEG: "JPEG",
    formats.WEBP: "WEBP",
    formats.JPEG2000: "JPEG2000",
    formats.AVIF: "AVIF",
}
"""Formats that may change class ids, and their names in messages."""

_ORIENTATION = 0x0112  # a tag of Exif

# Files belong to the user, so neither large ones nor long texts in them are treated as attacks.
Image.MAX_IMAGE_PIXELS = None
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 2**28
# Pillow warns of damage outside the pixels. Filtered here and not around each file, because the
# context manager of `warnings` is not safe if several threads read.
warnings.filterwarnings("ignore", module=r"PIL\.")


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
        return _pillow_images(content, path, channels)

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
                return _pillow_labels(content, path, (*_LOSSLESS, "TIFF"))
        if kind is formats.PNG and formats.png_bit_depth(content) == 16:
            pixels = imagecodecs.png_decode(content)
            pixels = pixels if pixels.ndim == 3 else pixels[..., np.newaxis]
            ids, notes = label_ids(pixels, _alpha_of(pixels), path)
            return Decoded([ids], notes + _orientation(content))
        return _pillow_labels(content, path)

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
                _require_lossless(file, path, _LOSSLESS)
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
            article = "an" if kind.name.startswith(("empty", "HDF5", "MRC", "O", "xz")) else "a"
            raise ValueError(
                f"{path}: is not an image but {article} {kind.name}; {kind.advice}."
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
    return Decoded([image_pixels(image, path)], notes + _orientation(content))


def _alpha_of(pixels: np.ndarray) -> tuple[int, ...]:
    """Indices of alpha among the channels of a PNG, [h, w, c]."""
    return (pixels.shape[-1] - 1,) if pixels.shape[-1] in (2, 4) else ()


def _orientation(content: bytes) -> tuple[str, ...]:
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


def _converted(content: bytes, path: str | os.PathLike, channels: Sequence[int]) -> Decoded:
    """A TIFF with colours that tifffile does not convert to RGB."""
    try:
        return _pillow_images(content, path, channels)
    except Unsuitable:
        raise
    except Exception as error:
        raise Unsuitable(
            f"{path}: its colours or its compression cannot be read "
            f"({_detail(error)}); save it as RGB without compression."
        ) from None


def _pillow_images(content: bytes, path: str | os.PathLike, channels: Sequence[int]) -> Decoded:
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


def _pillow_labels(
    content: bytes, path: str | os.PathLike, lossless: Sequence[str] = _LOSSLESS
) -> Decoded:
    with Image.open(io.BytesIO(content)) as file:
        _require_lossless(file, path, lossless)
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


def _refuse_lossy(kind: formats.Format | None, path: str | os.PathLike) -> None:
    if kind in _LOSSY:
        raise Unsuitable(f"{path}: {_LOSSY[kind]} changes class ids; store labels as PNG or TIFF.")


def _check_levels(file: Image.Image, path: str | os.PathLike) -> None:
    """Refuses a PGM or PPM whose levels Pillow would stretch or invert."""
    if file.format != "PPM" or file.mode.startswith("I"):
        return
    tiles = getattr(file, "tile", None)
    if tiles and tiles[0].args not in (file.mode, (file.mode, 255)):
        raise Unsuitable(f"{path}: PBM, or PGM with another maximum than 255; convert it to PNG.")


def _require_lossless(file: Image.Image, path: str | os.PathLike, lossless: Sequence[str]) -> None:
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
