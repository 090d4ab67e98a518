"""Code shared by the decoders of image files: their result, and the kinds of pixels."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

MAX_CHANNELS = 16

IMAGE_DTYPES = ("uint8", "uint16", "int16", "float32")
"""Types of images in memory. Other types in files are widened to one of them without loss."""


class Unsuitable(ValueError):
    """A complete file with pixels of a kind that is not accepted."""


class Decoded(NamedTuple):
    """The pages of a file.

    Attributes:
        pages: for an image [h, w, c] each, of one of `IMAGE_DTYPES`; for a label [h, w], integers.
        notes: what `pages` lack of the file or show differently than intended: one phrase each,
            without the file's name.
    """

    pages: list[np.ndarray]
    notes: tuple[str, ...] = ()


class Part(NamedTuple):
    """Pixels that are read together.

    Attributes:
        pixels: with one axis per letter of `axes`.
        axes: in tifffile's notation: Y, X, C and S (samples) and others.
        page: of a TIFF, the page that represents all of them.
    """

    pixels: np.ndarray
    axes: str
    page: Any = None


@dataclass(frozen=True)
class Layout:
    """How the planes of a part lie in its array.

    Attributes:
        shape, axes: of the array.
        itemsize: bytes of a number.
        page: as of a `Part`.
    """

    shape: tuple[int, ...]
    axes: str
    itemsize: int
    page: Any = None

    @property
    def stack(self) -> tuple[int, ...]:
        """Lengths of the axes that are neither height, width nor channels."""
        sizes = zip(self.axes, self.shape, strict=True)
        return tuple(size for name, size in sizes if name not in "YXCS")

    @property
    def planes(self) -> int:
        return int(np.prod(self.stack, dtype=np.int64))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.shape[self.axes.index("Y")], self.shape[self.axes.index("X")]

    @property
    def plane_shape(self) -> tuple[int, ...]:
        """Lengths of the axes of one plane."""
        return tuple(n for name, n in zip(self.axes, self.shape, strict=True) if name in "YXCS")

    def index(self, plane: int, window: tuple[int, int, int, int]) -> tuple[slice, ...]:
        """What to index the array with for a (top, left, height, width) of a plane."""
        top, left, height, width = window
        of_stack = iter(np.unravel_index(plane, self.stack) if self.stack else ())
        index = []
        for name in self.axes:
            if name == "Y":
                index.append(slice(top, top + height))
            elif name == "X":
                index.append(slice(left, left + width))
            elif name in "CS":
                index.append(slice(None))
            else:
                number = int(next(of_stack))
                index.append(slice(number, number + 1))
        return tuple(index)


def planes_of(pixels: np.ndarray, axes: str, path: str) -> Iterator[np.ndarray]:
    """Images [h, w, c] in an array with other axes before, between or after theirs.

    Raises:
        Unsuitable: there is no height or no width.
    """
    if not {"Y", "X"} <= {*axes}:
        raise Unsuitable(f"{path}: axes {axes} have no height (Y) and width (X); set --axes.")
    of_channels = [i for i, name in enumerate(axes) if name in "CS"]
    of_stack = [i for i, name in enumerate(axes) if name not in "YXCS"]
    height, width = axes.index("Y"), axes.index("X")
    ordered = pixels.transpose(*of_stack, height, width, *of_channels)
    count = int(np.prod([pixels.shape[i] for i in of_channels], dtype=np.int64))
    for plane in ordered.reshape(-1, pixels.shape[height], pixels.shape[width], count):
        yield np.ascontiguousarray(plane)


ALPHA_NOTE = "the alpha channel is no image channel and is left out"

_ORIENTATIONS = {
    2: "mirrored left to right",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "mirrored along the diagonal",
    6: "turned by 90 degrees clockwise",
    7: "mirrored along the other diagonal",
    8: "turned by 90 degrees counterclockwise",
}
"""Meaning of the orientation tag's values (TIFF 6.0, Exif) for viewers; 1 means unchanged."""


def orientation_notes(tag: object) -> tuple[str, ...]:
    """Note about a file's orientation tag, which is not applied; empty for 1 or no tag."""
    if not isinstance(tag, int) or tag not in _ORIENTATIONS:
        return ()
    return (
        f"the orientation tag ({tag}) asks viewers to show it {_ORIENTATIONS[tag]}; pixels are "
        "taken as stored",
    )


