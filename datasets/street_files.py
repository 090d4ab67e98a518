"""Frames and labels of GTA5 and Cityscapes in files: identified, checked and read.

Every error is a `ValueError` or `OSError` with a one-line message that names the file and the
remedy. All functions are module-level, so that they can be sent to Beam's workers.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from etils import epath
from PIL import Image

from .cityscapes_ids import CLASSES, LICENSE_PLATE_IN_GTA5, TRAIN_CLASSES
from .cityscapes_ids import to_train_ids as _to_train_ids
from .raster import read_images, read_labels
from .segmentation import IGNORE_LABEL

SAMPLED = 16
"""Number of labels per split that are checked before any is prepared."""

_THREADS = 16  # reading headers waits for the disk


class Numbering(Enum):
    """How label files number classes; the value is used in messages and file names."""

    LABEL_IDS = "labelIds"
    TRAIN_IDS = "labelTrainIds"


class Frame(NamedTuple):
    """The files of one frame.

    Attributes:
        name: of the frame.
        image: path of the image.
        label: path of the label; None if there is none.
    """

    name: str
    image: epath.Path
    label: epath.Path | None


def read_frame(frame: Frame, numbering: Numbering) -> tuple[np.ndarray, np.ndarray]:
    """Reads both files of a frame.

    Returns:
        image: uint8 [h, w, 3], RGB.
        label: uint8 [h, w], training ids; all `IGNORE_LABEL` if there is no label.

    Raises:
        OSError: a file is absent or unreadable.
        ValueError: a file is not a complete image, sizes differ, or the label is of another kind.
    """
    image = read_rgb(frame.image)
    size = (image.shape[0], image.shape[1])
    if frame.label is None:
        return image, np.full(size, IGNORE_LABEL, np.uint8)
    label = read_train_ids(frame.label, numbering)
    if size != label.shape:
        raise ValueError(_mismatch(frame.label, label.shape[::-1], frame.image, size[::-1]))
    return image, label


def to_example(
    numbered: tuple[int, Frame], numbering: Numbering = Numbering.LABEL_IDS
) -> tuple[int, dict[str, Any]]:
    """The example that TFDS stores for a frame, under its number.

    The image file is stored unchanged, which saves decoding and encoding 70 GB; only its checksums
    are verified.

    Raises:
        OSError, ValueError: as `read_frame`.
    """
    number, frame = numbered
    size, image = _verified(frame.image)
    if frame.label is None:
        label = np.full(size[::-1], IGNORE_LABEL, np.uint8)
    else:
        label = read_train_ids(frame.label, numbering)
        if label.shape[::-1] != size:
            raise ValueError(_mismatch(frame.label, label.shape[::-1], frame.image, size))
    return number, {"id": frame.name, "image": image, "label": label[:, :, None]}


def _verified(path: epath.Path) -> tuple[tuple[int, int], Any]:
    """(width, height) of an image, and the value that TFDS stores: the path, or pixels."""
    try:
        with path.open("rb") as file, Image.open(file) as image:
            size, mode, kind = image.size, image.mode, image.format
            image.verify()
    except FileNotFoundError:
        raise
    except Exception as error:  # Pillow's plug-ins raise many exception types on damaged files
        raise ValueError(f"{path}: not a complete image file ({error}); replace it.") from None
    if (mode, kind) == ("RGB", "PNG"):
        return size, path
    return size, read_rgb(path)


def read_rgb(path: epath.Path) -> np.ndarray:
    """Reads an image; a grey one becomes RGB: uint8 [h, w, 3].

    Raises:
        OSError: the file is absent or unreadable.
        ValueError: not a complete image with 8 bits per channel.
    """
    image = read_images(path)[0]
    return image if image.shape[2] == 3 else np.repeat(image, 3, axis=2)


def image_size(path: epath.Path) -> tuple[int, int]:
    """(height, width) from a file's header.

    Raises:
        OSError: the file is absent or unreadable.
        ValueError: unknown format.
    """
    (width, height), _ = _header(path)
    return height, width


def read_train_ids(path: epath.Path, numbering: Numbering) -> np.ndarray:
    """Reads a label with a known numbering.

    Returns:
        uint8 [h, w], training ids.

    Raises:
        OSError: the file is absent or unreadable.
        ValueError: colour-coded, of the other numbering (as far as one file shows), instance ids,
            or values that are not class ids.
    """
    ids = _read_ids(path, numbering)
    values = np.flatnonzero(np.bincount(ids.ravel()))  # faster than sorting millions
    trained, ignored = values < len(TRAIN_CLASSES), values == IGNORE_LABEL
    last = LICENSE_PLATE_IN_GTA5
    if numbering is Numbering.LABEL_IDS:
        if np.all(trained | ignored) and ignored.any():
            raise ValueError(_other_numbering(path, numbering, f"{IGNORE_LABEL}"))
        if values[-1] > last:
            raise ValueError(_no_class(path, values[values > last], f"0 to {len(CLASSES) - 1}"))
        return _to_train_ids(ids)
    wrong = values[~(trained | ignored)]
    if wrong.size:
        if wrong[-1] <= last:
            raise ValueError(_other_numbering(path, numbering, str(wrong[0])))
        valid = f"0 to {len(TRAIN_CLASSES) - 1} and {IGNORE_LABEL}"
        raise ValueError(_no_class(path, wrong, valid))
    return ids.astype(np.uint8)


def check_frames(frames: Sequence[Frame], numbering: Numbering) -> None:
    """Checks a sample of labels, spread over a split, for faults that one file may not show.

    Raises:
        OSError: a file is absent or unreadable.
        ValueError: images and labels are swapped, labels are colour-coded or of the other
            numbering, or contain values that are not class ids.
    """
    labelled = [frame for frame in frames if frame.label is not None]
    if not labelled:
        return
    chosen = np.unique(np.linspace(0, len(labelled) - 1, SAMPLED).astype(int))
    largest, palette_found = 0, False
    for frame in (labelled[i] for i in chosen):
        assert frame.label is not None
        if _looks_like_ids(frame.image) and not _looks_like_ids(frame.label):
            raise ValueError(
                f"{frame.image}: contains class ids, and {frame.label} an image; images and labels "
                "are swapped: exchange them."
            )
        found = _numbering_of_palette(frame.label)
        if found not in (None, numbering):
            raise ValueError(_other_numbering(frame.label, numbering, "the palette"))
        palette_found = palette_found or found is not None
        read_train_ids(frame.label, numbering)
        values = _read_ids(frame.label, numbering)
        largest = max(largest, int(values[values != IGNORE_LABEL].max(initial=0)))
    if numbering is Numbering.LABEL_IDS and not palette_found and largest < len(TRAIN_CLASSES):
        raise ValueError(
            f"{labelled[0].label}: none of {len(chosen)} checked labels contains an id above "
            f"{len(TRAIN_CLASSES) - 1}: these are trainIds, but labelIds are expected; give the "
            "original labels."
        )


def frames_of_other_size(frames: Sequence[Frame]) -> Iterator[tuple[Frame, str]]:
    """Yields frames with image and label of different sizes, with a message; reads headers only."""
    labelled = [frame for frame in frames if frame.label is not None]
    with ThreadPoolExecutor(_THREADS) as pool:
        for frame, message in zip(labelled, pool.map(_size_fault, labelled), strict=True):
            if message:
                yield frame, message


def _size_fault(frame: Frame) -> str:
    assert frame.label is not None
    image, label = _header(frame.image)[0], _header(frame.label)[0]
    return "" if image == label else _mismatch(frame.label, label, frame.image, image)


def _header(path: epath.Path) -> tuple[tuple[int, int], str]:
    """(width, height) and Pillow's mode."""
    try:
        with path.open("rb") as file, Image.open(file) as image:
            return image.size, image.mode
    except Image.UnidentifiedImageError:
        raise ValueError(f"{path}: not an image file; replace it.") from None


