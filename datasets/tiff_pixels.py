"""Checks of TIFF pages, and conversion of their pixels to images or labels."""

from collections.abc import Sequence

import numpy as np
import tifffile

from tfadvseg_datasets.decoded import Part, Process, Unsuitable
from tfadvseg_datasets.pixels import images_of, labels_of, orientation_notes, spread_note

_FACSIMILE = frozenset((2, 3, 4))  # compressions

_LOSSLESS = frozenset((1, 2, 3, 4, 5, 8, 32771, 32773, 32946, 34925, 34926, 34933, 50000))
"""Compressions that preserve class ids."""

_WHITE_IS_ZERO, _PALETTE, _CMYK, _YCBCR, _CIELAB = 0, 3, 5, 6, 8
_CONVERTED = frozenset((_CMYK, _YCBCR, _CIELAB))
_JPEG, _OLD_JPEG = 7, 6
_ORIENTATION = 274  # a tag
_ALPHA_KINDS = (1, 2)  # values of ExtraSamples: associated and unassociated


class LeftToPillow(Exception):
    """Colours that must be converted to RGB, or a facsimile, which tifffile does not decode."""


def check_image(page: tifffile.TiffPage, path: str) -> None:
    """Raises `LeftToPillow` or `Unsuitable` for a page that is not decoded here; a `Check`."""
    if page.compression == _OLD_JPEG or page.compression in _FACSIMILE:
        raise LeftToPillow
    if page.photometric == _YCBCR and page.compression == _JPEG:  # decoded to RGB
        return
    if page.photometric in _CONVERTED:
        if _itemsize(page) > 1:
            raise Unsuitable(
                f"{path}: {_photometric(page)} colours of {page.dtype}, which would lose their "
                "depth in RGB; save it as RGB."
            )
        raise LeftToPillow


def check_label(page: tifffile.TiffPage, path: str) -> None:
    """Raises `Unsuitable` or `LeftToPillow` for a page of a label; a `Check`."""
    if page.compression not in _LOSSLESS:
        raise Unsuitable(
            f"{path}: {_name(page.compression)} compression may change class ids; store labels "
            "as PNG, or as TIFF without it."
        )
    if page.photometric == _WHITE_IS_ZERO:
        raise Unsuitable(
            f"{path}: its zero is white, so class ids would be inverted; save it again with zero "
            "as black."
        )
    if page.compression in _FACSIMILE:
        raise LeftToPillow


def image_process(path: str, channels: Sequence[int], with_alpha: bool = False) -> Process:
    """Returns a function from a part to its images and notes.

    Args:
        path: for messages.
        channels: as for `tiff.decode_images`.
        with_alpha: whether alpha is a channel like any other.
    """

    def process(part: Part) -> tuple[list[np.ndarray], tuple[str, ...]]:
        pixels, axes, notes = _display_values(part)
        alpha = () if with_alpha else _alpha(part)
        images, more = images_of(pixels, axes, path, channels, alpha)
        return images, notes + _orientation(part.page) + more

    return process


def label_process(path: str) -> Process:
    """Returns a function from a part to its labels and notes."""

    def process(part: Part) -> tuple[list[np.ndarray], tuple[str, ...]]:
        labels, notes = labels_of(part.pixels, part.axes, path, _alpha(part))
        return labels, _orientation(part.page) + notes

    return process


def _display_values(part: Part) -> tuple[np.ndarray, str, tuple[str, ...]]:
    """Pixels converted to levels (palettes looked up, zero as black), their axes, and notes."""
    page, pixels = part.page, part.pixels
    if page.photometric == _PALETTE and page.colormap is not None and pixels.dtype.kind == "u":
        table = np.moveaxis(page.colormap >> 8, 0, -1).astype(np.uint8)
        axes = part.axes if "S" not in part.axes else part.axes.replace("S", "I")
        return table[pixels], axes + "S", ()
    notes: tuple[str, ...] = ()
    if page.photometric == _WHITE_IS_ZERO:
        notes = ("its zero is white; levels are inverted, so that more is brighter",)
        pixels = ~pixels if pixels.dtype.kind == "b" else _inverted(page, pixels)
    bits = page.bitspersample
    if bits == 1 and pixels.dtype.kind == "b":  # `images_of` makes them 0 and 255
        notes += (spread_note(bits),)
    if bits in (2, 4) and pixels.dtype == np.uint8:
        notes += (spread_note(bits),)
        pixels = pixels * np.uint8(255 // (2**bits - 1))
    return pixels, part.axes, notes


def _inverted(page: tifffile.TiffPage, pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype.kind == "u":
        return pixels.dtype.type(2**page.bitspersample - 1) - pixels
    return ~pixels if pixels.dtype.kind == "i" else -pixels  # -(-32768) would be out of range


def _alpha(part: Part) -> tuple[int, ...]:
    """Numbers of the samples that are alpha."""
    if "S" not in part.axes:
        return ()
    extra = part.page.extrasamples
    first = part.page.samplesperpixel - len(extra)
    return tuple(first + i for i, kind in enumerate(extra) if kind in _ALPHA_KINDS)


def _orientation(page: tifffile.TiffPage) -> tuple[str, ...]:
    value = page.tags.valueof(_ORIENTATION)
    if isinstance(value, bytes) and len(value) == 1:
        value = value[0]
    return orientation_notes(int(value) if isinstance(value, int) else None)


def _photometric(page: tifffile.TiffPage) -> str:
    return {_CMYK: "CMYK", _YCBCR: "YCbCr", _CIELAB: "CIELAB"}[page.photometric]


def _itemsize(page: tifffile.TiffPage) -> int:
    return 1 if page.dtype is None else page.dtype.itemsize


def _name(compression: int) -> str:
    try:
        return tifffile.COMPRESSION(compression).name
    except ValueError:
        return f"unknown ({compression})"
