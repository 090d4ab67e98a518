"""Images and labels from arrays of pixels with any axes and of any type."""

import os
from collections.abc import Iterator, Sequence

import numpy as np

from tfadvseg_datasets.decoded import Unsuitable

MAX_CHANNELS = 16

IMAGE_DTYPES = ("uint8", "uint16", "int16", "float32")
"""Types of images in memory. Other types in files are widened to one of them without loss."""


def images_of(
    pixels: np.ndarray, axes: str, path: str, channels: Sequence[int], alpha: Sequence[int] = ()
) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Images [h, w, c] in an array, and notes.

    Args:
        pixels: with one axis per letter of `axes`.
        axes: in tifffile's notation, as for `Part`.
        path: for messages.
        channels: numbers of the channels to return; empty means all except alpha.
        alpha: numbers of the channels that are alpha.

    Raises:
        Unsuitable: pixels of a kind that is not accepted.
    """
    images = []
    notes: tuple[str, ...] = ()
    for plane in planes_of(pixels, axes, path):
        kept, more = without_alpha(plane, alpha, channels)
        notes += more
        images.append(image_pixels(chosen_channels(kept, channels, path), path))
    return images, notes


def labels_of(
    pixels: np.ndarray, axes: str, path: str, alpha: Sequence[int] = ()
) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Labels [h, w] in an array, and notes; the arguments are those of `images_of`.

    Raises:
        Unsuitable: pixels of a kind that is not accepted.
    """
    labels = []
    notes: tuple[str, ...] = ()
    for plane in planes_of(pixels, axes, path):
        ids, more = label_ids(plane, alpha, path)
        notes += more
        labels.append(ids)
    return labels, notes


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


ALPHA_NOTE = "the alpha channel is not an image channel and is left out"


def spread_note(bits: int) -> str:
    """Note about images with fewer than 8 bits per level."""
    return f"levels of {bits} bit{'s' * (bits > 1)} are spread over 0 to 255"


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
    """The channels of an image [h, w, c] selected by `--channels`; all if it is empty.

    Raises:
        Unsuitable: there is no such channel, or there are too many.
    """
    count = image.shape[-1]
    if channels:
        if max(channels) >= count:
            raise Unsuitable(
                f"{path}: has {count} channel{'s' * (count > 1)}, numbered from 0; "
                f"--channels={','.join(map(str, channels))} selects others."
            )
        return np.ascontiguousarray(image[..., list(channels)])
    if count > MAX_CHANNELS:
        raise Unsuitable(
            f"{path}: has {count} channels; at most {MAX_CHANNELS} are read. Select some with "
            "--channels, or name the axes with --axes."
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
        image: booleans (which become 0 and 255), integers or floats.
        path: for messages.

    Raises:
        Unsuitable: complex, infinite or NaN values, or integers that 32-bit floats cannot hold
            exactly.
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
            "replace them by finite numbers."
        )
    return pixels


def label_ids(
    label: np.ndarray, alpha: Sequence[int], path: str | os.PathLike
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The class ids of a label [h, w, c] as integers [h, w], and notes.

    Raises:
        Unsuitable: floating point, or channels that differ.
    """
    if label.dtype.kind not in "bui":
        raise Unsuitable(f"{path}: floating-point pixels; store class ids as integers.")
    kept, notes = without_alpha(label, alpha, ())
    if kept.shape[-1] > 1 and np.any(kept != kept[..., :1]):
        kind = "colours" if kept.shape[-1] == 3 else f"{kept.shape[-1]} channels that differ"
        raise Unsuitable(
            f"{path}: {kind} where class ids are expected; store one number per pixel (grey or "
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