def _looks_like_ids(path: epath.Path) -> bool:
    return not _header(path)[1].startswith("RGB")


def _numbering_of_palette(path: epath.Path) -> Numbering | None:
    """The numbering whose official colours a palette file has; None if neither."""
    with path.open("rb") as file, Image.open(file) as image:
        palette = image.getpalette("RGB") if image.mode == "P" else None
    colours = np.array(palette or [], int).reshape(-1, 3)
    for numbering, rows in (
        (Numbering.TRAIN_IDS, [c.colour for c in TRAIN_CLASSES]),
        (Numbering.LABEL_IDS, [c.colour for c in CLASSES]),
    ):
        # Palettes differ in the colours of void classes, so only road to car are compared.
        first, last = (0, 14) if numbering is Numbering.TRAIN_IDS else (7, 27)
        if len(colours) >= last and np.array_equal(colours[first:last], rows[first:last]):
            return numbering
    return None


def _read_ids(path: epath.Path, numbering: Numbering) -> np.ndarray:
    if _header(path)[1] in ("RGB", "RGBA"):
        (image,) = read_images(path)
        if np.any(image != image[:, :, :1]):
            raise ValueError(
                f"{path}: a colour-coded label, but {numbering.value} are expected; give the "
                "files with one id per pixel."
            )
    (ids,) = read_labels(path)
    if ids.max(initial=0) >= 1000:
        raise ValueError(
            f"{path}: instance ids, but {numbering.value} are expected; give the files with one "
            "class id per pixel."
        )
    return ids


def _other_numbering(path: epath.Path, numbering: Numbering, evidence: str) -> str:
    if numbering is Numbering.LABEL_IDS:
        return (
            f"{path}: trainIds (recognised by {evidence}), but labelIds are expected; give the "
            "original labels."
        )
    return (
        f"{path}: labelIds (recognised by {evidence}), but trainIds are expected; omit "
        "train_ids, or give trainIds."
    )


def _no_class(path: epath.Path, wrong: np.ndarray, valid: str) -> str:
    found = ", ".join(map(str, wrong[:5])) + (", ..." if wrong.size > 5 else "")
    return f"{path}: contains {found}; valid ids are {valid}."


def _mismatch(
    label: epath.Path, label_size: tuple[int, ...], image: epath.Path, size: tuple[int, ...]
) -> str:
    return (
        f"{label}: {label_size[1]} x {label_size[0]} (height x width), but its image {image} is "
        f"{size[1]} x {size[0]}; they must be equal."
    )
