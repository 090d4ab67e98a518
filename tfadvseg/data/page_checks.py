"""Checks that images and labels of a folder have equal sizes and channels. No TensorFlow here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from tfadvseg.errors import UserError


class PageFacts(Protocol):
    """The facts about images that are compared (`folder_pages.Page`)."""

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
    """Raises if an image and its label, given as file, pages and notes, differ in pages or size."""
    sizes = [
        (file, [(each.shape[0], each.shape[1]) for each in pages], notes)
        for file, pages, notes in (image, label)
    ]
    check_sizes(*sizes)


_Sizes = tuple[Path, Sequence[tuple[int, int]], Sequence[str]]
"""A file, (height, width) of its pages, and notes."""


def check_sizes(image: _Sizes, label: _Sizes) -> None:
    """Raises if an image and its label differ in the number or the size of their pages."""
    (image_file, images, image_notes), (label_file, labels, label_notes) = image, label
    if len(images) != len(labels):
        raise UserError(
            f"{label_file}: {len(labels)} pages, but {image_file.name} has {len(images)}; each "
            "page needs one label."
        )
    for pixels, ids in zip(images, labels, strict=True):
        if pixels != ids:
            turned = [
                f" {file.name}: {note}."
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
    """How the channels of an image [H,W,C] are stored (`folder_pages.Page.stored`)."""
    if image.shape[-1] == 1:
        return "grey"
    if image.shape[-1] != 3:
        return f"{image.shape[-1]} channels"
    # A few pixels suffice for nearly every photograph.
    for part in (image[::16, ::16], image):
        if not np.all(part == part[..., :1]):
            return "colour"
    return "plain"


_KINDS = {"grey": "1 channel", "plain": "3 channels", "colour": "3 channels"}


def check_depth(pages: Sequence[PageFacts]) -> None:
    """Raises if images differ in the type of their pixels."""
    first = pages[0]
    for page in pages:
        if page.dtype != first.dtype:
            raise UserError(
                f"{first.image_file} holds {first.dtype} pixels and {page.image_file} "
                f"{page.dtype}; save all images with the same depth."
            )


def channels_of(pages: Sequence[PageFacts]) -> int:
    """Number of channels of all images.

    Images in three equal channels count as grey if another file is stored as grey, or if all are
    GIFs, which have no grey type.

    Raises:
        UserError: images differ in their channels.
    """
    first_of: dict[str, Path] = {}
    for page in pages:
        first_of.setdefault(page.stored, page.image_file)
    others = [stored for stored in first_of if stored.endswith("channels")]
    if others:
        if len(first_of) > 1:
            one, other = [*first_of.items()][:2]
            raise UserError(
                f"{one[1]} has {_KINDS.get(one[0], one[0])} and {other[1]} "
                f"{_KINDS.get(other[0], other[0])}; convert them to the same number, or select "
                "channels that all have with --channels."
            )
        return int(others[0].split()[0])
    if "colour" not in first_of:
        says_grey = "grey" in first_of or all(
            page.image_file.suffix.lower() == ".gif" for page in pages
        )
        return 1 if says_grey else 3
    if "grey" in first_of:
        raise UserError(
            f"{first_of['grey']} is grey and {first_of['colour']} is in colour; convert all images "
            "to one of these."
        )
    return 3
