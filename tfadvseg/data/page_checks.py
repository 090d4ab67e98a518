"""Checks that the images of a folder, and their labels, go together. No TensorFlow here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from tfadvseg.errors import UserError


class PageFacts(Protocol):
    """What is compared of images (`folder_pages.Page`)."""

    @property
    def image_file(self) -> Path: ...

    @property
    def stored(self) -> str: ...

    @property
    def dtype(self) -> np.dtype: ...


def check_pair(
    image: tuple[Path, Sequence[np.ndarray], Sequence[str]],
    label: tuple[Path, Sequence[np.ndarray], Sequence[str]],
) -> None:
    """Refuses files, with their pages and notes, that do not lie upon each other."""
    sizes = [
        (file, [(each.shape[0], each.shape[1]) for each in pages], notes)
        for file, pages, notes in (image, label)
    ]
    check_sizes(*sizes)


_Sizes = tuple[Path, Sequence[tuple[int, int]], Sequence[str]]
"""A file, (height, width) of its pages, and notes."""


def check_sizes(image: _Sizes, label: _Sizes) -> None:
    (image_file, images, image_notes), (label_file, labels, label_notes) = image, label
    if len(images) != len(labels):
        raise UserError(
            f"{label_file}: {len(labels)} pages, but {image_file.name} has {len(images)}; each "
            "page needs one label."
        )
    for pixels, ids in zip(images, labels, strict=True):
        if pixels != ids:
            turned = [
                f" Of {file.name}, {note}."
                for file, notes in ((image_file, image_notes), (label_file, label_notes))
                for note in notes
                if "orientation" in note
            ]
            raise UserError(
                f"{label_file}: {ids[0]} x {ids[1]} (height x width), but "
                f"{image_file.name} is {pixels[0]} x {pixels[1]}; they must agree."
                + "".join(turned)
            )


def stored_as(image: np.ndarray) -> str:
    if image.shape[-1] == 1:
        return "grey"
    if image.shape[-1] != 3:
        return f"{image.shape[-1]} channels"
    # A few pixels tell nearly every photograph.
    for part in (image[::16, ::16], image):
        if not np.all(part == part[..., :1]):
            return "colour"
    return "plain"


_KINDS = {"grey": "1 channel", "plain": "3 channels", "colour": "3 channels"}


def check_depth(pages: Sequence[PageFacts]) -> None:
    first = pages[0]
    for page in pages:
        if page.dtype != first.dtype:
            raise UserError(
                f"{first.image_file} holds {first.dtype} pixels and {page.image_file} "
                f"{page.dtype}; save all images with the same depth."
            )


def channels_of(pages: Sequence[PageFacts]) -> int:
    """1 where no image has colours and some file says so; a GIF cannot, as it knows no grey."""
    first_of: dict[str, Path] = {}
    for page in pages:
        first_of.setdefault(page.stored, page.image_file)
    others = [stored for stored in first_of if stored.endswith("channels")]
    if others:
        if len(first_of) > 1:
            one, other = [*first_of.items()][:2]
            raise UserError(
                f"{one[1]} is of {_KINDS.get(one[0], one[0])} and {other[1]} of "
                f"{_KINDS.get(other[0], other[0])}; make all images alike, or pick channels that "
                "all have with --channels."
            )
        return int(others[0].split()[0])
    if "colour" not in first_of:
        says_grey = "grey" in first_of or all(
            page.image_file.suffix.lower() == ".gif" for page in pages
        )
        return 1 if says_grey else 3
    if "grey" in first_of:
        raise UserError(
            f"{first_of['grey']} is grey and {first_of['colour']} is in colour; make all images "
            "alike."
        )
    return 3
