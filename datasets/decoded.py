"""Types that decoders of image files share: results, errors, and the layout of pixels in a file."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


class Unsuitable(ValueError):
    """A file that is complete, but whose kind of pixels is not accepted."""


class Decoded(NamedTuple):
    """The pages of a file.

    Attributes:
        pages: images, [h, w, c] of one of `pixels.IMAGE_DTYPES` each; or labels, [h, w] of
            integers each.
        notes: parts of the file that `pages` lack or show differently than intended: one phrase
            each, without the file's name.
    """

    pages: list[np.ndarray]
    notes: tuple[str, ...] = ()


class Part(NamedTuple):
    """Pixels that are read together, such as a series of a TIFF file.

    Attributes:
        pixels: with one axis per letter of `axes`.
        axes: in tifffile's notation: Y, X, C and S (samples) and others.
        page: for TIFF files, the page whose tags describe all of them.
    """

    pixels: np.ndarray
    axes: str
    page: Any = None


@dataclass(frozen=True)
class Layout:
    """How the planes of a part lie in its array.

    Attributes:
        shape, axes: shape of the array, and its axes in the notation of `Part`.
        itemsize: bytes per number.
        page: as in `Part`.
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
        """Index into the array of a window (top, left, height, width) of a plane."""
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


Process = Callable[[Part], tuple[list[np.ndarray], tuple[str, ...]]]
"""Function from the pixels of a part to images [h,w,C] or labels [h,w], and notes."""

Opener = Callable[[], AbstractContextManager[Sequence[Any]]]
"""Function that opens a file; gives one array per layout, which reads only where it is indexed."""