def chosen_channels(
    image: np.ndarray, channels: Sequence[int], path: str | os.PathLike
) -> np.ndarray:
    """The channels of [h, w, c] selected by `--channels`; all if it is empty.

    Raises:
        Unsuitable: there is no such channel, or there are too many.
    """
    count = image.shape[-1]
    if channels:
        if max(channels) >= count:
            raise Unsuitable(
                f"{path}: has {count} channel{'s' * (count > 1)}, numbered from 0; "
                f"--channels={','.join(map(str, channels))} asks for more."
            )
        return np.ascontiguousarray(image[..., list(channels)])
    if count > MAX_CHANNELS:
        raise Unsuitable(
            f"{path}: has {count} channels; at most {MAX_CHANNELS} are taken. Pick some with "
            "--channels, or say with --axes what the axes mean."
        )
    return image


def without_alpha(
    image: np.ndarray, alpha: Sequence[int], channels: Sequence[int]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """[h, w, c] without alpha channels, unless channels are selected by number; and notes."""
    if channels or not alpha:
        return image, ()
    kept = [number for number in range(image.shape[-1]) if number not in alpha]
    return np.ascontiguousarray(image[..., kept]), (ALPHA_NOTE,)


def image_pixels(image: np.ndarray, path: str | os.PathLike) -> np.ndarray:
    """An image's numbers in one of `IMAGE_DTYPES`, all unchanged.

    Args:
        image: of booleans (which become 0 and 255), integers or floats.
        path: for messages.

    Raises:
        Unsuitable: complex numbers; infinite ones or NaN; or integers that are not exact in 32-bit
            floats.
    """
    kind = image.dtype.kind
    if kind == "b":
        return image.astype(np.uint8) * np.uint8(255)
    if kind not in "uif":
        raise Unsuitable(f"{path}: {image.dtype} pixels; save integers or floats.")
    if image.dtype.itemsize == 1:
        return image if kind == "u" else image.astype(np.int16)
    if kind in "ui" and image.dtype.itemsize == 2:
        return image.astype(image.dtype.newbyteorder("="), copy=False)
    if kind in "ui":
        low, high = int(image.min()), int(image.max())
        if max(-low, high) > 2**24:
            raise Unsuitable(
                f"{path}: {image.dtype} pixels from {low} to {high}; beyond 16,777,216 networks "
                "cannot tell neighbouring integers apart. Subtract an offset or divide, and save "
                "it again."
            )
        return image.astype(np.float32)
    with np.errstate(over="ignore"):
        pixels = image.astype(np.float32)
    wrong = int(pixels.size - np.count_nonzero(np.isfinite(pixels)))
    if wrong:
        raise Unsuitable(
            f"{path}: {wrong} values of {pixels.size} are NaN, infinite or beyond 32-bit floats; "
            "replace them by numbers."
        )
    return pixels


def label_ids(
    label: np.ndarray, alpha: Sequence[int], path: str | os.PathLike
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The single number per pixel of a label [h, w, c]: [h, w], integers; and notes.

    Raises:
        Unsuitable: floating point, or channels that differ.
    """
    if label.dtype.kind not in "bui":
        raise Unsuitable(f"{path}: floating-point pixels; store class ids as integers.")
    kept, notes = without_alpha(label, alpha, ())
    if kept.shape[-1] > 1 and np.any(kept != kept[..., :1]):
        kind = "colours" if kept.shape[-1] == 3 else f"{kept.shape[-1]} channels that differ"
        raise Unsuitable(
            f"{path}: {kind} where class ids are expected; store one number a pixel (grey or "
            "palette PNG)."
        )
    ids = np.ascontiguousarray(kept[..., 0])
    return _in_least_type(ids), notes


def _in_least_type(ids: np.ndarray) -> np.ndarray:
    """uint8 if stored as such, otherwise int32 if it holds every number, otherwise int64."""
    if ids.dtype == np.uint8:
        return ids
    if ids.dtype.kind == "b":
        return ids.astype(np.uint8)
    if ids.dtype.itemsize <= 2:
        return ids.astype(np.int32)
    low, high = int(ids.min()), int(ids.max())
    if low >= -(2**31) and high < 2**31:
        return ids.astype(np.int32)
    return np.clip(ids, None, np.array(2**63 - 1, ids.dtype)).astype(np.int64)
